"""GMR robot motion (`.pkl`): joint angles of a robot, by a general retargeter.

A dict with `fps`, `root_pos` (T, 3), `root_rot` (T, 4) xyzw and `dof_pos`
(T, J); the joints have no names, so their order is an option that is checked
against the joints' limits.
"""

import os
import pathlib
from typing import Any

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import pickles, robot_motion
from wildrobot_playground.system import echo

KEYS = ("fps", "root_pos", "root_rot", "dof_pos")
JOINT_ORDERS = ("contract", "legs_first")
QUATERNIONS = ("xyzw", "wxyz")


def load(
  path: str | os.PathLike[str],
  robot: robots.RobotDescription,
  joint_order: str = "contract",
  quat: str = "xyzw",
  fps: float | None = None,
) -> robot_motion.RobotMotion:
  """Reads a GMR motion.

  Args:
    path: of the `.pkl` file.
    robot: whose motion it is.
    joint_order: one of `JOINT_ORDERS`, or joint names with commas between.
    quat: order of a quaternion in the file, `xyzw` or `wxyz`.
    fps: frames per second; by default the file's.

  Raises:
    MotionError: for a missing or forbidden file, other keys or shapes.
  """
  content, digest = pickles.load(path)
  source = {
    "file": pathlib.Path(path).name,
    "format": "gmr",
    "sha256": digest,
    "licence": "unknown",
  }
  return from_dict(content, source, robot, joint_order, quat, fps)


def from_dict(
  content: Any,
  source: dict[str, Any],
  robot: robots.RobotDescription,
  joint_order: str,
  quat: str,
  fps: float | None,
) -> robot_motion.RobotMotion:
  """The motion of a GMR dict.

  Raises:
    MotionError: for other keys, shapes, or an unknown order of joints.
  """
  where = source["file"]
  if not isinstance(content, dict):
    raise human.MotionError(
      f"{where}: holds a {type(content).__name__}, expected a dict with"
      f" {', '.join(KEYS)}"
    )
  missing = [key for key in KEYS if key not in content]
  if fps is not None and missing == ["fps"]:
    missing = []
  if missing:
    raise human.MotionError(
      f"{where}: has no '{missing[0]}', expected {', '.join(KEYS)}; it has"
      f" {', '.join(sorted(map(echo.short, content))[:8]) or 'nothing'}"
    )
  check_quat(quat)
  root_pos, root_rot, dof_pos = (
    numbers(content[key], key, where) for key in KEYS[1:]
  )
  columns = column_order(joint_order, robot)
  if dof_pos.ndim == 2 and dof_pos.shape[1] == len(columns):
    dof_pos = dof_pos[:, columns]
  if root_rot.ndim == 2 and quat == "xyzw":
    root_rot = np.roll(root_rot, 1, axis=1)
  rate = fps if fps is not None else numbers(content["fps"], "fps", where)
  if np.size(rate) != 1:
    raise human.MotionError(
      f"{where}: fps is {echo.short(rate)}, expected one number"
    )
  return robot_motion.RobotMotion(
    root_pos, root_rot, dof_pos, float(np.ravel(rate)[0]), source
  )


def numbers(value: Any, key: str, where: str) -> np.ndarray:
  """A value of the file as an array of floats.

  Raises:
    MotionError: when it is no array of numbers.
  """
  try:
    found = np.asarray(value)
    if found.dtype.kind not in "fiu":
      raise TypeError(f"it holds {echo.short(found.dtype)}")
    return found.astype(np.float64)
  except (TypeError, ValueError, OverflowError) as error:
    raise human.MotionError(
      f"{where}: '{key}' is no array of numbers ({echo.short(error, 100)});"
      " export the motion again"
    ) from error


def check_quat(quat: str) -> None:
  """Raises MotionError for an order of quaternions that is none."""
  if quat not in QUATERNIONS:
    raise human.MotionError(
      f"--quat {quat} is unknown; choose one of {', '.join(QUATERNIONS)}"
    )


def column_order(joint_order: str, robot: robots.RobotDescription) -> list[int]:
  """The file's column of each of a robot's joints.

  Args:
    joint_order: one of `JOINT_ORDERS`, or joint names with commas between.
    robot: whose joints they are.

  Raises:
    MotionError: for an unknown order or names that are not the robot's joints.
  """
  legs = [name for side in robots.SIDES for name in robot.legs[side]]
  others = [name for name in robot.joints if name not in legs]
  orders = {
    "contract": robot.joints,
    # As the actuators of the original robot are listed.
    "legs_first": (*legs, *others),
  }
  names = orders.get(joint_order, tuple(joint_order.split(",")))
  if sorted(names) != sorted(robot.joints):
    raise human.MotionError(
      f"--joint_order {echo.short(joint_order)} is unknown; choose one of"
      f" {', '.join(JOINT_ORDERS)}, or list"
      f" {', '.join(robot.joints)} in the file's order, with commas"
    )
  return [names.index(name) for name in robot.joints]
