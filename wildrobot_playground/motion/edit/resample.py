"""Clips at another frame rate."""

import dataclasses

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import filters
from wildrobot_playground.robots import rotations

_SLOWEST, _FASTEST = clip_lib.RATES


def resample(
  clip: clip_lib.MotionClip, fps: float, robot: robots.Robot
) -> clip_lib.MotionClip:
  """The same motion at `fps` frames a second.

  Cubic between frames; contacts are found anew. A cyclic clip's duration is
  rounded to whole frames and its commanded speed with it, so that it closes.

  Raises:
    ClipError: for a rate outside of 5 to 1000, or one at which the clip would
      have more frames than a clip may have, or fewer than two.
  """
  if not _SLOWEST <= fps <= _FASTEST:
    raise clip_lib.ClipError(
      f"{clip.name}: fps is {fps}, expected {_SLOWEST:g} to {_FASTEST:g}"
    )
  if fps == clip.fps:
    return clip
  count = num_frames(clip, fps)
  poses, speed_up = _sampled(clip, fps, count)
  poses[:, 7:] = np.clip(poses[:, 7:], *robot.limits)
  meta = {k: v for k, v in clip.meta.items() if k != "frame_error"}
  again = clip_lib.make_clip(
    clip.name,
    poses,
    robot,
    clip.cyclic,
    (clip.command[0] * speed_up, clip.command[1] * speed_up, clip.command[2]),
    meta,
  )
  return dataclasses.replace(again, fps=float(fps))


def num_frames(clip: clip_lib.MotionClip, fps: float) -> int:
  """How many frames the clip has at `fps` frames a second.

  Raises:
    ClipError: for fewer than two, or more than a clip may have.
  """
  per_frame = fps / clip.fps if clip.fps > 0 else np.inf
  clip_lib.check_frames(
    clip.num_frames * per_frame, clip.name, "choose a lower rate, or trim it"
  )
  if clip.cyclic:
    return max(2, round(clip.num_frames * per_frame))
  count = int(np.floor((clip.num_frames - 1) * fps / clip.fps + 1e-9)) + 1
  if count < 2:
    raise clip_lib.ClipError(
      f"{clip.name}: would have {count} frame, expected at least 2; choose a"
      " higher rate, or a longer clip"
    )
  return count


def _sampled(
  clip: clip_lib.MotionClip, fps: float, count: int
) -> tuple[np.ndarray, float]:
  """Poses (N, 7 + J) at the new rate, and by how much the clip is faster."""
  if not clip.cyclic:
    return at(clip.qpos, np.arange(count) * clip.fps / fps), 1.0
  # A cycle before and after lets the ends be interior.
  frames = clip.num_frames
  whole = clip.at(np.arange(-frames, 2 * frames) / clip.fps)
  position = frames + np.arange(count) * frames / count
  return at(whole, position), (frames / clip.fps) / (count / fps)


def at(poses: np.ndarray, position: np.ndarray) -> np.ndarray:
  """Poses (N, 7 + J) between frames of (T, 7 + J), cubic."""
  quat = rotations.continuous(poses[:, 3:7])
  samples = np.hstack([poses[:, :3], quat, poses[:, 7:]])
  found = filters.sample(samples, position)
  found[:, 3:7] /= np.linalg.norm(found[:, 3:7], axis=1, keepdims=True)
  found[:, 3:7] *= np.where(found[:, 3:4] < 0, -1.0, 1.0)
  return found
