"""Cuts clips: a range of frames, or the stretches that pass their gates."""

import dataclasses

import numpy as np

from wildrobot_playground import features, robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.quality import frames, gates
from wildrobot_playground.motion.retargeting import path as path_lib
from wildrobot_playground.robots import rotations

SHORTEST = 1.0  # s
_LONGEST = 30.0  # s
_MARGIN = 0.95  # of a gate, so that a piece does not sit on it


def cut(clip: clip_lib.MotionClip, start: int, end: int) -> clip_lib.MotionClip:
  """Frames start to end (exclusive) as an open clip, from the origin along x.

  Raises:
    ClipError: for a range that is not inside the clip or has under 2 frames.
  """
  if not 0 <= start < end - 1 < clip.num_frames:
    raise clip_lib.ClipError(
      f"{clip.name}: frames {start} to {end - 1} asked for, expected at least 2"
      f" of 0 to {clip.num_frames - 1}"
    )
  inside = slice(start, end)
  meta = dict(clip.meta)
  if "frame_error" in meta:
    meta["frame_error"] = meta["frame_error"][inside]
    meta["ik_error"] = round(max(meta["frame_error"]) / 1e3, 6)
  first = meta.get("frames", [0])[0]
  meta["frames"] = [first + start, first + end - 1]
  piece = dataclasses.replace(
    clip,
    name=f"{clip.name}_f{first + start:05d}",
    root_pos=clip.root_pos[inside],
    root_quat=clip.root_quat[inside],
    joint_pos=clip.joint_pos[inside],
    foot_contacts=clip.foot_contacts[inside],
    cyclic=False,
    meta=meta,
  )
  return with_own_command(from_origin(piece))


def good_pieces(
  clip: clip_lib.MotionClip,
  robot: robots.Robot,
  shortest: float = SHORTEST,
) -> list[clip_lib.MotionClip]:
  """The longest stretches that pass the kinematic gate, in order of time.

  A loop that is shorter than any stretch may be is kept whole.

  Args:
    clip: any clip.
    robot: the robot.
    shortest: stretches that last less are left out [s].
  """
  low = max(2, round(shortest * clip.fps))
  if clip.cyclic and clip.num_frames < low:
    return [clip]
  excess = _excess(frames.measure(clip, robot), frames.kinematic(robot))
  high = min(clip.num_frames, round(_LONGEST * clip.fps))
  sums = np.concatenate([np.zeros((1, excess.shape[1])), np.cumsum(excess, 0)])
  found: list[tuple[int, int]] = []
  _search(sums, 0, clip.num_frames, low, high, found)
  return [cut(clip, start, end) for start, end in sorted(found)]


def with_own_command(clip: clip_lib.MotionClip) -> clip_lib.MotionClip:
  """The clip with its own mean speed and yaw rate as the command."""
  turn = np.unwrap(features.heading(clip.root_quat))
  rate = (turn[-1] - turn[0]) / ((clip.num_frames - 1) * clip.dt)
  command = np.array([gates.achieved_speed(clip), 0.0, rate])
  return dataclasses.replace(clip, command=np.round(command, 6) + 0.0)


def from_origin(clip: clip_lib.MotionClip) -> clip_lib.MotionClip:
  """The clip moved and turned so that it starts at the origin along x."""
  yaw = float(features.heading(clip.root_quat[0]))
  pos = clip.root_pos - clip.root_pos[0] * np.array([1.0, 1.0, 0.0])
  pos[:, :2] = path_lib.rotate(pos[:, :2], -yaw)
  turn = np.array([np.cos(yaw / 2), 0.0, 0.0, -np.sin(yaw / 2)])
  quat = rotations.multiply(turn, clip.root_quat)
  return dataclasses.replace(clip, root_pos=pos, root_quat=quat)


def _excess(
  values: dict[str, np.ndarray], most: dict[str, float]
) -> np.ndarray:
  """(T, K) by how much each frame exceeds what a piece may have on average.

  A piece is good when the sum of every column over its frames is at most 0.
  """

  def share(flags: np.ndarray, allowed: float) -> np.ndarray:
    return np.asarray(flags, np.float64) - _MARGIN * allowed

  never = (
    (values["ik_error"] > most["ik_error"])
    | (values["penetration"] > most["penetration"])
    | (values["joint_speed"] > most["joint_speed"])
    | (values["leg_gap"] < 0)
    | (values["arm_gap"] < 0)
  )
  peak = values["slide_peak"] > most[frames.SLIDE_PEAK]
  slide = _MARGIN * most[frames.SLIDE_MEAN]
  columns = [
    never.astype(np.float64),
    values["slide"] - values["standing"] * slide,
    share(peak, 0.05),
    share(values["airborne"], most["airborne"]),
    share(values["hip_at_limit"], most["hip_at_limit"]),
  ]
  return np.stack(columns, axis=1)


def _search(
  sums: np.ndarray,
  start: int,
  end: int,
  low: int,
  high: int,
  found: list[tuple[int, int]],
) -> None:
  """Adds the longest good piece of frames start to end, then those beside."""
  for length in range(min(high, end - start), low - 1, -1):
    over = sums[start + length : end + 1] - sums[start : end + 1 - length]
    good = np.flatnonzero(np.all(over <= 0, axis=1))
    if good.size:
      first = start + int(good[0])
      found.append((first, first + length))
      _search(sums, start, first, low, length, found)
      _search(sums, first + length, end, low, length, found)
      return
