"""Episodes of a simulation over a grid of commands, all robots at once."""

from collections.abc import Sequence

import numpy as np

from wildrobot_playground import features
from wildrobot_playground.policy.controller import Policy, heading
from wildrobot_playground.policy.metrics import episodes
from wildrobot_playground.policy.sim.simulation import (
  Simulation,
  step_features,
)


def roll_out(
  policy: Policy,
  simulation: Simulation,
  commands: Sequence[float],
  num_episodes: int,
  num_steps: int,
  velocity_mode: str = "direction",
) -> list[episodes.Rollout]:
  """Episodes over a grid of commands, all robots at once.

  Args:
    policy: with its contract.
    simulation: is reset.
    commands: forward speeds [m/s].
    num_episodes: robots a command.
    num_steps: control steps.
    velocity_mode: of the AMP features.

  Returns:
    One `Rollout` a command.

  Raises:
    ValueError: see `episodes.check_grid`.
  """
  episodes.check_grid(commands, num_episodes, num_steps)
  size = len(commands) * num_episodes
  simulation.reset(size)
  orientation = simulation.readings().orientation
  # One that diverges at once has fallen, whatever it starts with.
  orientation = np.where(
    np.isfinite(orientation).all(axis=-1, keepdims=True),
    orientation,
    np.array([1, 0, 0, 0], np.float32),
  )
  phase = np.random.default_rng(0).uniform(0, 2 * np.pi, size)
  policy.reset(orientation, phase)
  recorder = _Recorder(simulation, policy, velocity_mode)
  speeds = np.repeat(np.asarray(commands, np.float32), num_episodes)
  for _ in range(num_steps):
    # Not `Policy.step`: robots that have diverged are blind, the rest walk on.
    observation = policy.observe(simulation.readings(), speeds)
    simulation.step(policy.controller.act(policy.infer(observation)))
    recorder.add()
  return episodes.split(
    recorder.records(),
    simulation.dt,
    [float(command) for command in commands],
    num_episodes,
    features.FeatureLayout.of_robot(simulation.plant.reference.description),
  )


class _Recorder:
  """Keeps what `Rollout` wants of every step."""

  def __init__(
    self, simulation: Simulation, policy: Policy, velocity_mode: str
  ):
    self._simulation = simulation
    self._limits = policy.controller.contract["fall"]
    self._mode = velocity_mode
    self._qpos = simulation.plant.pose(simulation.qpos)
    self._heading = heading(self._qpos[:, 3:7])
    self._first = self._forward_left(self._qpos[:, :2])
    self._alive = np.ones(len(self._qpos), bool)
    self._steps: list[dict[str, np.ndarray]] = []

  def add(self) -> None:
    """Records the state after a step."""
    simulation, robot = self._simulation, self._simulation.plant
    qpos = robot.pose(simulation.qpos)
    self._alive = self._alive & ~simulation.fallen(self._limits)
    error = heading(qpos[:, 3:7]) - self._heading
    self._steps.append(
      {
        "alive": self._alive,
        "position": self._forward_left(qpos[:, :2]) - self._first,
        "velocity": self._forward_left(simulation.qvel[:, robot.root_dof[:2]]),
        "heading_error": np.arctan2(np.sin(error), np.cos(error)),
        "qpos": qpos,
        "features": step_features(simulation, self._qpos, self._mode),
        "torque": simulation.torque,
        "joint_vel": simulation.qvel[:, robot.dofs],
      }
    )
    self._qpos = qpos

  def records(self) -> dict[str, np.ndarray]:
    """Everything, stacked over time."""
    return {
      name: np.stack([step[name] for step in self._steps])
      for name in self._steps[0]
    }

  def _forward_left(self, vector: np.ndarray) -> np.ndarray:
    """World vectors (N, 2) along and across the first headings."""
    cos, sin = np.cos(self._heading), np.sin(self._heading)
    x, y = vector[:, 0], vector[:, 1]
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=-1)
