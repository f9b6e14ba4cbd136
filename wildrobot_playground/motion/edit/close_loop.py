"""Finds a gait cycle in an open clip and closes it."""

import dataclasses

import numpy as np

from wildrobot_playground import features, robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.edit import trim
from wildrobot_playground.motion.retargeting import from_clip, recording

SHORTEST, LONGEST = 0.4, 2.5  # s, of a cycle
_RATE_WEIGHT = 0.05  # s: a radian per second counts as so many radians
_YAW_WEIGHT = 2.0
_HEIGHT_WEIGHT = 10.0  # rad/m
_LARGEST_GAP = 0.25  # rad, root mean square over the joints
_LONGER_IS_WORSE = 0.5
_LARGEST_TURN = 0.15  # rad in a cycle


def close(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> clip_lib.MotionClip:
  """The cycle whose ends are most alike, as a cyclic clip.

  What is missing between its ends is spread over the cycle, and its feet are
  placed anew so that they do not slide.

  Raises:
    ClipError: when the clip has no cycle: too short, turning, or not a gait.
  """
  if clip.cyclic:
    raise clip_lib.ClipError(f"{clip.name}: is a loop already")
  start, end = find(clip)
  piece = trim.cut(clip, start, end + 1)
  motion = dataclasses.replace(from_clip.as_human(piece, robot), cyclic=True)
  speed = float(piece.command[0])
  options = from_clip.own_options(piece, robot)
  looped = recording.follow(motion, clip.name, robot, speed, options)
  meta = {**looped.meta, "frames": piece.meta["frames"]}
  kind = clip.meta.get("kind")
  return dataclasses.replace(
    looped, meta=meta | ({"kind": kind} if kind else {})
  )


def find(clip: clip_lib.MotionClip) -> tuple[int, int]:
  """First frame of the best cycle, and the frame that is it again.

  Raises:
    ClipError: when no two frames are alike enough.
  """
  pose, yaw = _signature(clip)
  best, found = np.inf, (0, 0)
  longest = min(round(LONGEST * clip.fps), clip.num_frames - 1)
  moved = np.linalg.norm(np.diff(clip.root_pos[:, :2], axis=0), axis=1)
  way = np.concatenate([[0.0], np.cumsum(moved)])
  for length in range(round(SHORTEST * clip.fps), longest + 1):
    turned = np.abs(yaw[length:] - yaw[:-length])
    gap = np.linalg.norm(pose[length:] - pose[:-length], axis=1)
    gap = np.where(turned > _LARGEST_TURN, np.inf, gap)
    gap = np.where(way[length:] - way[:-length] < 0.02, np.inf, gap)
    k = int(np.argmin(gap + _YAW_WEIGHT * turned))
    score = gap[k] + _YAW_WEIGHT * turned[k]
    # A longer cycle must be clearly better: two cycles are as alike as one.
    if score < _LONGER_IS_WORSE * best:
      best, found = score, (k, k + length)
  if not best < _LARGEST_GAP * np.sqrt(pose.shape[1]):
    raise clip_lib.ClipError(
      f"{clip.name}: no two frames {SHORTEST} to {LONGEST} s apart are alike"
      " and in line; trim it to a straight, steady walk of two cycles"
    )
  return found


def _signature(clip: clip_lib.MotionClip) -> tuple[np.ndarray, np.ndarray]:
  """What must come back after a cycle (T, K) [rad], and the heading (T,)."""
  rate = np.gradient(clip.joint_pos, axis=0) * clip.fps
  height = clip.root_pos[:, 2:3]
  yaw = np.unwrap(features.heading(clip.root_quat))
  return (
    np.hstack([clip.joint_pos, _RATE_WEIGHT * rate, _HEIGHT_WEIGHT * height]),
    yaw,
  )
