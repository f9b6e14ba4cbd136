"""The page of a robot that is told forward, sideways and turning speeds."""

import threading
from collections.abc import Iterator
from typing import Any, Protocol

import mujoco
import numpy as np

from wildrobot_playground.policy.metrics import joystick
from wildrobot_playground.policy.page import ground, live_plots, server
from wildrobot_playground.policy.page.real_time import RealTime
from wildrobot_playground.web import address, drawing, view

_SMOOTHING = 0.05  # of the speed that is shown, a control step
_AWAY = np.array([2.2, -2.6, 0.9])  # of the camera, in heights of the robot
_HELP = (
  "The stick gives forward speed and turning; these sliders all three."
  " **space** pushes, **X** stops, **R** starts again"
)


class Player(Protocol):
  """A robot under a policy, one control step after another.

  Attributes:
    model: of its positions.
    dt: control step [s].
    low: (3,) the least that it is told: forward, left [m/s], turn [rad/s].
    high: (3,) the most.
    qpos: (nq,) where it is now.
    twist: (3,) its speeds in the frame of its heading.
    falls: how often it has fallen.
  """

  model: mujoco.MjModel
  dt: float
  low: np.ndarray
  high: np.ndarray
  qpos: np.ndarray
  twist: np.ndarray
  falls: int

  def step(self, command: np.ndarray) -> None:
    """One control step, told (3,); one that has fallen starts anew."""

  def push(self) -> None:
    """Pushes it in a random direction."""

  def reset(self) -> None:
    """Starts anew."""


class JoystickApp:
  """A robot that walks as it is told, in real time.

  Attributes:
    player: the robot.
    joystick: the server of the page.
    view: viser's server of the 3-D view inside it.
  """

  def __init__(
    self, player: Player, page: address.Listener, inside: address.Listener
  ):
    """Starts the servers.

    Args:
      player: the robot.
      page: the port of the page; closed with it.
      inside: the port of the 3-D view in it; closed with it.
    """
    self.player = player
    self._lock = threading.Lock()
    self._clock = RealTime()
    self._mean_speed = 0.0
    self._data = mujoco.MjData(player.model)
    self.view = view.serve(inside, page.port)
    self._build_scene()
    self._build_panel()
    turn = float(min(-player.low[2], player.high[2]))
    self.joystick = server.JoystickServer(
      page,
      {
        "port": inside.port,
        "fastest": float(max(player.high[0], 0.1)),
        "turn": max(turn, 0.1),
      },
      self.drive,
      self.push,
      self._state,
    )

  def drive(self, speed: float, turn: float = 0.0) -> None:
    """Tells the robot a speed [m/s] ahead and a turn rate [rad/s] to the left.

    Raises:
      ValueError: for numbers that are not finite; others are clipped.
    """
    if not np.isfinite([speed, turn]).all():
      raise ValueError(f"speed {speed}, turn {turn}: expected finite numbers")
    for slider, value in ((self._sliders[0], speed), (self._sliders[2], turn)):
      slider.value = float(np.clip(value, slider.min, slider.max))

  def push(self) -> None:
    """Pushes the robot."""
    with self._lock:
      self.player.push()

  def reset(self) -> None:
    """Starts anew."""
    with self._lock:
      self.player.reset()

  def step(self) -> float:
    """One control step and the picture of it; how long it was [s]."""
    command = np.array([view.value_of(slider) for slider in self._sliders])
    with self._lock:
      self.player.step(command)
    with self.view.atomic():
      self._draw(command)
    return self.player.dt

  def run(self, steps: Iterator[int] | None = None) -> None:
    """Walks in real time for so many steps; for ever when None."""
    self._clock.run(self.step, steps)

  def close(self) -> None:
    """Stops the servers."""
    self.joystick.close()
    view.stop(self.view)

  def _stop(self) -> None:
    for slider in self._sliders:
      slider.value = 0.0

  def _state(self) -> dict[str, Any]:
    return {
      "speed": self._mean_speed,
      "command": view.value_of(self._sliders[0]),
      "falls": self.player.falls,
      "rate": self._clock.rate,
    }

  def _build_scene(self) -> None:
    model = self.player.model
    self._drawing = drawing.Drawing(self.view.scene, "/robot", model)
    self._ground = ground.Ground(self.view.scene, model)
    height = float(self.player.qpos[2])
    self.view.initial_camera.position = tuple(_AWAY * height)
    self.view.initial_camera.look_at = (0.0, 0.0, 0.7 * height)

  def _build_panel(self) -> None:
    gui, player = self.view.gui, self.player
    self._sliders = []
    for i, (part, unit) in enumerate(
      zip(joystick.PARTS, joystick.UNITS, strict=True)
    ):
      low, high = float(player.low[i]), float(player.high[i])
      if low == high:
        high = low + 0.1  # viser has no slider of one value.
      low, high = min(low, 0.0), max(high, 0.0)
      slider = gui.add_slider(f"{part} [{unit}]", low, high, 0.05, 0.0)
      self._sliders.append(slider)
    gui.add_button("push").on_click(lambda _: self.push())
    gui.add_button("start again").on_click(lambda _: self.reset())
    gui.add_markdown(_HELP)
    limits = (float(player.low[0]) - 0.3, float(player.high[0]) + 0.3)
    self._plot = live_plots.LivePlot(
      gui, "forward [m/s]", ["command", "robot"], player.dt, limits
    )
    for label, key, act in (
      ("stop", "X", self._stop),
      ("push", "space", self.push),
      ("start again", "R", self.reset),
    ):
      command: Any = gui.add_command(label, hotkey=key)
      command.on_trigger(lambda _, act=act: act())

  def _draw(self, command: np.ndarray) -> None:
    """The robot in the middle of the view, wherever it has gone."""
    qpos = self.player.qpos.copy()
    self._ground.follow(qpos[0], qpos[1])
    qpos[:2] = 0.0
    self._data.qpos[:] = qpos
    mujoco.mj_kinematics(self.player.model, self._data)
    self._drawing.show(self._data)
    forward = float(self.player.twist[0])
    self._mean_speed += _SMOOTHING * (forward - self._mean_speed)
    self._plot.add([float(command[0]), forward])
