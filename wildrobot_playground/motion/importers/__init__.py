"""Motion from elsewhere: one module a format, and which one a file needs."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import (
  amass,
  amp_pkl,
  bvh,
  deepmimic,
  gmr,
  pickles,
  robot_motion,
  robot_tables,
)
from wildrobot_playground.system import echo, npz, reading

FORMATS = (
  "auto",
  "deepmimic",
  "bvh",
  "amass",
  "gmr",
  "amp_pkl",
  "mjlab",
  "csv",
  "clip",
)


@dataclasses.dataclass(frozen=True)
class Conventions:
  """What a file does not say of itself; `auto` and None ask the numbers.

  Attributes:
    fps: frames per second.
    unit: of length, see `axes.UNITS`.
    up: axis that points up.
    quat: order of quaternions, `xyzw` or `wxyz`.
    joint_order: of a robot's joints, see `gmr.JOINT_ORDERS`.
    joints: of a person, names in the file by role of `skeleton.ROLES`.
  """

  fps: float | None = None
  unit: str = "auto"
  up: str = "auto"
  quat: str = "xyzw"
  joint_order: str = "contract"
  joints: Mapping[str, str] = dataclasses.field(default_factory=dict)


def load(
  path: str | os.PathLike[str],
  robot: robots.Robot,
  file_format: str = "auto",
  conventions: Conventions | None = None,
) -> human.HumanMotion | clip_lib.MotionClip:
  """Reads a motion: a human's, to be retargeted, or the robot's own.

  Args:
    path: of the file.
    robot: the robot.
    file_format: one of `FORMATS`.
    conventions: what the file does not say of itself.

  Raises:
    MotionError: for a file that cannot be used.
    ClipError: the same, for a clip.
  """
  told = conventions or Conventions()
  name = pathlib.Path(path).stem
  match detect(path) if file_format == "auto" else file_format:
    case "deepmimic":
      return deepmimic.load(path)
    case "bvh":
      return bvh.load(path, told.unit, told.up, told.fps, told.joints)
    case "amass":
      return amass.load(path, told.up, told.fps)
    case "gmr":
      motion = gmr.load(
        path, robot.description, told.joint_order, told.quat, told.fps
      )
      return robot_motion.to_clip(motion, name, robot)
    case "amp_pkl":
      motion = amp_pkl.load(path, robot, told.fps, told.quat)
      return robot_motion.to_clip(motion, name, robot)
    case "mjlab":
      motion = robot_tables.load_mjlab(
        path, robot.description, told.joint_order, told.fps
      )
      return robot_motion.to_clip(motion, name, robot)
    case "csv":
      motion = robot_tables.load_table(
        path, robot.description, told.joint_order, told.quat, told.fps
      )
      return robot_motion.to_clip(motion, name, robot)
    case "clip":
      return clip_lib.load(path, robot.description)
    case other:
      raise human.MotionError(
        f"format '{other}' is unknown; choose one of {', '.join(FORMATS)}"
      )


def detect(path: str | os.PathLike[str]) -> str:
  """The format of a file, by its ending and what is in it.

  Raises:
    MotionError: for a missing or empty file, or one of no known format.
  """
  path = pathlib.Path(path)
  reading.check(path, npz.LARGEST_FILE, human.MotionError)
  suffix = path.suffix.lower()
  if suffix == ".bvh":
    return "bvh"
  if suffix in (".txt", ".json"):
    return "deepmimic"
  if suffix in (".pkl", ".pickle"):
    content, _ = pickles.load(path)
    is_amp = isinstance(content, dict) and "features" in content
    return "amp_pkl" if is_amp else "gmr"
  if suffix == ".csv":
    return "csv"
  if suffix == ".npz":
    members = npz.members(path, human.MotionError)
    if robot_tables.is_mjlab(members):
      return "mjlab"
    return "amass" if "poses.npy" in members else "clip"
  raise human.MotionError(
    f"{path}: '{echo.short(suffix)}' is the ending of no known format (.txt,"
    " .bvh, .npz, .pkl, .csv); say with --format what it is"
  )
