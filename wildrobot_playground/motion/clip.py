"""MotionClip: a robot motion at a fixed rate, and its `.npz` file."""

import dataclasses
import json
import os
from typing import Any

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.features import about
from wildrobot_playground.robots import rotations
from wildrobot_playground.system import echo, npz, schema

FORMAT = "wildrobot-clip/1"
FPS = 50.0
# What no clip of a robot is beyond.
_LARGEST_ANGLE = 2 * np.pi  # rad
_WALKING = 0.05  # m/s
_UPRIGHT = 0.5  # share of the vertical, in half of the frames
_HEIGHTS = (-0.7, 0.5)  # leg lengths of the root from standing, likewise

_FARTHEST = 1e5  # m from the origin
_FASTEST = 10.0  # m/s and rad/s, of a command
MOST_FRAMES = 200_000  # an hour, and more
RATES = (5.0, 1000.0)  # frames per second

_AGAIN = "make the clip again"
_NAMES = ("joint_names", "contact_names")
# T frames of J joints and C contacts.
_FIELDS = {
  "joint_names": schema.Field("text", ("J",), high=100),
  "contact_names": schema.Field("text", ("C",), high=100),
  "root_pos": schema.Field("number", ("T", 3), -_FARTHEST, _FARTHEST),
  "root_quat": schema.Field("number", ("T", 4), -1.001, 1.001),
  "joint_pos": schema.Field("number", ("T", "J"), -1e6, 1e6),
  "foot_contacts": schema.Field("number", ("T", "C"), 0, 1),
  "command": schema.Field("number", (3,), -_FASTEST, _FASTEST),
  "fps": schema.Field("number", (), *RATES),
  "cyclic": schema.Field("flag"),
}
_ARRAYS = ("format", *_FIELDS, "meta")


class ClipError(ValueError):
  """A clip that cannot be used; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class MotionClip:
  """A motion of a robot with J joints and C contacts.

  Attributes:
    name: what to call it; the file's stem.
    root_pos: (T, 3) pelvis position [m], ground at z = 0.
    root_quat: (T, 4) pelvis orientation, wxyz.
    joint_pos: (T, J) joint angles [rad] in the order of `joint_names`.
    foot_contacts: (T, C) 0 or 1 in the order of `contact_names`.
    joint_names: of the robot, in its contract's order.
    contact_names: of what touches the ground, in its contract's order.
    cyclic: whether the frame after the last one is the first one, moved on.
    command: (3,) the commanded vx, vy [m/s] and yaw rate [rad/s].
    fps: frames per second.
    meta: plain values: source, licence, parameters, quality.
  """

  name: str
  root_pos: np.ndarray
  root_quat: np.ndarray
  joint_pos: np.ndarray
  foot_contacts: np.ndarray
  joint_names: tuple[str, ...]
  contact_names: tuple[str, ...]
  cyclic: bool
  command: np.ndarray
  fps: float = FPS
  meta: dict[str, Any] = dataclasses.field(default_factory=dict)

  @property
  def num_frames(self) -> int:
    """Number of frames T."""
    return self.root_pos.shape[0]

  @property
  def dt(self) -> float:
    """Seconds between frames."""
    return 1.0 / self.fps

  @property
  def qpos(self) -> np.ndarray:
    """(T, 7 + J) poses: root position and quaternion, joint angles."""
    return np.hstack([self.root_pos, self.root_quat, self.joint_pos])

  @property
  def advance(self) -> np.ndarray:
    """(3,) displacement [m] of the root over one cycle; zero when not cyclic.

    A cyclic clip has no frame for the end of its cycle, so the length of the
    last step comes from the command.
    """
    if not self.cyclic:
      return np.zeros(3)
    duration = self.num_frames / self.fps
    return np.array([self.command[0], self.command[1], 0.0]) * duration

  def at(self, times: np.ndarray) -> np.ndarray:
    """(N, 7 + J) the nearest frames at times (N,) [s], also before 0.

    A cyclic clip goes on, each cycle where the one before it ended; any other
    stays at its end.
    """
    index = np.round(np.asarray(times) * self.fps).astype(int)
    if not self.cyclic:
      return self.qpos[np.clip(index, 0, self.num_frames - 1)]
    poses = self.qpos[index % self.num_frames]
    poses[:, :3] += np.outer(index // self.num_frames, self.advance)
    return poses

  def previous_qpos(self) -> tuple[np.ndarray, np.ndarray]:
    """The frame before every frame that has one.

    Returns:
      (M, 7 + J) poses one frame earlier and (M, 7 + J) poses, where M is T
      for a cyclic clip (its first frame follows the last one, moved back by a
      cycle) and T - 1 otherwise.
    """
    poses = self.qpos
    if not self.cyclic:
      return poses[:-1], poses[1:]
    before = np.roll(poses, 1, axis=0)
    before[0, :3] -= self.advance
    return before, poses


def make_clip(
  name: str,
  poses: np.ndarray,
  robot: robots.Robot,
  cyclic: bool,
  command: tuple[float, float, float],
  meta: dict[str, Any],
) -> MotionClip:
  """A 50 Hz clip, rounded so that every machine writes the same.

  Args:
    name: of the clip.
    poses: (T, 7 + J) poses.
    robot: whose clip it is.
    cyclic: whether it repeats.
    command: vx, vy [m/s] and yaw rate [rad/s].
    meta: plain values.
  """
  poses = np.hstack(
    [
      _rounded(poses[:, :3], 6),
      _rounded(poses[:, 3:7], 8),
      _rounded(poses[:, 7:], 6),
    ]
  )
  return MotionClip(
    name=name,
    root_pos=poses[:, :3],
    root_quat=poses[:, 3:7],
    joint_pos=poses[:, 7:],
    foot_contacts=robot.sole.contacts(poses).astype(np.float32),
    joint_names=robot.description.joints,
    contact_names=robot.description.contact_names,
    cyclic=cyclic,
    command=np.asarray(command, dtype=np.float64),
    meta=meta,
  )


def save(path: str | os.PathLike[str], clip: MotionClip) -> None:
  """Writes `clip`, the same bytes for the same clip."""
  check(clip, str(path))
  npz.write(
    path,
    {
      "format": np.array(FORMAT),
      "fps": np.array(clip.fps, dtype=np.float64),
      "joint_names": np.array(clip.joint_names),
      "root_pos": clip.root_pos,
      "root_quat": clip.root_quat,
      "joint_pos": clip.joint_pos,
      "foot_contacts": clip.foot_contacts,
      "contact_names": np.array(clip.contact_names),
      "cyclic": np.array(clip.cyclic),
      "command": clip.command,
      "meta": np.array(json.dumps(clip.meta, sort_keys=True)),
    },
  )


def load(
  path: str | os.PathLike[str], robot: robots.RobotDescription | None = None
) -> MotionClip:
  """Reads a clip.

  Args:
    path: of the file.
    robot: that it must be of; None for any.

  Raises:
    ClipError: when the file is missing, of another format, for another robot,
      of wrong shapes or not finite.
  """
  arrays = npz.read(path, _ARRAYS, ClipError)
  if str(arrays["format"]) != FORMAT:
    raise ClipError(
      f"{path}: format is '{echo.short(arrays['format'])}', expected"
      f" '{FORMAT}'; {_AGAIN} with this version"
    )
  arrays |= {key: np.ravel(arrays[key]) for key in _NAMES}
  schema.check(arrays, _FIELDS, str(path), ClipError, _AGAIN)
  try:
    meta = schema.read_json(str(arrays["meta"]))
  except ValueError as e:
    raise ClipError(
      f"{path}: meta cannot be read ({echo.short(e)}); {_AGAIN}"
    ) from e
  clip = MotionClip(
    name=os.path.splitext(os.path.basename(os.fspath(path)))[0],
    # Also of whole numbers, which no frame could be put between.
    root_pos=arrays["root_pos"].astype(np.float64),
    root_quat=arrays["root_quat"].astype(np.float64),
    joint_pos=arrays["joint_pos"].astype(np.float64),
    foot_contacts=arrays["foot_contacts"].astype(np.float32),
    joint_names=tuple(map(str, arrays["joint_names"])),
    contact_names=tuple(map(str, arrays["contact_names"])),
    cyclic=bool(arrays["cyclic"]),
    command=arrays["command"].astype(np.float64),
    fps=float(arrays["fps"]),
    meta=meta,
  )
  if robot is not None:
    check_robot(clip, robot, str(path))
  check(clip, str(path))
  if robot is not None:
    _check_height(clip, robots.of(robot), str(path))
  return clip


def check_robot(
  clip: MotionClip, robot: robots.RobotDescription, where: str
) -> None:
  """Raises ClipError for a clip of other joints or contacts than a robot's."""
  for key, expected in zip(
    _NAMES, (robot.joints, robot.contact_names), strict=True
  ):
    names = getattr(clip, key)
    if names != expected:
      raise ClipError(
        f"{where}: {key} are {echo.short(', '.join(names), 200)}; {robot.name}"
        f" has {echo.short(', '.join(expected), 400)}; name the clip's own"
        f" robot with --robot, or retarget the motion"
      )


def check_frames(frames: float, where: str, hint: str) -> None:
  """Raises ClipError for a number of frames that no clip can have.

  Args:
    frames: that are about to be made; infinite and NaN are too many.
    where: the clip's name or file.
    hint: what to do about it.
  """
  if not frames <= MOST_FRAMES:
    raise ClipError(
      f"{where}: would have {frames:.7g} frames, expected at most"
      f" {MOST_FRAMES}; {hint}"
    )


def check(clip: MotionClip, where: str) -> None:
  """Raises ClipError unless shapes, values and rate are those of the format."""
  arrays = {name: getattr(clip, name) for name in _FIELDS}
  schema.check(arrays, _FIELDS, where, ClipError, _AGAIN)
  for key in _NAMES:
    names = getattr(clip, key)
    if len(set(names)) < len(names):
      raise ClipError(
        f"{where}: {key} are {echo.short(', '.join(names), 200)}, expected each"
        f" once; {_AGAIN}"
      )
  if not 2 <= clip.num_frames <= MOST_FRAMES:
    raise ClipError(
      f"{where}: has {clip.num_frames} frames, expected 2 to {MOST_FRAMES};"
      " trim the motion, or give a longer one"
    )
  if np.max(np.abs(np.linalg.norm(clip.root_quat, axis=1) - 1)) > 1e-4:
    raise ClipError(f"{where}: root_quat is not a unit quaternion (wxyz)")
  _check_conventions(clip, where)
  if not np.all(np.isin(clip.foot_contacts, (0.0, 1.0))):
    raise ClipError(f"{where}: foot_contacts must be 0 or 1")
  problem = about.problem(clip.meta, clip.num_frames)
  if problem:
    raise ClipError(f"{where}: meta {problem}; {_AGAIN}")


def _check_conventions(clip: MotionClip, where: str) -> None:
  """Refuses degrees, quaternions in another order, and another vertical."""
  largest = float(np.max(np.abs(clip.joint_pos)))
  if largest > _LARGEST_ANGLE:
    raise ClipError(
      f"{where}: joint_pos goes up to {largest:.1f}, expected radians, at most"
      f" {_LARGEST_ANGLE:.2f}; convert the joints from degrees"
    )
  _, x, y, _ = np.moveaxis(clip.root_quat, -1, 0)
  upright = float(np.median(1 - 2 * (x * x + y * y)))
  if upright < _UPRIGHT:
    raise ClipError(
      f"{where}: root_quat lays the robot down (up is {upright:.2f} of"
      " upright), expected wxyz; if it is xyzw, reorder it"
    )
  step = np.diff(clip.root_pos, axis=0) * clip.fps
  swapped = np.roll(clip.root_quat, 1, axis=1)
  if (
    rotations.facing_speed(clip.root_quat, step) < -_WALKING
    and rotations.facing_speed(swapped, step) > _WALKING
  ):
    raise ClipError(
      f"{where}: root_quat faces away from where the robot walks, expected"
      " wxyz; it reads as xyzw, reorder it"
    )


def _check_height(clip: MotionClip, robot: robots.Robot, where: str) -> None:
  """Refuses what is in another unit, or has another vertical."""
  height = float(np.median(clip.root_pos[:, 2]))
  low, high = (robot.home_height + h * robot.leg_length for h in _HEIGHTS)
  if not low <= height <= high:
    raise ClipError(
      f"{where}: root_pos has the pelvis at {height:.3f} m, expected"
      f" {low:.2f} to {high:.2f} m above the ground, z up; turn the"
      " motion, or convert it to metres"
    )


def _rounded(array: np.ndarray, decimals: int) -> np.ndarray:
  """Rounded, with -0 made 0."""
  return np.round(np.asarray(array, dtype=np.float64), decimals) + 0.0
