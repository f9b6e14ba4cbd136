"""AMP motion (`.pkl`) of the original WildRobot project, with its repairs.

A dict with `features` (N, 29), `dof_pos`, `dof_vel`, `fps`, `joint_names` and,
for one clip, `root_pos`, `root_rot` (xyzw) and `foot_contacts`. The names label
the columns in the wrong order, velocities are in the world's frame and contacts
are guessed from hip angles; so columns are taken in the model's order where the
joints' limits agree, and the rest is computed anew from the poses.
"""

import os
import pathlib
from typing import Any

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import gmr, pickles, robot_motion
from wildrobot_playground.robots.wildrobot import WILDROBOT

KEYS = ("features", "dof_pos")
NUM_JOINTS = len(WILDROBOT.joints)
_POSES = ("root_pos", "root_rot")


def load(
  path: str | os.PathLike[str],
  robot: robots.Robot,
  fps: float | None = None,
  quat: str = "xyzw",
) -> robot_motion.RobotMotion:
  """Reads one clip of the original project.

  Args:
    path: of the `.pkl` file.
    robot: whose limits say which order the columns are in.
    fps: frames per second; by default the file's.
    quat: order of a quaternion in the file, `xyzw` or `wxyz`.

  Raises:
    MotionError: for a missing or forbidden file, a merged dataset (it has no
      poses of the root), or other keys or shapes.
  """
  content, source = _read(path)
  where = source["file"]
  missing = [key for key in _POSES if key not in content]
  if missing:
    raise human.MotionError(
      f"{where}: has no '{missing[0]}': it is a merged dataset of features,"
      " without the motion of the root; import the files that it was merged"
      " from, or read its speeds with `analyze`"
    )
  if robot.description.joints != WILDROBOT.joints:
    raise human.MotionError(
      f"{where}: is a motion of the nine-servo WildRobot, and"
      f" {robot.description.name} has other joints; import the recording that"
      " it was made from"
    )
  motion = gmr.from_dict(content, source, WILDROBOT, "contract", quat, fps)
  if motion.joint_pos.ndim != 2 or motion.joint_pos.shape[1] != NUM_JOINTS:
    raise human.MotionError(
      f"{where}: dof_pos is {motion.joint_pos.shape}, expected"
      f" (T, {NUM_JOINTS})"
    )
  order, columns = _best_order(motion.joint_pos, content, robot)
  return robot_motion.RobotMotion(
    motion.root_pos,
    motion.root_quat,
    motion.joint_pos[:, columns],
    motion.fps,
    {**source, "joint_order": order},
  )


def features(path: str | os.PathLike[str]) -> np.ndarray:
  """The (N, 29) features of a file of the original project, as they are.

  Raises:
    MotionError: for a missing or forbidden file, or other shapes.
  """
  content, source = _read(path)
  rows = gmr.numbers(content["features"], "features", source["file"])
  if rows.ndim != 2 or rows.shape[1] != 29 or not len(rows):
    raise human.MotionError(
      f"{source['file']}: features is {rows.shape}, expected (N, 29)"
    )
  if not np.all(np.isfinite(rows)):
    raise human.MotionError(
      f"{source['file']}: features has values that are not finite"
    )
  return rows


def _read(
  path: str | os.PathLike[str],
) -> tuple[dict[str, Any], dict[str, Any]]:
  """The file's dict, and where it is from."""
  content, digest = pickles.load(path)
  path = pathlib.Path(path)
  if not isinstance(content, dict) or any(k not in content for k in KEYS):
    raise human.MotionError(
      f"{path.name}: not an AMP motion, expected a dict with {', '.join(KEYS)}"
    )
  source = {
    "file": path.name,
    "format": "amp_pkl",
    "sha256": digest,
    "licence": "unknown",
  }
  return content, source


def _best_order(
  joints: np.ndarray, content: dict[str, Any], robot: robots.Robot
) -> tuple[str, list[int]]:
  """The order of columns that breaks the fewest limits: the model's, or names'.

  Returns:
    What the order is called, and the file's column of each joint.
  """
  candidates = {"model": list(range(NUM_JOINTS))}
  names = content.get("joint_names", ())
  names = list(names) if isinstance(names, (list, tuple, np.ndarray)) else []
  names = [name for name in names if isinstance(name, str)]
  if sorted(names) == sorted(WILDROBOT.joints):
    candidates["joint_names"] = [names.index(n) for n in WILDROBOT.joints]
  low, high = robot.limits

  def violation(order: str) -> float:
    values = joints[:, candidates[order]]
    return float(
      np.mean(np.maximum(0, np.maximum(low - values, values - high)))
    )

  best = min(candidates, key=violation)
  return best, candidates[best]
