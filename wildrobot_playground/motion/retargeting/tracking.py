"""Follows targets of pelvis and feet with the legs, frame by frame."""

import dataclasses

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.retargeting import foot_path
from wildrobot_playground.robots import inverse, rotations

_PITCH_WEIGHT = 0.01  # m/rad: a foot keeps its place rather than its pitch
_FLAT = 0.02  # rad: below, both ends of the sole are held to the ground


@dataclasses.dataclass(frozen=True)
class Targets:
  """What the robot should do, frame by frame.

  Attributes:
    root_pos: (T, 3) [m].
    root_euler: (T, 3) yaw, pitch, roll [rad].
    waist_yaw: (T,) joint angle [rad].
    feet: by side.
  """

  root_pos: np.ndarray
  root_euler: np.ndarray
  waist_yaw: np.ndarray
  feet: dict[str, foot_path.FootTarget]


def solve(
  targets: Targets, robot: robots.Robot, max_joint_speed: float
) -> tuple[np.ndarray, float]:
  """Joint angles of a cycle that follow the targets as far as limits allow.

  Runs through the cycle twice, so that its first frame follows its last.

  Returns:
    (T, 7 + J) poses, and the largest distance [m] of a foot's
    support point from where it should be.
  """
  frames = targets.root_pos.shape[0]
  pose = robot.bent_knees()
  columns = [c for s in robots.SIDES for c in robot.description.columns(s)]
  legs = 7 + np.array(columns)
  reach = max_joint_speed / clip_lib.FPS
  motion = np.zeros((frames, pose.size))
  for i in range(-1, 2 * frames):
    k = i % frames
    bounds = robot.limits.copy()
    if i >= 0:
      bounds[0] = np.maximum(bounds[0], pose[7:] - reach)
      bounds[1] = np.minimum(bounds[1], pose[7:] + reach)
    start = _with_root(pose, targets, robot, k)
    tasks = _tasks(targets, robot, k)
    pose = inverse.solve(robot, start, tasks, legs, bounds)
    motion[k] = pose
  errors = [
    inverse.error(robot, motion[k], _tasks(targets, robot, k))
    for k in range(frames)
  ]
  return motion, float(np.max(errors))


def _with_root(
  pose: np.ndarray, targets: Targets, robot: robots.Robot, k: int
) -> np.ndarray:
  """`pose` with frame k's root and waist."""
  pose = pose.copy()
  pose[:3] = targets.root_pos[k]
  pose[3:7] = rotations.quat_from_euler_zyx(targets.root_euler[k])
  if robot.waist is not None:
    pose[7 + robot.waist] = targets.waist_yaw[k]
  return pose


def _tasks(targets: Targets, robot: robots.Robot, k: int) -> list[inverse.Task]:
  """Frame k's tasks: each foot's support point, and its pitch."""
  tasks: list[inverse.Task] = []
  for side, foot in targets.feet.items():
    sole = robot.feet[side]
    for offset in _support_points(robot, foot.pitch[k]):
      target = foot.ankle[k] + rotations.about("y", foot.pitch[k]) @ offset
      tasks.append(inverse.PointTask(sole.body, sole.point(offset), target))
    tasks.append(inverse.PitchTask(sole.body, foot.pitch[k], _PITCH_WEIGHT))
  return tasks


def _support_points(
  robot: robots.Robot, pitch: float
) -> tuple[np.ndarray, ...]:
  """The sole's lower ends in the foot's frame: both when it is flat."""
  if abs(pitch) < _FLAT:
    return robot.toe, robot.heel
  return (robot.toe,) if pitch > 0 else (robot.heel,)
