"""DeepMimic motion files (`.txt`, JSON): the humanoid3d character's motions.

A frame has 44 numbers: duration [s], root position, root quaternion, then the
joints' rotations (spherical: wxyz; hinge: one angle). The file's world is y up
with the walk along x and the character's right along z.
"""

import hashlib
import os
import pathlib

import numpy as np

from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import limits
from wildrobot_playground.robots import rotations
from wildrobot_playground.system import echo, reading, schema

FRAME_SIZE = 44

# The humanoid3d character's figures [m], in the file's axes: where each joint
# sits in its parent, and the corners of the foot's box in the ankle's frame.
_HIP_HALF_WIDTH = 0.084887
_THIGH = 0.421546
_SHIN = 0.409870
_CHEST = 0.236151  # above the root
_SHOULDER = np.array(
  [-0.02405, 0.24365, 0.18311]
)  # the right one, in the chest
_UPPER_ARM = 0.274788
_FORE_ARM = 0.258947
_HEEL = np.array([-0.0435, -0.05, 0.0])
_TOE = np.array([0.1335, -0.05, 0.0])

_ROOT_POS = slice(1, 4)
_ROOT_ROT = slice(4, 8)
_CHEST_ROT = slice(8, 12)
_LEG_START = {"right": 16, "left": 30}  # hip 4, knee 1, ankle 4
_ARM_START = {"right": 25, "left": 39}  # shoulder 4, elbow 1

# (x, y up, z right) to (x forward, y left, z up).
_TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])

# Files of the DeepMimic release, which Bullet redistributes.
LICENCES = {
  "humanoid3d_walk.txt": "MIT (DeepMimic), zlib (Bullet)",
  "humanoid3d_run.txt": "MIT (DeepMimic), zlib (Bullet)",
  "humanoid3d_long_walk1.txt": "MIT (DeepMimic)",
  "humanoid3d_zombie_walk.txt": "MIT (DeepMimic)",
  "0walk_forward.txt": "zlib (Bullet)",
}


def load(path: str | os.PathLike[str]) -> human.HumanMotion:
  """Reads a DeepMimic motion.

  Args:
    path: of the `.txt` file.

  Returns:
    The motion as points, in a z-up world, its way turned to x.

  Raises:
    MotionError: for a missing file, another format or uneven frames.
  """
  path = pathlib.Path(path)
  content = reading.read(path, limits.JSON_FILE, human.MotionError)
  frames, cyclic = _parse(content, str(path))
  points, pelvis, chest = _forward_kinematics(frames)
  turn = _turn_to_x(points["pelvis"])
  motion = human.HumanMotion(
    points={name: point @ turn.T for name, point in points.items()},
    pelvis_mat=turn @ pelvis,
    chest_mat=turn @ chest,
    fps=_fps(frames[:-1, 0], str(path)),
    cyclic=cyclic,
    source={
      "file": path.name,
      "format": "deepmimic",
      "sha256": hashlib.sha256(content).hexdigest(),
      "licence": LICENCES.get(path.name, "unknown"),
    },
  )
  return human.checked(motion)


def _parse(content: bytes, where: str) -> tuple[np.ndarray, bool]:
  """Frames (T, 44) and whether they loop."""
  try:
    motion = schema.read_json(content)
    frames = np.array(motion["Frames"], dtype=np.float64)
  except (ValueError, KeyError, TypeError, OverflowError) as e:
    raise human.MotionError(
      f"{where}: not a DeepMimic motion ({type(e).__name__}: {echo.short(e)});"
      " expected JSON with 'Frames'"
    ) from e
  if frames.ndim != 2 or frames.shape[1] != FRAME_SIZE or len(frames) < 4:
    raise human.MotionError(
      f"{where}: 'Frames' is {frames.shape}, expected at least 4 frames of"
      f" {FRAME_SIZE} numbers (the humanoid3d character)"
    )
  if not np.all(np.abs(frames) <= limits.FARTHEST):
    raise human.MotionError(
      f"{where}: 'Frames' has values that are not finite or beyond"
      f" {limits.FARTHEST:g}; export the motion again"
    )
  _check_poses(frames, where)
  return frames, motion.get("Loop") == "wrap"


def _check_poses(frames: np.ndarray, where: str) -> None:
  """Refuses degrees, other quaternions and another vertical."""
  norm = np.linalg.norm(frames[:, _ROOT_ROT], axis=1)
  if np.max(np.abs(norm - 1)) > 0.05:
    raise human.MotionError(
      f"{where}: root rotations have norms from {norm.min():.3g} to"
      f" {norm.max():.3g}, expected unit quaternions (wxyz)"
    )
  starts = [8, *(s + i for s in _LEG_START.values() for i in (0, 5))]
  norms = [np.linalg.norm(frames[:, s : s + 4], axis=1) for s in starts]
  if np.min(norms) < 1e-3:
    raise human.MotionError(
      f"{where}: rotations of joints have norms down to {np.min(norms):.3g},"
      " expected unit quaternions (wxyz)"
    )
  knees = frames[:, [start + 4 for start in _LEG_START.values()]]
  if np.max(np.abs(knees)) > 2 * np.pi:
    raise human.MotionError(
      f"{where}: knees bend up to {np.max(np.abs(knees)):.0f} rad; they seem to"
      " be degrees: convert them to radians"
    )
  up = np.median(rotations.quat_to_mat(frames[:, _ROOT_ROT])[:, 1, 1])
  if up < 0.5:
    raise human.MotionError(
      f"{where}: the character lies (up is {up:.2f} of upright), expected y up"
      " and quaternions wxyz; turn the motion or reorder them"
    )


def _fps(durations: np.ndarray, where: str) -> float:
  """The one frame rate of all frames."""
  duration = float(np.median(durations))
  if duration <= 0 or np.max(np.abs(durations - duration)) > 1e-3:
    raise human.MotionError(
      f"{where}: frame durations vary from {durations.min():.4f} to"
      f" {durations.max():.4f} s; resample the motion to one rate"
    )
  human.check_rate(1.0 / duration, where)
  return 1.0 / duration


def _forward_kinematics(
  frames: np.ndarray,
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
  """Points by name, pelvis (T, 3, 3) and chest (T, 3, 3), z up."""
  root_mat = rotations.quat_to_mat(frames[:, _ROOT_ROT])
  root_pos = frames[:, _ROOT_POS]
  chest = root_mat @ rotations.quat_to_mat(frames[:, _CHEST_ROT])
  points = {"pelvis": root_pos}
  for side, sign in (("right", 1.0), ("left", -1.0)):
    start = _LEG_START[side]
    hip = root_pos + root_mat @ np.array([0.0, 0.0, sign * _HIP_HALF_WIDTH])
    mat = root_mat @ rotations.quat_to_mat(frames[:, start : start + 4])
    knee = hip + mat @ np.array([0.0, -_THIGH, 0.0])
    mat = mat @ rotations.about("z", frames[:, start + 4])
    ankle = knee + mat @ np.array([0.0, -_SHIN, 0.0])
    mat = mat @ rotations.quat_to_mat(frames[:, start + 5 : start + 9])
    points |= {
      f"{side}_hip": hip,
      f"{side}_knee": knee,
      f"{side}_ankle": ankle,
      f"{side}_heel": ankle + mat @ _HEEL,
      f"{side}_toe": ankle + mat @ _TOE,
      **_arm(frames, root_pos + root_mat @ [0.0, _CHEST, 0.0], chest, side),
    }
  points = {name: point @ _TO_Z_UP.T for name, point in points.items()}
  to_z_up = lambda mat: _TO_Z_UP @ mat @ _TO_Z_UP.T  # noqa: E731
  return points, to_z_up(root_mat), to_z_up(chest)


def _arm(
  frames: np.ndarray, place: np.ndarray, chest: np.ndarray, side: str
) -> dict[str, np.ndarray]:
  """Points of an arm below a chest at places (T, 3), if the file turns it."""
  start = _ARM_START[side]
  quat = frames[:, start : start + 4]
  if np.min(np.linalg.norm(quat, axis=1)) < 1e-3:
    return {}
  sign = 1.0 if side == "right" else -1.0
  shoulder = place + chest @ (_SHOULDER * [1.0, 1.0, sign])
  mat = chest @ rotations.quat_to_mat(quat)
  elbow = shoulder + mat @ np.array([0.0, -_UPPER_ARM, 0.0])
  mat = mat @ rotations.about("z", frames[:, start + 4])
  wrist = elbow + mat @ np.array([0.0, -_FORE_ARM, 0.0])
  return {
    f"{side}_{name}": point
    for name, point in zip(human.ARM, (shoulder, elbow, wrist), strict=True)
  }


def _turn_to_x(pelvis: np.ndarray) -> np.ndarray:
  """The rotation (3, 3) about z that turns the net way of the pelvis to x."""
  way = pelvis[-1] - pelvis[0]
  if np.hypot(way[0], way[1]) < 0.05:
    return np.eye(3)
  return rotations.about("z", -np.arctan2(way[1], way[0]))
