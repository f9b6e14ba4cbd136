"""Robots in plain MuJoCo, seen and moved as the control loop would: no jax."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from wildrobot_playground import features
from wildrobot_playground.envs import batch_stepper, servo
from wildrobot_playground.policy.controller import Readings, gravity
from wildrobot_playground.policy.sim import plant
from wildrobot_playground.policy.sim.conditions import Conditions, alter
from wildrobot_playground.robots import rotations

_JOINT_POS_SPREAD = 0.05  # rad, of the first poses
_JOINT_VEL_SPREAD = 0.2  # rad/s
_PUSH_INTERVAL = 3.0  # s


class Simulation:
  """A number of robots, one control step after another.

  Attributes:
    plant: the robot.
    dt: control step [s].
    qpos: (N, nq); NaN for a robot whose physics has diverged.
    qvel: (N, nv).
  """

  def __init__(
    self,
    robot: plant.Plant,
    contract: Mapping[str, Any],
    conditions: Conditions | None = None,
    seed: int = 0,
  ):
    """Alters the model as the conditions say.

    Args:
      robot: compiled with the conditions' backlash.
      contract: of the policy.
      conditions: what is unlike the training.
      seed: of first poses, noise and pushes.

    Raises:
      ValueError: when the control step, or a part of it in which the servos'
        limit holds, is no multiple of the time step.
    """
    conditions = conditions or Conditions()
    self.plant = robot
    self.dt = 1.0 / contract["control_rate"]
    self._parts = servo.UPDATES if conditions.torque_speed_limit else 1
    part, timestep = self.dt / self._parts, robot.model.opt.timestep
    self._substeps = round(part / timestep)
    if not np.isclose(self._substeps * timestep, part):
      raise ValueError(f"{part:g} s are no multiple of the step {timestep:g} s")
    self._conditions = conditions
    self._joints = contract["joints"]
    self._noise = contract["trained_noise"]
    self._rng = np.random.default_rng(seed)
    alter(robot, conditions)
    self._step = batch_stepper.BatchStepper(robot.model)
    self.reset(1)

  def reset(self, size: int, spread: float = 1.0) -> None:
    """Puts robots at the origin near the default pose, at random headings.

    Args:
      size: how many.
      spread: of the first poses, velocities and headings; 0 for none.

    Raises:
      ValueError: for less than one robot.
    """
    if size < 1:
      raise ValueError(f"{size} robots to simulate, expected 1 or more")
    model, rng, robot = self.plant.model, self._rng, self.plant
    default = np.array([joint["default"] for joint in self._joints])

    def uniform(bound: float, count: int) -> np.ndarray:
      return spread * rng.uniform(-bound, bound, (size, count))

    self.qpos = np.zeros((size, model.nq), np.float32)
    self.qvel = np.zeros((size, model.nv), np.float32)
    angles = default + uniform(_JOINT_POS_SPREAD, len(default))
    lower = [joint["lower"] for joint in self._joints]
    upper = [joint["upper"] for joint in self._joints]
    self.qpos[:, robot.joints] = np.clip(angles, lower, upper)
    self.qvel[:, robot.dofs] = uniform(_JOINT_VEL_SPREAD, len(default))
    yaw = uniform(np.pi, 1)[:, 0]
    self.qpos[:, robot.root[3]] = np.cos(yaw / 2)
    self.qpos[:, robot.root[6]] = np.sin(yaw / 2)
    self.qpos[:, robot.root[2]] = plant.standing_height(robot, self.qpos)
    self._targets = np.tile(default.astype(np.float32), (size, 1))
    self._waiting = [self._targets] * self._conditions.action_delay
    self._time = 0
    *_, self._sensordata = self._call(0)

  def readings(self) -> Readings:
    """What the robots measure now, noise and all."""
    robot = self.plant
    orientation = self._sensordata[:, robot.orientation]
    gyro = self._sensordata[:, robot.gyro]
    joint_pos = self.qpos[:, robot.joints]
    joint_vel = self.qvel[:, robot.dofs]
    if self._conditions.noise > 0:
      orientation = self._tilted(orientation)
      gyro = self._noisy(gyro, "gyro")
      joint_pos = self._noisy(joint_pos, "joint_pos")
      joint_vel = self._noisy(joint_vel, "joint_vel")
    if not self._conditions.measured_joint_vel:
      joint_vel = None
    return Readings(orientation, gyro, joint_pos, joint_vel)

  def step(self, targets: np.ndarray) -> None:
    """Moves on by one control step under servo targets (N, J) [rad]."""
    self._waiting.append(targets)
    self._targets = self._waiting.pop(0)
    self._time += 1
    if self._conditions.push > 0:
      interval = round(_PUSH_INTERVAL / self.dt)
      if self._time % interval == 0:
        self.push(self._conditions.push)
    for _ in range(self._parts):
      self.qpos, self.qvel, self._sensordata = self._call(self._substeps)

  def push(self, speed: float, direction: float | None = None) -> None:
    """Changes every pelvis's velocity [m/s] at once.

    Args:
      speed: of the change.
      direction: in the world [rad]; every robot's own random one when None.
    """
    size = len(self.qvel)
    theta = self._rng.uniform(0, 2 * np.pi, size)
    if direction is not None:
      theta = np.full(size, direction)
    kick = speed * np.stack([np.cos(theta), np.sin(theta)], axis=-1)
    self.qvel[:, self.plant.root_dof[:2]] += kick.astype(np.float32)

  @property
  def torque(self) -> np.ndarray:
    """(N, J) of the servos [N·m]."""
    return self._sensordata[:, self.plant.torques]

  def fallen(self, limits: Mapping[str, float]) -> np.ndarray:
    """(N,) whether a robot is on the ground, by the contract's limits."""
    root = self.qpos[:, self.plant.root]
    height = root[:, 2] - self.plant.ground(root[:, :2])
    upright = -gravity(self._sensordata[:, self.plant.orientation])[:, 2]
    # No comparison finds a NaN in order.
    in_order = (height >= limits["min_height"]) & (
      height <= limits["max_height"]
    )
    return ~(in_order & (upright >= np.cos(limits["max_tilt"])))

  def _call(self, substeps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ctrl = np.zeros((len(self.qpos), self.plant.model.nu), np.float32)
    ctrl[:, self.plant.servos] = self._reachable()
    sound = np.isfinite(self.qpos).all(axis=-1) & np.isfinite(ctrl).all(axis=-1)
    # What has diverged stays so; C would warn of it step after step.
    qpos, qvel = self.qpos.copy(), self.qvel.copy()
    qpos[~sound], qvel[~sound], ctrl[~sound] = self.plant.model.qpos0, 0.0, 0.0
    found = self._step(substeps, {"qpos": qpos, "qvel": qvel, "ctrl": ctrl})
    for values in found.values():
      values[~sound] = np.nan
    return found["qpos"], found["qvel"], found["sensordata"]

  def _reachable(self) -> np.ndarray:
    """(N, J) targets [rad] within what the servos have at their speeds."""
    if not self._conditions.torque_speed_limit:
      return self._targets
    robot = self.plant
    return servo.limit(
      self._targets,
      self.qpos[:, robot.joints],
      self.qvel[:, robot.dofs],
      robot.model.actuator_gainprm[robot.servos, 0],
      -robot.model.actuator_biasprm[robot.servos, 2],
    )

  def _noisy(self, values: np.ndarray, name: str) -> np.ndarray:
    bound = self._conditions.noise * self._noise[name]
    noise = self._rng.uniform(-bound, bound, values.shape)
    return (values + noise).astype(np.float32)

  def _tilted(self, orientation: np.ndarray) -> np.ndarray:
    """Orientations turned by small random angles about all three axes."""
    bounds = [self._noise[name] for name in ("gravity", "gravity", "heading")]
    angles = self._rng.uniform(-1.0, 1.0, (len(orientation), 3)) * bounds
    half = self._conditions.noise * angles / 2
    turn = np.concatenate([np.ones((len(half), 1)), half], axis=-1)
    turn /= np.linalg.norm(turn, axis=-1, keepdims=True)
    return rotations.multiply(turn, orientation).astype(np.float32)


def step_features(
  simulation: Simulation, before: np.ndarray, velocity_mode: str
) -> np.ndarray:
  """(N, F) AMP features of the step just taken.

  Args:
    simulation: after the step.
    before: (N, 7 + J) poses before it, see `Plant.pose`.
    velocity_mode: of the features.
  """
  robot, ground = simulation.plant, simulation.plant.ground
  after = robot.pose(simulation.qpos)
  return features.amp_features(
    before,
    after,
    robot.reference.sole.state(after, ground).contact,
    simulation.dt,
    velocity_mode,
    ground_height=ground(after[:, :2]),
  )
