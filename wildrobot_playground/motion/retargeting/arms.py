"""Arms of the robot that swing as a recorded human's do.

Told in the chest's frame, in the plane that the walk goes through: the angle of
the upper arm ahead of the vertical, and that of the fore arm ahead of it.
"""

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import human

_ROOM = 0.02  # rad that a shoulder keeps from its limits


def angles(
  motion: human.HumanMotion, robot: robots.Robot, scale: float
) -> dict[int, np.ndarray]:
  """Angles (T,) [rad] of shoulders and elbows by column.

  Args:
    motion: the human, at the robot's frames.
    robot: the robot; no angles for one without arms.
    scale: of the robot's swing over the human's. Elbows bend as the human's.
  """
  rest = robot.at.pose(robot.default_qpos)[7:]
  found: dict[int, np.ndarray] = {}
  for side, arm in robot.arms.items():
    points = [f"{side}_{name}" for name in human.ARM]
    if not all(point in motion.points for point in points):
      continue
    shoulder, elbow, wrist = (motion.points[point] for point in points)
    upper = _ahead(motion.chest_mat, elbow - shoulder)
    bend = _wrapped(_ahead(motion.chest_mat, wrist - elbow) - upper)
    swing = scale * _wrapped(upper - np.mean(upper))
    low, high = robot.limits[:, arm.shoulder]
    found[arm.shoulder] = np.clip(
      rest[arm.shoulder] + arm.shoulder_sign * swing, low + _ROOM, high - _ROOM
    )
    if arm.elbow is not None:
      found[arm.elbow] = np.clip(
        rest[arm.elbow] + arm.elbow_sign * bend, *robot.limits[:, arm.elbow]
      )
  return found


def points(
  side: str,
  qpos: np.ndarray,
  chest: np.ndarray,
  robot: robots.Robot,
) -> dict[str, np.ndarray]:
  """The points (T, 3) of an arm of the robot itself, as a human's.

  Args:
    side: left or right.
    qpos: (T, 7 + J) poses.
    chest: (T, 3, 3) rotation of the trunk.
    robot: the robot; no points for one without arms.
  """
  if side not in robot.arms:
    return {}
  arm = robot.arms[side]
  rest = robot.at.pose(robot.default_qpos)

  def turned(column: int, sign: float) -> np.ndarray:
    return sign * (qpos[:, 7 + column] - rest[7 + column])

  upper = turned(arm.shoulder, arm.shoulder_sign)
  fore = upper
  if arm.elbow is not None:
    fore = upper + turned(arm.elbow, arm.elbow_sign)
  length = robot.leg_length / 2
  shoulder = robot.hinges.anchors[arm.shoulder] - [0, 0, robot.home_height]
  places = [qpos[:, :3] + chest @ shoulder]
  for angle in (upper, fore):
    along = np.stack([np.sin(angle), 0 * angle, -np.cos(angle)], axis=-1)
    places.append(places[-1] + length * np.einsum("tij,tj->ti", chest, along))
  return {
    f"{side}_{name}": place
    for name, place in zip(human.ARM, places, strict=True)
  }


def _ahead(chest: np.ndarray, limb: np.ndarray) -> np.ndarray:
  """(T,) angle [rad] of a limb (T, 3) ahead of hanging down the chest."""
  limb = np.einsum("tji,tj->ti", chest, limb)
  return np.unwrap(np.arctan2(limb[:, 0], -limb[:, 2]))


def _wrapped(angle: np.ndarray) -> np.ndarray:
  """Angles [rad] within half a turn."""
  return np.arctan2(np.sin(angle), np.cos(angle))
