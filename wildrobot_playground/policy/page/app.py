"""The page: robots that walk live, a joystick, plots, a ghost to compare."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.policy import controller
from wildrobot_playground.policy.page import driven_page, ghost, live_plots
from wildrobot_playground.policy.page import ground as ground_lib
from wildrobot_playground.policy.page.walker import Style, Walker
from wildrobot_playground.policy.sim import plant
from wildrobot_playground.robots import scene
from wildrobot_playground.web import address, drawing, view

T = TypeVar("T")
_TURN = 0.5  # rad/s
_APART = 0.7  # m between robots
_PUSH = 0.3  # m/s
_SMOOTHING = 0.05  # of the speed that is shown, a control step
_TERRAINS = {name: name for name in scene.TERRAINS}
_PHYSICS = {
  "full accuracy": plant.FULL_ACCURACY,
  "4 ms, pyramidal cones": plant.Solver(timestep=0.004, cone="pyramidal"),
}
_KEYS = (
  "**W** **S** faster, slower - **A** **D** turn, while walking -"
  " **space** push - **X** stop - **R** start again"
)


@dataclasses.dataclass(frozen=True)
class Entrant:
  """A policy that walks on the page.

  Attributes:
    name: shown above the robot.
    policy: exported.
    style: its discriminator, if it was exported as well.
  """

  name: str
  policy: controller.Policy
  style: Style | None = None


class App(driven_page.DrivenPage):
  """Robots under policies, side by side, in real time.

  Attributes:
    walkers: one an entrant.
  """

  def __init__(
    self,
    entrants: Sequence[Entrant],
    page: address.Listener,
    inside: address.Listener,
    model: str | None = None,
  ):
    """Starts the servers and puts the robots on their feet.

    Args:
      entrants: from left to right.
      page: the port of the page; closed with it.
      inside: the port of the 3-D view in it; closed with it.
      model: an MJCF of the robot; ours when None.

    Raises:
      ContractError: for policies and models that do not fit.
    """
    super().__init__(page, inside)
    self._entrants = list(entrants)
    self._model = model
    self._changed = True
    self._turn = 0.0
    self._ground: ground_lib.Ground | None = None
    self._robots = [
      plant.robot_of(entrant.policy.controller.contract)
      for entrant in self._entrants
    ]
    self._ghost = ghost.Ghost(self._robots[0].description)
    self._build_scene()
    self._build_panel()
    self._rebuild()
    self.serve(self._speed.max, _TURN)

  def tell(self, speed: float, turn: float) -> None:
    """See `drive`; the numbers are finite."""
    self._speed.value = float(np.clip(speed, 0.0, self._speed.max))
    self._turn = float(np.clip(turn, -_TURN, _TURN))

  def push(self) -> None:
    """Pushes every robot in a random direction."""
    with self._lock:
      for walker in self.walkers:
        walker.push(view.value_of(self._push_speed))

  def reset(self) -> None:
    """Puts every robot back on its feet."""
    with self._lock:
      for walker in self.walkers:
        walker.reset()

  def step(self) -> float:
    """One control step of all robots and the picture; how long it was [s]."""
    if self._changed:
      self._rebuild()
    command = view.value_of(self._speed)
    with self._lock:
      for walker in self.walkers:
        walker.command = command
        walker.step(self._turn)
    with self.view.atomic():
      self._draw(command)
    return self._dt

  def _faster(self, more: float) -> None:
    """Changes the speed by so much [m/s], straight on."""
    self.drive(view.value_of(self._speed) + more)

  def state(self) -> dict[str, Any]:
    """What the page shows: a number, or NaN, each."""
    first = self.walkers[0]
    return {
      "speed": self._mean_speed,
      "command": view.value_of(self._speed),
      "falls": first.falls,
      "rate": self.rate,
    }

  # The page.

  def _build_scene(self) -> None:
    view_scene = self.view.scene
    self._drawings = []
    for i, entrant in enumerate(self._entrants):
      self._drawings.append(
        drawing.Drawing(view_scene, f"/robot{i}", self._robots[i].model)
      )
      if len(self._entrants) > 1:
        view_scene.add_label(
          f"/robot{i}/name", entrant.name, position=(0.0, 0.0, 0.75)
        )
    self._shade = drawing.Drawing(
      view_scene, "/ghost", self._robots[0].model, opacity=0.35
    )
    self.view.initial_camera.position = (0.95, -1.15, 0.6)
    self.view.initial_camera.look_at = (0.0, 0.1, 0.27)

  def _build_panel(self) -> None:
    gui = self.view.gui
    fastest = min(
      float(e.policy.controller.command_range[1]) for e in self._entrants
    )
    self._speed = gui.add_slider("speed [m/s]", 0.0, fastest, 0.05, 0.0)
    self._push_speed = gui.add_slider("push [m/s]", 0.0, 1.0, 0.05, _PUSH)
    gui.add_button("push").on_click(lambda _: self.push())
    gui.add_button("start again").on_click(lambda _: self.reset())
    # A model of the user's brings its own ground.
    self._terrain = gui.add_dropdown(
      "terrain", tuple(_TERRAINS), disabled=self._model is not None
    )
    self._physics = gui.add_dropdown("physics", tuple(_PHYSICS))
    for choice in (self._terrain, self._physics):
      choice.on_update(lambda _: setattr(self, "_changed", True))
    self._show_ghost = gui.add_checkbox("reference beside it", True)
    gui.add_markdown(_KEYS)
    self._build_plots(gui)
    hotkeys: tuple[tuple[str, Any, Callable[[], None]], ...] = (
      ("faster", "W", lambda: self._faster(0.05)),
      ("slower", "S", lambda: self._faster(-0.05)),
      ("stop", "X", lambda: self.drive(0.0)),
      ("push", "space", self.push),
      ("start again", "R", self.reset),
    )
    for label, key, act in hotkeys:
      command = gui.add_command(label, hotkey=key)
      command.on_trigger(lambda _, act=act: act())

  def _build_plots(self, gui: Any) -> None:
    dt = self._entrants[0].policy.controller.dt
    names = [entrant.name for entrant in self._entrants]
    self._speed_plot = live_plots.LivePlot(
      gui, "velocity [m/s]", ["command", *names], dt, (-0.2, 1.4)
    )
    self._torque_plot = live_plots.LivePlot(
      gui, "largest torque [N·m]", names, dt, (0.0, 4.5)
    )
    self._style_plot = None
    if any(entrant.style for entrant in self._entrants):
      self._style_plot = live_plots.LivePlot(
        gui, "style score", names, dt, (-0.5, 1.5)
      )

  def _rebuild(self) -> None:
    """Puts new robots on the chosen ground, in the chosen physics."""
    self._changed = False
    walkers = [
      Walker(
        entrant.name,
        entrant.policy,
        plant.load(
          entrant.policy.controller.contract,
          self._model,
          _chosen(_PHYSICS, self._physics.value),
          ground=_chosen(_TERRAINS, self._terrain.value),
        ),
        entrant.style,
      )
      for entrant in self._entrants
    ]
    with self._lock:
      self.walkers = walkers
    self._dt = walkers[0].dt
    self._mean_speed = 0.0
    if self._ground is not None:
      self._ground.remove()
    self._ground = ground_lib.Ground(self.view.scene, walkers[0].model)

  def _draw(self, command: float) -> None:
    """All robots side by side, the first one in the middle of the view."""
    leader = self.walkers[0].pose
    apart = _APART * self._robots[0].size
    if self._ground is not None:
      self._ground.follow(leader[0], leader[1])
    for i, walker in enumerate(self.walkers):
      # Beside each other, wherever each has gone.
      self._show(self._drawings[i], self._robots[i], walker.pose, -apart * i)
    visible = self._show_ghost.value and bool(self._ghost.clips)
    if self._shade.visible != visible:
      self._shade.visible = visible
    if self._ghost.clips:
      pose = self._ghost.advance(self._dt, command, self.walkers[0].heading)
      self._show(self._shade, self._robots[0], pose, apart)
    self._plot(command)

  def _plot(self, command: float) -> None:
    speeds = [walker.speed for walker in self.walkers]
    self._mean_speed += _SMOOTHING * (speeds[0] - self._mean_speed)
    self._speed_plot.add([command, *speeds])
    self._torque_plot.add([np.abs(w.torque).max() for w in self.walkers])
    if self._style_plot is not None:
      self._style_plot.add([walker.style for walker in self.walkers])

  def _show(
    self,
    drawn: drawing.Drawing,
    robot: robots.Robot,
    pose: np.ndarray,
    left: float,
  ) -> None:
    """Draws a pose (7 + J,) on the spot that is `left` [m] of the middle."""
    drawn.place = np.array([0.0, left, 0.0])
    spot = np.concatenate([[0.0, 0.0], pose[2:]])
    drawn.show(robot.forward(robot.qpos(spot)))


def _chosen(options: Mapping[str, T], name: str) -> T:
  """An option; the first for a name that no panel of ours offers."""
  return options.get(name, next(iter(options.values())))
