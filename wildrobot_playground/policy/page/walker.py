"""A robot that walks under a policy, one control step after another."""

import pathlib

import mujoco
import numpy as np

from wildrobot_playground import features, robots
from wildrobot_playground.policy import controller
from wildrobot_playground.policy.sim import plant, sim_to_sim, simulation

_SLOWEST_TURN = 0.1  # m/s; a robot that stands cannot turn


class Walker:
  """One robot, its policy and its simulation.

  Attributes:
    name: of the policy.
    falls: how often it has fallen so far.
    features: (F,) of the step just taken.
    command: forward speed [m/s] that it is told.
  """

  def __init__(
    self,
    name: str,
    policy: controller.Policy,
    robot: plant.Plant,
    style: "Style | None" = None,
  ):
    """Puts the robot on its feet at the origin, heading along x."""
    self.name = name
    self.falls = 0
    self.command = 0.0
    self._policy = policy
    self._style = style
    contract = policy.controller.contract
    self._limits = contract["fall"]
    self._simulation = simulation.Simulation(robot, contract)
    self.reset()

  def reset(self) -> None:
    """Puts it back at the origin, on its feet."""
    self._simulation.reset(1, spread=0.0)
    self._policy.reset(self._simulation.readings().orientation)
    layout = features.FeatureLayout.of_robot(self.robot.description)
    self.features = np.zeros(layout.size, np.float32)

  def step(self, turn: float = 0.0) -> None:
    """One control step; one that has fallen starts anew.

    Args:
      turn: rate [rad/s] to the left at which its target heading turns, while it
        walks.
    """
    sim, loop = self._simulation, self._policy.controller
    if self.command >= _SLOWEST_TURN:
      loop.heading_target = loop.heading_target + np.float32(turn * sim.dt)
    before = self.pose[None]
    sim.step(self._policy.step(sim.readings(), np.array([self.command])))
    mode = self._style.velocity_mode if self._style else "direction"
    self.features = simulation.step_features(sim, before, mode)[0]
    if sim.fallen(self._limits)[0]:
      self.falls += 1
      self.reset()

  def push(self, speed: float, direction: float | None = None) -> None:
    """See `Simulation.push`."""
    self._simulation.push(speed, direction)

  @property
  def model(self) -> mujoco.MjModel:
    """The compiled scene."""
    return self._simulation.plant.model

  @property
  def robot(self) -> robots.Robot:
    """As reference and training have it."""
    return self._simulation.plant.reference

  @property
  def dt(self) -> float:
    """Control step [s]."""
    return self._simulation.dt

  @property
  def pose(self) -> np.ndarray:
    """(7 + J,) root pose and link angles."""
    return self._simulation.plant.pose(self._simulation.qpos)[0]

  @property
  def speed(self) -> float:
    """Of the pelvis along its target heading [m/s]."""
    heading = float(self._policy.controller.heading_target[0])
    dofs = self._simulation.plant.root_dof[:2]
    x, y = self._simulation.qvel[0, dofs]
    return float(np.cos(heading) * x + np.sin(heading) * y)

  @property
  def torque(self) -> np.ndarray:
    """(J,) of the servos [N·m]."""
    return self._simulation.torque[0]

  @property
  def style(self) -> float:
    """The discriminator's score: 1 looks like the reference; NaN without."""
    return float("nan") if self._style is None else self._style(self.features)

  @property
  def heading(self) -> float:
    """Of the pelvis, from x [rad]."""
    return float(controller.heading(self.pose[3:7]))


class Style:
  """A discriminator's score of single steps.

  Attributes:
    velocity_mode: of the features that it knows.
  """

  def __init__(self, path: pathlib.Path):
    """Loads `style.onnx`.

    Raises:
      ContractError: for a file that cannot be used.
    """
    self._session = controller.load_session(path)
    meta = self._session.get_modelmeta().custom_metadata_map
    self.velocity_mode = meta.get("velocity_mode", "direction")

  def __call__(self, row: np.ndarray) -> float:
    """The score of features (F,)."""
    rows = row[None].astype(np.float32)
    (score,) = self._session.run(["score"], {"features": rows})
    return float(score[0, 0])


def style_beside(policy_path: pathlib.Path) -> Style | None:
  """The discriminator exported beside a policy, if there is one."""
  folder = policy_path if policy_path.is_dir() else policy_path.parent
  path = folder / sim_to_sim.STYLE_FILE
  return Style(path) if path.is_file() else None
