"""A clock that calls a step as often as its robot's time passes."""

import itertools
import time
from collections.abc import Callable, Iterator

_LATE = 0.2  # s; further behind, the clock is set anew
_EVERY = 25  # steps a measurement


class RealTime:
  """Steps in real time.

  Attributes:
    rate: steps a second, measured.
  """

  def __init__(self):
    """Nothing is measured yet."""
    self.rate = 0.0

  def run(
    self,
    step: Callable[[], float],
    steps: Iterator[int] | None = None,
  ) -> None:
    """Steps for so many steps; for ever when None.

    Args:
      step: takes a step and says how long it was [s].
      steps: their numbers.
    """
    due = started = time.monotonic()
    for count in steps or itertools.count():
      due += step()
      now = time.monotonic()
      if now - due > _LATE:
        due = now
      time.sleep(max(due - now, 0.0))
      if count % _EVERY == _EVERY - 1:
        self.rate = _EVERY / (time.monotonic() - started)
        started = time.monotonic()
