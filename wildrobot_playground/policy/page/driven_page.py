"""What every page has on which robots are driven: servers, and real time."""

import abc
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from wildrobot_playground.policy.page import server
from wildrobot_playground.web import address, view

_LATE = 0.2  # s; further behind, the clock is set anew
_EVERY = 25  # steps a measurement


class DrivenPage(abc.ABC):
  """A page that steps its robots as fast as their time passes.

  Attributes:
    view: viser's server of the 3-D view.
    joystick: the server of the page around it, once `serve` was called.
    rate: control steps a second, measured.
  """

  joystick: server.JoystickServer

  def __init__(self, page: address.Listener, inside: address.Listener):
    """Starts the 3-D view.

    Args:
      page: the port of the page; closed with it.
      inside: the port of the 3-D view in it; closed with it.
    """
    self._page, self._inside = page, inside
    self._lock = threading.Lock()
    self.rate = 0.0
    self.view = view.serve(inside, page.port)

  def serve(self, fastest: float, turn: float) -> None:
    """Starts the page.

    Args:
      fastest: speed of its stick, pushed ahead [m/s].
      turn: turn rate of its stick, pushed aside [rad/s].
    """
    self.joystick = server.JoystickServer(
      self._page,
      {"port": self._inside.port, "fastest": fastest, "turn": turn},
      self.drive,
      self.push,
      self.state,
    )

  def drive(self, speed: float, turn: float = 0.0) -> None:
    """Tells the robots a speed [m/s] and a turn rate [rad/s] to the left.

    Raises:
      ValueError: for numbers that are not finite; others are clipped.
    """
    if not np.isfinite([speed, turn]).all():
      raise ValueError(f"speed {speed}, turn {turn}: expected finite numbers")
    self.tell(speed, turn)

  @abc.abstractmethod
  def tell(self, speed: float, turn: float) -> None:
    """See `drive`; the numbers are finite."""

  @abc.abstractmethod
  def push(self) -> None:
    """Pushes every robot in a random direction."""

  @abc.abstractmethod
  def state(self) -> dict[str, Any]:
    """What the page shows: a number, or NaN, each."""

  @abc.abstractmethod
  def step(self) -> float:
    """One control step of all robots and the picture; how long it was [s]."""

  def run(self, steps: Iterator[int] | None = None) -> None:
    """Steps in real time for so many steps; for ever when None."""
    due = started = time.monotonic()
    for count in steps or itertools.count():
      due += self.step()
      now = time.monotonic()
      if now - due > _LATE:
        due = now
      time.sleep(max(due - now, 0.0))
      if count % _EVERY == _EVERY - 1:
        self.rate = _EVERY / (time.monotonic() - started)
        started = time.monotonic()

  def close(self) -> None:
    """Stops the servers."""
    self.joystick.close()
    view.stop(self.view)
