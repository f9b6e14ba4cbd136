"""Motions of robots without names: mjlab's `.npz`, and tables of numbers.

mjlab (and what trains on its files) writes `fps`, `joint_pos` (T, J) and, for
every body, `body_pos_w` (T, B, 3) and `body_quat_w` (T, B, 4) wxyz; the first
body is the root. A table in the manner of Unitree's retargeted LAFAN1 has, in
every row, the root's place [m], its quaternion xyzw and the joints' angles
[rad]. Joints are in the order of the robot's model; their number says whose
they may be, their limits whether they are.
"""

import hashlib
import io
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import gmr, robot_motion
from wildrobot_playground.system import echo, npz, reading

ARRAYS = ("joint_pos", "body_pos_w", "body_quat_w")
TABLE_FPS = 30.0  # of LAFAN1; the rows do not say.
_LARGEST_TABLE = 2**26  # bytes: two hours of a humanoid
_ROOT = 7  # columns


def is_mjlab(members: Sequence[str]) -> bool:
  """Whether a `.npz` with these members is one of mjlab's."""
  return {f"{name}.npy" for name in ARRAYS} <= set(members)


def load_mjlab(
  path: str | os.PathLike[str],
  robot: robots.RobotDescription,
  joint_order: str = "contract",
  fps: float | None = None,
) -> robot_motion.RobotMotion:
  """Reads a motion of mjlab's.

  Args:
    path: of the `.npz`.
    robot: whose motion it is.
    joint_order: see `gmr.column_order`.
    fps: frames per second; by default the file's.

  Raises:
    MotionError: for other arrays, or another number of joints.
  """
  where = pathlib.Path(path).name
  arrays = npz.read_some(path, (*ARRAYS, "fps"), human.MotionError)
  missing = [name for name in ARRAYS if name not in arrays]
  if missing:
    raise human.MotionError(
      f"{where}: has no array '{missing[0]}', which mjlab's motions have"
    )
  joints, place, turn = (arrays[name] for name in ARRAYS)
  frames = len(joints) if joints.ndim == 2 else 0
  for name, last in (("body_pos_w", 3), ("body_quat_w", 4)):
    shape = arrays[name].shape
    if not frames or len(shape) != 3 or (shape[0], shape[2]) != (frames, last):
      raise human.MotionError(
        f"{where}: {name} is {shape} beside joint_pos {joints.shape}, expected"
        f" (T, bodies, {last}) and (T, joints)"
      )
  if any(arrays[name].dtype.kind not in "fiu" for name in ARRAYS):
    raise human.MotionError(f"{where}: its arrays hold no numbers")
  rate = _rate(arrays, fps, where)
  _check_count(joints.shape[1], robot, "mjlab", where)
  return robot_motion.RobotMotion(
    place[:, 0].astype(float),
    turn[:, 0].astype(float),
    joints.astype(float)[:, gmr.column_order(joint_order, robot)],
    rate,
    _source(path, "mjlab"),
  )


def load_table(
  path: str | os.PathLike[str],
  robot: robots.RobotDescription,
  joint_order: str = "contract",
  quat: str = "xyzw",
  fps: float | None = None,
) -> robot_motion.RobotMotion:
  """Reads a table of numbers, a row a frame; a first line of names may be.

  Args:
    path: of the `.csv`.
    robot: whose motion it is.
    joint_order: see `gmr.column_order`.
    quat: order of a quaternion in the file, `xyzw` or `wxyz`.
    fps: frames per second; 30 when None.

  Raises:
    MotionError: for what is no such table, or another number of joints.
  """
  where = pathlib.Path(path).name
  gmr.check_quat(quat)
  data = reading.read(path, _LARGEST_TABLE, human.MotionError)
  rows = _rows(data.decode("utf-8", errors="replace"), where)
  _check_count(rows.shape[1] - _ROOT, robot, "a LAFAN1 table", where)
  turn = rows[:, 3:_ROOT]
  source = {
    **_source(path, "csv"),
    "fps": "said by --fps" if fps else f"{TABLE_FPS:g}, as LAFAN1 has",
  }
  return robot_motion.RobotMotion(
    rows[:, :3],
    np.roll(turn, 1, axis=1) if quat == "xyzw" else turn,
    rows[:, _ROOT:][:, gmr.column_order(joint_order, robot)],
    fps or TABLE_FPS,
    source,
  )


def _rows(text: str, where: str) -> np.ndarray:
  """(T, 7 + J) numbers of a table."""
  lines = text.splitlines()
  named = bool(lines) and not _is_row(lines[0])
  try:
    rows = np.loadtxt(
      io.StringIO("\n".join(lines[named:])), delimiter=",", ndmin=2
    )
  except ValueError as error:
    raise human.MotionError(
      f"{where}: is no table of numbers ({echo.short(error, 120)})"
    ) from None
  if not len(rows) or rows.shape[1] <= _ROOT:
    raise human.MotionError(
      f"{where}: has rows of {rows.shape[1] if rows.size else 0} numbers,"
      f" expected place (3), quaternion (4) and joints"
    )
  return rows


def _is_row(line: str) -> bool:
  try:
    return bool([float(cell) for cell in line.split(",")])
  except ValueError:
    return False


def _rate(
  arrays: dict[str, np.ndarray], fps: float | None, where: str
) -> float:
  if fps is not None:
    return fps
  rate = np.ravel(arrays.get("fps", ()))
  if rate.size != 1 or rate.dtype.kind not in "fiu":
    raise human.MotionError(
      f"{where}: does not say its fps; give it with --fps"
    )
  return float(rate[0])


def _check_count(
  count: int, robot: robots.RobotDescription, family: str, where: str
) -> None:
  """Refuses a motion of a robot with another number of joints."""
  if count == len(robot.joints):
    return
  raise human.MotionError(
    f"{where}: is {family} of a robot with {count} joints, {robot.name} has"
    f" {len(robot.joints)}: name the robot that it is of with --robot (g1 has"
    " 29), or give a folder of it"
  )


def _source(path: str | os.PathLike[str], file_format: str) -> dict[str, str]:
  with reading.opened(path, npz.LARGEST_FILE, human.MotionError) as file:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
  return {
    "file": pathlib.Path(path).name,
    "format": file_format,
    "sha256": digest,
    "licence": "unknown",
  }
