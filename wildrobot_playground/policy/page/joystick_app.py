"""The page of a robot that is told forward, sideways and turning speeds."""

from typing import Any, Protocol

import mujoco
import numpy as np

from wildrobot_playground.policy.metrics import joystick
from wildrobot_playground.policy.page import driven_page, ground, live_plots
from wildrobot_playground.web import address, drawing, view

_SMOOTHING = 0.05  # of the speed that is shown, a control step
_AWAY = np.array([2.2, -2.6, 0.9])  # of the camera, in heights of the robot
_LEAST = 0.1  # m/s or rad/s
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


class JoystickApp(driven_page.DrivenPage):
  """A robot that walks as it is told.

  Attributes:
    player: the robot.
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
    super().__init__(page, inside)
    self.player = player
    self._mean_speed = 0.0
    self._data = mujoco.MjData(player.model)
    self._low = np.minimum(player.low, 0.0)
    self._high = np.maximum(player.high, 0.0)
    self._build_scene()
    self._build_panel()
    # A stick needs a way to go, also where the task has none.
    turn = float(min(-self._low[2], self._high[2]))
    self.serve(max(float(self._high[0]), _LEAST), max(turn, _LEAST))

  def tell(self, speed: float, turn: float) -> None:
    """See `drive`; the numbers are finite."""
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
    told = [view.value_of(slider) for slider in self._sliders]
    command = np.clip(told, self._low, self._high)
    with self._lock:
      self.player.step(command)
    with self.view.atomic():
      self._draw(command)
    return self.player.dt

  def _stop(self) -> None:
    for slider in self._sliders:
      slider.value = 0.0

  def state(self) -> dict[str, Any]:
    """What the page shows: a number, or NaN, each."""
    return {
      "speed": self._mean_speed,
      "command": view.value_of(self._sliders[0]),
      "falls": self.player.falls,
      "rate": self.rate,
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
      low, high = float(self._low[i]), float(self._high[i])
      slider = gui.add_slider(
        f"{part} [{unit}]",
        low,
        max(high, low + _LEAST),  # viser has no slider of one value.
        0.05,
        0.0,
        disabled=low == high,
      )
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
