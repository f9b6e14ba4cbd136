"""Which frames of a clip are bad, and why."""

import dataclasses

import numpy as np

from wildrobot_playground import features, robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import spans
from wildrobot_playground.motion.quality import collision, gates

TWISTING = "feet twist on the ground as the walk turns"
SLIDE_MEAN, SLIDE_PEAK = "stance_slide_mean", "stance_slide_p95"
_TURNING = 0.3  # rad/s
_WINDOW = 1.0  # s over which shares and means are taken
_PEAKS = 0.1  # share of a window's frames with a plate above the 95% gate
_GAP = 0.1  # s: bad frames nearer than this are one stretch


@dataclasses.dataclass(frozen=True)
class Stretch:
  """Bad frames in a row.

  Attributes:
    start: first one.
    end: the one after the last.
    reason: what is wrong, in words.
  """

  start: int
  end: int
  reason: str

  def __str__(self) -> str:
    return f"frames {self.start}-{self.end - 1}: {self.reason}"


def measure(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> dict[str, np.ndarray]:
  """What can be told frame by frame.

  Returns:
    (T,) by name: `ik_error`, `penetration`, `leg_gap`, `arm_gap` [m]; `slide`,
    the sum over standing plates, and `slide_peak` [m/s]; `standing`, their
    number; `joint_speed` and `yaw_rate` [rad/s]; `airborne` and `hip_at_limit`
    (0 or 1). What needs the frame before is 0 in the first frame of an open
    clip.
  """
  before, now = clip.previous_qpos()
  missing = clip.num_frames - len(now)

  def whole(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(missing), values])

  slides, standing = gates.plate_slides(robot, before, now, clip.fps)
  error = clip.meta.get("frame_error", [0.0] * clip.num_frames)
  turned = np.diff(
    np.stack([features.heading(q[:, 3:7]) for q in (before, now)]), axis=0
  )[0]
  turned = np.arctan2(np.sin(turned), np.cos(turned))
  return {
    "ik_error": np.asarray(error, dtype=np.float64) / 1e3,
    "penetration": -np.min(robot.sole.heights(clip.qpos), axis=1),
    "leg_gap": collision.leg_gap(clip.qpos, robot),
    "arm_gap": collision.arm_gap(clip.qpos, robot),
    "slide": whole(np.sum(slides * standing, axis=1)),
    "standing": whole(np.sum(standing, axis=1)),
    "slide_peak": whole(np.max(slides * standing, axis=1)),
    "joint_speed": whole(
      np.max(np.abs(now - before)[:, 7:], axis=1) * clip.fps
    ),
    "yaw_rate": whole(turned * clip.fps),
    "airborne": (~np.any(clip.foot_contacts, axis=1)).astype(np.float64),
    "hip_at_limit": gates.hips_at_limit(clip, robot).astype(np.float64),
  }


def stretches(clip: clip_lib.MotionClip, robot: robots.Robot) -> list[Stretch]:
  """The bad frames, in the order of time."""
  values, most = measure(clip, robot), kinematic(robot)
  turning = np.abs(values["yaw_rate"]) > _TURNING
  sliding = _sliding(values, most, clip.fps)
  turning = _mean(turning.astype(np.float64), clip.fps) > 0.5
  flags = {
    "the legs do not reach": values["ik_error"] > most["ik_error"],
    "soles are in the ground": values["penetration"] > most["penetration"],
    "the legs overlap": values["leg_gap"] < 0,
    "an arm hits a thigh": values["arm_gap"] < 0,
    "a joint is too fast": values["joint_speed"] > most["joint_speed"],
    TWISTING: sliding & turning,
    "standing feet slide": sliding & ~turning,
    "no foot is down": values["airborne"] > 0,
    "a hip is at its limit": _mean(values["hip_at_limit"], clip.fps)
    > most["hip_at_limit"],
  }
  found = [
    Stretch(start, end, reason)
    for reason, bad in flags.items()
    for start, end in spans.of(_joined(bad, round(_GAP * clip.fps)))
  ]
  return sorted(found, key=lambda stretch: (stretch.start, stretch.end))


def kinematic(robot: robots.Robot) -> dict[str, float]:
  """The kinematic tier's largest value of each metric."""
  return {name: most for name, (most, _) in gates.limits(robot).items()}


def _sliding(
  values: dict[str, np.ndarray], most: dict[str, float], fps: float
) -> np.ndarray:
  """(T,) whether the feet slide too much around a frame."""
  allowed = most[SLIDE_MEAN] * _mean(values["standing"], fps)
  mean = _mean(values["slide"], fps) > allowed
  peak = values["slide_peak"] > most[SLIDE_PEAK]
  return mean | (_mean(peak.astype(np.float64), fps) > _PEAKS)


def _mean(values: np.ndarray, fps: float) -> np.ndarray:
  """(T,) mean over a second around each frame."""
  size = min(max(1, round(_WINDOW * fps)), len(values))
  ones = np.ones(size)
  count = np.convolve(np.ones_like(values), ones, mode="same")
  return np.convolve(values, ones, mode="same") / count


def _joined(flags: np.ndarray, gap: int) -> np.ndarray:
  """Flags with gaps of at most `gap` frames filled."""
  flags = flags.copy()
  for start, end in spans.of(~flags):
    if start > 0 and end < len(flags) and end - start <= gap:
      flags[start:end] = True
  return flags
