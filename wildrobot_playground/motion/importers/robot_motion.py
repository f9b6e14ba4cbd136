"""Robot motion from outside: checked, repaired, and made a clip.

Retargeters write joint angles without saying their units, order or axes. What
can be told from the numbers is told here, in one line for each mistake.
"""

import dataclasses
from typing import Any

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import human
from wildrobot_playground.motion.edit import resample, trim
from wildrobot_playground.motion.importers import limits
from wildrobot_playground.robots import rotations

_LIMIT_SLACK = 0.05  # rad beyond a limit that other models' ranges explain
_LEVEL = 0.002  # m that the feet may be off the ground on the whole
_HEIGHTS = (0.15, 1.0)  # m, of a pelvis
_WALKING = 0.05  # m/s
_FASTEST = 12.0  # m/s, of a pelvis
_FARTHEST = 1e6  # of any unit
_FILE_NAMES = {
  "root_pos": "root_pos",
  "root_quat": "root_rot",
  "joint_pos": "dof_pos",
}


@dataclasses.dataclass(frozen=True)
class RobotMotion:
  """Arrays of a file, in the clip's conventions.

  Attributes:
    root_pos: (T, 3) [m], z up.
    root_quat: (T, 4) wxyz.
    joint_pos: (T, J) [rad], in the order of the robot's joints.
    fps: frames per second.
    source: plain values: file name, sha256, format.
  """

  root_pos: np.ndarray
  root_quat: np.ndarray
  joint_pos: np.ndarray
  fps: float
  source: dict[str, Any]


def to_clip(
  motion: RobotMotion, name: str, robot: robots.Robot
) -> clip_lib.MotionClip:
  """An open clip at 50 frames a second, on the ground.

  Contacts are found anew: files guess them, or have none.

  Raises:
    MotionError: when the numbers cannot be the robot's.
  """
  check(motion, robot)
  norm = np.linalg.norm(motion.root_quat, axis=1, keepdims=True)
  quat = motion.root_quat / norm  # Of single precision, or rounded.
  poses = np.hstack([motion.root_pos, quat, motion.joint_pos])
  count = int((len(poses) - 1) * clip_lib.FPS / motion.fps + 1e-9) + 1
  if count < 2:
    raise human.MotionError(
      f"{motion.source['file']}: lasts {len(poses) / motion.fps:.3f} s,"
      f" expected at least two frames at {clip_lib.FPS:g} fps"
    )
  if motion.fps != clip_lib.FPS:
    poses = resample.at(poses, np.arange(count) * motion.fps / clip_lib.FPS)
  beyond = np.maximum(
    robot.limits[0] - poses[:, 7:], poses[:, 7:] - robot.limits[1]
  )
  poses[:, 7:] = np.clip(poses[:, 7:], *robot.limits)
  # Of a walk, some foot stands at any time.
  sunk = float(np.median(np.min(robot.sole.heights(poses), axis=1)))
  sunk = sunk if abs(sunk) > _LEVEL else 0.0
  poses[:, 2] -= sunk
  meta = {
    "kind": "retargeted",
    "source": motion.source,
    "repairs": {
      "raised_m": round(-sunk, 6),
      "largest_beyond_limit_rad": round(max(0.0, float(np.max(beyond))), 6),
      "contacts": "found by kinematics",
      "fps": motion.fps,
    },
    "model_hash": robot.fingerprint,
  }
  clip = clip_lib.make_clip(name, poses, robot, False, (0, 0, 0), meta)
  return trim.with_own_command(clip)


def check(motion: RobotMotion, robot: robots.Robot) -> None:
  """Raises MotionError, in one line, unless the numbers may be the robot's."""
  where = motion.source["file"]
  frames = motion.root_pos.shape[0] if motion.root_pos.ndim else 0
  shapes = {
    "root_pos": (frames, 3),
    "root_quat": (frames, 4),
    "joint_pos": (frames, len(robot.description.joints)),
  }
  for key, shape in shapes.items():
    array = getattr(motion, key)
    if array.shape != shape:
      raise human.MotionError(
        f"{where}: {_FILE_NAMES[key]} is {array.shape}, expected {shape}"
      )
    if not np.all(np.abs(array) <= _FARTHEST):
      raise human.MotionError(
        f"{where}: {_FILE_NAMES[key]} has values that are not finite or beyond"
        f" {_FARTHEST:g}; export the motion again"
      )
  human.check_rate(motion.fps, where)
  human.check_duration(frames, motion.fps, where)
  if not 2 <= frames <= limits.FRAMES:
    raise human.MotionError(
      f"{where}: has {frames} frames, expected 2 to {limits.FRAMES}"
    )
  _check_root(motion, robot, where)
  _check_joints(motion.joint_pos, robot, where)


def _check_root(motion: RobotMotion, robot: robots.Robot, where: str) -> None:
  """Refuses quaternions and positions in other conventions."""
  norm = np.linalg.norm(motion.root_quat, axis=1)
  if np.max(np.abs(norm - 1)) > 1e-2:
    raise human.MotionError(
      f"{where}: root_rot has norms from {norm.min():.3g} to {norm.max():.3g},"
      " expected unit quaternions"
    )
  if _upright(motion.root_quat) < 0.5:
    # The same numbers, taken in the other order.
    other = np.roll(motion.root_quat, 1, axis=1)
    back = np.roll(motion.root_quat, -1, axis=1)
    swapped = max(_upright(other), _upright(back)) > 0.7
    hint = (
      "it reads as upright in the other order: give --quat=wxyz, or --quat=xyzw"
      if swapped
      else "expected an upright robot in a world with z up"
    )
    raise human.MotionError(
      f"{where}: root_rot lays the robot down (up is"
      f" {_upright(motion.root_quat):.2f} of upright); {hint}"
    )
  step = np.diff(motion.root_pos, axis=0) * motion.fps
  speeds = [
    rotations.facing_speed(np.roll(motion.root_quat, shift, axis=1), step)
    for shift in (0, 1)
  ]
  if speeds[0] < -_WALKING and speeds[1] > _WALKING:
    raise human.MotionError(
      f"{where}: root_rot faces away from where the robot walks; it faces there"
      " in the other order: give --quat=xyzw"
    )
  height = float(np.median(motion.root_pos[:, 2]))
  lowest, highest = (round(h * robot.size, 2) for h in _HEIGHTS)
  if not lowest <= height <= highest:
    sideways = float(np.median(motion.root_pos[:, 1]))
    y_up = lowest <= sideways <= highest and (
      np.ptp(motion.root_pos[:, 1]) < 0.3
    )
    hint = "; y seems to be up: turn the motion to z up" if y_up else ""
    raise human.MotionError(
      f"{where}: root_pos has the pelvis at {height:.3f} m, expected"
      f" {lowest} to {highest} m above the ground, z up{hint}"
    )
  step = np.max(np.linalg.norm(np.diff(motion.root_pos, axis=0), axis=1))
  if step * motion.fps > _FASTEST:
    raise human.MotionError(
      f"{where}: root_pos moves at {step * motion.fps:.1f} m/s, expected at"
      f" most {_FASTEST} m/s; fps or units are wrong"
    )


def _upright(quat: np.ndarray) -> float:
  """Median of the pelvis' vertical's share of the world's."""
  return float(np.median(rotations.quat_to_mat(quat)[:, 2, 2]))


def _check_joints(joints: np.ndarray, robot: robots.Robot, where: str) -> None:
  """Refuses degrees and permuted columns."""
  largest = float(np.max(np.abs(joints)))
  if largest > 2 * np.pi:
    raise human.MotionError(
      f"{where}: dof_pos goes up to {largest:.1f} rad, no joint goes beyond"
      f" {np.max(np.abs(robot.limits)):.2f}; they seem to be degrees: convert"
      " them to radians"
    )
  low, high = robot.limits
  names = robot.description.joints
  beyond = np.maximum(low - joints, joints - high)
  share = np.mean(beyond > _LIMIT_SLACK, axis=0)
  worst = int(np.argmax(share))
  if share[worst] > 0.05:
    raise human.MotionError(
      f"{where}: dof_pos column {worst} ({names[worst]}) is beyond"
      f" its limits, {low[worst]:.2f} to {high[worst]:.2f} rad, in"
      f" {100 * share[worst]:.0f}% of frames; the joints are in another order:"
      " name it with --joint_order"
    )
