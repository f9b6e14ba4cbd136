"""AMASS motions (`.npz`): poses of the SMPL-H and SMPL-X bodies.

The body models may not be passed on, and are not needed: the first 22 joints of
both turn the same bones, and the lengths of the bones are an adult's mean
(Winter, "Biomechanics and Motor Control of Human Movement", 2009, figure 4.1).
"""

import hashlib
import os
import pathlib
from typing import Any

import numpy as np

from wildrobot_playground.motion import axes, human
from wildrobot_playground.motion.importers import limits
from wildrobot_playground.robots import rotations
from wildrobot_playground.system import echo, npz, reading

# Lengths [m] of an adult of 1.7 m, by Winter's shares of the stature.
_STATURE = 1.7
THIGH = 0.245 * _STATURE
SHIN = 0.246 * _STATURE
ANKLE_HEIGHT = 0.039 * _STATURE
_FOOT = 0.152 * _STATURE
HIP_HALF_WIDTH = 0.05 * _STATURE
HIP_DROP = 0.05 * _STATURE  # of the hips below the pelvis' centre
_SHOULDER = np.array([0.129, 0.288, 0.0]) * _STATURE  # left, above the pelvis
_UPPER_ARM = 0.186 * _STATURE
_FORE_ARM = 0.146 * _STATURE
HEEL = np.array([-0.25 * _FOOT, 0.0, -ANKLE_HEIGHT])
TOE = np.array([0.65 * _FOOT, 0.0, -ANKLE_HEIGHT])

# Joints of the body, from the pelvis outwards.
_LEGS = {"left": (1, 4, 7), "right": (2, 5, 8)}  # hip, knee, ankle
_ARMS = {"left": (13, 16, 18), "right": (14, 17, 19)}  # collar, shoulder, elbow
_SPINE = (3, 6, 9)
_BODY_JOINTS = 22
_WIDTHS = {66: "body", 72: "SMPL", 156: "SMPL+H", 165: "SMPL-X"}
_RATES = ("mocap_frame_rate", "mocap_framerate", "fps")

# The body's axes, y up and z forward, as columns x forward, y left, z up.
BODY_AXES = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def load(
  path: str | os.PathLike[str],
  up: str = "auto",
  fps: float | None = None,
) -> human.HumanMotion:
  """Reads an AMASS motion.

  Args:
    path: of the `.npz` file.
    up: axis of the file that points up; AMASS has z, and `auto` insists on it.
    fps: frames per second; by default the file's.

  Raises:
    MotionError: for a missing or damaged file, another layout, or a body that
      does not stand along z.
  """
  path = pathlib.Path(path)
  arrays = npz.read(path, ("poses", "trans"), human.MotionError)
  more = npz.read_some(path, (*_RATES, "gender"), human.MotionError)
  with reading.opened(path, npz.LARGEST_FILE, human.MotionError) as file:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
  where = path.name
  poses, trans = _checked(arrays["poses"], arrays["trans"], where)
  rate = fps if fps is not None else _rate(more, where)
  human.check_rate(rate, where)
  human.check_duration(len(poses), rate, where)
  root = _turns(poses, 0)
  found = axes.find_up(root[:, :, 1], where, up)
  if up == "auto" and found != "+z":
    raise human.MotionError(
      f"{where}: bodies stand along {found}, AMASS has z up; give --up="
      f"{found.lstrip('+')} if the file means it"
    )
  turn = axes.to_z_up(found)
  points, pelvis, chest = forward_kinematics(turn @ root, poses, trans @ turn.T)
  motion = human.HumanMotion(
    points=axes.on_the_ground(points),
    pelvis_mat=pelvis,
    chest_mat=chest,
    fps=rate,
    cyclic=False,
    source={
      "file": where,
      "format": "amass",
      "sha256": digest,
      "licence": "AMASS: not to be passed on",
      "layout": _WIDTHS[arrays["poses"].shape[1]],
      "gender": echo.short(more.get("gender", "unknown")),
      **axes.World("m", found, axes.facing(pelvis[0], found)).describe(),
    },
  )
  return human.checked(axes.turned_to_x(motion))


def forward_kinematics(
  root: np.ndarray, poses: np.ndarray, place: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
  """Points by name, pelvis (T, 3, 3) and chest (T, 3, 3), z up.

  Args:
    root: (T, 3, 3) rotation of the pelvis.
    poses: (T, 66) rotations of the joints in their parents, as vectors.
    place: (T, 3) of the pelvis [m].
  """
  # In the body's axes: y up, z forward, x to the left.
  chest = root
  for joint in _SPINE:
    chest = chest @ _turns(poses, joint)
  points = {"pelvis": place}
  for side, sign in (("left", 1.0), ("right", -1.0)):
    hip, knee, ankle = _LEGS[side]
    place_hip = place + root @ np.array([sign * HIP_HALF_WIDTH, -HIP_DROP, 0.0])
    mat = root @ _turns(poses, hip)
    place_knee = place_hip + mat @ np.array([0.0, -THIGH, 0.0])
    mat = mat @ _turns(poses, knee)
    place_ankle = place_knee + mat @ np.array([0.0, -SHIN, 0.0])
    foot = mat @ _turns(poses, ankle) @ BODY_AXES
    points |= {
      f"{side}_hip": place_hip,
      f"{side}_knee": place_knee,
      f"{side}_ankle": place_ankle,
      f"{side}_heel": place_ankle + foot @ HEEL,
      f"{side}_toe": place_ankle + foot @ TOE,
      **_arm(place, chest, poses, side),
    }
  return points, root @ BODY_AXES, chest @ BODY_AXES


def _arm(
  place: np.ndarray, chest: np.ndarray, poses: np.ndarray, side: str
) -> dict[str, np.ndarray]:
  """Points (T, 3) of an arm, which the body at rest holds out sideways."""
  collar, shoulder, elbow = _ARMS[side]
  out = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
  mat = chest @ _turns(poses, collar) @ _turns(poses, shoulder)
  joints = [place + chest @ (_SHOULDER * np.array([out[0], 1.0, 1.0]))]
  joints.append(joints[-1] + mat @ (_UPPER_ARM * out))
  mat = mat @ _turns(poses, elbow)
  joints.append(joints[-1] + mat @ (_FORE_ARM * out))
  return {
    f"{side}_{name}": joint
    for name, joint in zip(human.ARM, joints, strict=True)
  }


def _turns(poses: np.ndarray, joint: int) -> np.ndarray:
  """Rotations (T, 3, 3) of a joint in its parent."""
  return rotations.from_vector(poses[:, 3 * joint : 3 * joint + 3])


def _checked(
  poses: np.ndarray, trans: np.ndarray, where: str
) -> tuple[np.ndarray, np.ndarray]:
  """Poses (T, 66) and places (T, 3), once they can be a body's."""
  if poses.ndim != 2 or poses.shape[1] not in _WIDTHS:
    raise human.MotionError(
      f"{where}: poses is {poses.shape}, expected (T, 156) of SMPL+H or (T,"
      " 165) of SMPL-X"
    )
  if trans.shape != (len(poses), 3):
    raise human.MotionError(
      f"{where}: trans is {trans.shape}, expected {(len(poses), 3)}"
    )
  for name, array in (("poses", poses), ("trans", trans)):
    if array.dtype.kind not in "fiu" or not np.all(
      np.abs(array) <= limits.FARTHEST
    ):
      raise human.MotionError(
        f"{where}: {name} has values that are not finite numbers of at most"
        f" {limits.FARTHEST:g}; export the motion again"
      )
  limits.check("frames", len(poses), limits.FRAMES, where)
  if len(poses) < 2:
    raise human.MotionError(f"{where}: has {len(poses)} frames, expected more")
  poses = poses[:, : 3 * _BODY_JOINTS].astype(np.float64)
  largest = float(np.max(np.abs(poses)))
  if largest > 4 * np.pi:
    raise human.MotionError(
      f"{where}: poses go up to {largest:.1f} rad; they seem to be degrees:"
      " convert them to radians"
    )
  return poses, trans.astype(np.float64)


def _rate(arrays: dict[str, Any], where: str) -> float:
  """Frames per second, under any of the names that AMASS has used."""
  for name in _RATES:
    if name in arrays and np.size(arrays[name]) == 1:
      rate = np.ravel(arrays[name])[0]
      if np.asarray(rate).dtype.kind not in "fiu":
        raise human.MotionError(
          f"{where}: {name} is '{echo.short(rate)}', expected a number; give it"
          " with --fps"
        )
      return float(rate)
  raise human.MotionError(
    f"{where}: has no frame rate, expected {' or '.join(_RATES[:2])}; give it"
    " with --fps"
  )
