"""Episodes of one commanded speed, as arrays: what every metric reads."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Rollout:
  """Episodes of one commanded speed; arrays lead with (T, N).

  Attributes:
    dt: control step [s].
    command: commanded forward speed [m/s].
    alive: (T, N) whether that robot has not fallen up to then.
    position: (T, N, 2) pelvis [m], forward and left of the target heading,
      from the start.
    velocity: (T, N, 2) pelvis velocity [m/s] in the same frame.
    heading_error: (T, N) [rad].
    qpos: (T, N, 16).
    features: (T, N, 29) AMP features.
    torque: (T, N, 9) [N·m].
    joint_vel: (T, N, 9) [rad/s].
  """

  dt: float
  command: float
  alive: np.ndarray
  position: np.ndarray
  velocity: np.ndarray
  heading_error: np.ndarray
  qpos: np.ndarray
  features: np.ndarray
  torque: np.ndarray
  joint_vel: np.ndarray


def split(
  records: dict[str, np.ndarray],
  dt: float,
  commands: list[float],
  num_episodes: int,
) -> list[Rollout]:
  """One `Rollout` a command from records of all robots, command after command.

  Args:
    records: the arrays of `Rollout`, N over all commands.
    dt: control step [s].
    commands: forward speeds [m/s].
    num_episodes: robots a command.
  """
  rollouts = []
  for i, command in enumerate(commands):
    part = slice(i * num_episodes, (i + 1) * num_episodes)
    columns = {name: value[:, part] for name, value in records.items()}
    rollouts.append(Rollout(dt=dt, command=command, **columns))
  return rollouts
