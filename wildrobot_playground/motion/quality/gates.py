"""Is a clip good enough? Metrics, gates and tiers."""

import dataclasses
import math

import numpy as np

from wildrobot_playground import features, robots
from wildrobot_playground.features import about
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.quality import dynamics
from wildrobot_playground.robots import sole as sole_lib

TIERS = about.TIERS
# Of a loop: its seam is compared with steps of which neither neighbour is it.
_SHORTEST_LOOP = 4  # frames
_AT_LIMIT = 0.01  # rad from hip extension that count as at the limit
# Largest value of each metric: in the kinematic tier, in the feasible tier; of
# WildRobot, see `limits`.
GATES = {
  "joint_limit_violation": (1e-6, 1e-6),  # rad
  "ik_error": (0.005, 0.002),  # m
  "penetration": (0.005, 0.005),  # m
  "stance_slide_mean": (0.03, 0.02),  # m/s
  "stance_slide_p95": (0.10, 0.09),  # m/s
  "airborne": (0.02, 0.0),  # share of frames
  "joint_speed": (8.0, 6.0),  # rad/s
  "hip_at_limit": (0.20, 0.05),  # share of frames
  "speed_error": (0.05, 0.05),  # share of the commanded speed
  "seam": (0.05, 0.05),  # rad
  "over_torque": (np.inf, 0.05),  # share of frames
  "unmatched_force": (np.inf, 0.05),  # share of weight
}
_LENGTHS = ("ik_error", "penetration")
_SLIDES = ("stance_slide_mean", "stance_slide_p95")

Limits = dict[str, tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Report:
  """What a clip measures, and what that makes it.

  Attributes:
    metrics: by name; those of `GATES` and a few for the reader.
    tier: one of `TIERS`.
    reasons: why it is not in the kinematic tier, one line each.
  """

  metrics: dict[str, float]
  tier: str
  reasons: tuple[str, ...]


def limits(robot: robots.Robot) -> Limits:
  """`GATES` for a robot of another size.

  Lengths go with its legs, slides with the root of that, as speeds of walks do.
  What servos and shares may be is everyone's.
  """

  def scale(name: str) -> float:
    if name in _LENGTHS:
      return robot.size
    return math.sqrt(robot.size) if name in _SLIDES else 1.0

  return {
    name: (scale(name) * most, scale(name) * best)
    for name, (most, best) in GATES.items()
  }


def assess(clip: clip_lib.MotionClip, robot: robots.Robot) -> Report:
  """Measures a clip and puts it in a tier."""
  return judge(measure(clip, robot), limits(robot))


def judge(metrics: dict[str, float], allowed: Limits) -> Report:
  """The tier that metrics earn; `allowed` as of `limits`."""
  kinematic, feasible = (
    [name for name, most in allowed.items() if not metrics[name] <= most[i]]
    for i in range(2)
  )
  tier = "refused" if kinematic else "kinematic" if feasible else "feasible"
  reasons = tuple(
    f"{name} is {metrics[name]:.4g}, at most {allowed[name][0]:.4g} is allowed"
    for name in kinematic
  )
  return Report(metrics, tier, reasons)


def measure(clip: clip_lib.MotionClip, robot: robots.Robot) -> dict[str, float]:
  """All metrics of a clip, rounded to six digits; SI units.

  Raises:
    ClipError: for a loop of too few frames to tell its seam from its steps.
  """
  if clip.cyclic and clip.num_frames < _SHORTEST_LOOP:
    raise clip_lib.ClipError(
      f"{clip.name}: is a loop of {clip.num_frames} frames, too short to be"
      f" measured, expected at least {_SHORTEST_LOOP}; make it at a higher"
      " frame rate, or give a whole cycle"
    )
  before, now = clip.previous_qpos()
  metrics = {
    **_limits(clip, robot),
    "ik_error": float(clip.meta.get("ik_error", 0.0)),
    **_contacts(clip, robot, before, now),
    **_speeds(clip, before, now),
    **dynamics.summarize(clip, robot),
  }
  return {name: float(f"{value:.6g}") for name, value in metrics.items()}


def _limits(clip: clip_lib.MotionClip, robot: robots.Robot) -> dict[str, float]:
  """Joint limits: how far beyond, and how often the hips lean on theirs."""
  low, high = robot.limits
  beyond = np.maximum(low - clip.joint_pos, clip.joint_pos - high)
  return {
    # A millionth of a radian is the rounding of the file.
    "joint_limit_violation": max(0.0, float(np.max(beyond)) - 1e-6),
    "hip_at_limit": float(np.mean(hips_at_limit(clip, robot))),
  }


def hips_at_limit(clip: clip_lib.MotionClip, robot: robots.Robot) -> np.ndarray:
  """(T,) whether a hip leans on the limit of its extension."""
  flexion = robot.hip_flexion(clip.joint_pos)
  return np.any(flexion < robot.hip_extension_limits + _AT_LIMIT, axis=1)


def plate_slides(
  robot: robots.Robot, before: np.ndarray, now: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
  """Speed of the plates over the ground, and which of them stand.

  Args:
    robot: the robot.
    before: (M, 7 + J) poses one frame earlier.
    now: (M, 7 + J) poses.
    fps: frames per second.

  Returns:
    (M, C) horizontal speed [m/s] of each plate's lowest corner and (M, C)
    whether the plate touches before and after the step.
  """
  corners, earlier = robot.sole.corners(now), robot.sole.corners(before)
  index = np.argmin(corners[..., 2], axis=-1)[..., None, None]
  moved = np.take_along_axis(corners - earlier, index, axis=2)[:, :, 0, :2]
  standing = (robot.sole.contacts(now) > 0) & (robot.sole.contacts(before) > 0)
  return np.linalg.norm(moved, axis=-1) * fps, standing


def _contacts(
  clip: clip_lib.MotionClip,
  robot: robots.Robot,
  before: np.ndarray,
  now: np.ndarray,
) -> dict[str, float]:
  """Penetration, slide of standing plates, clearance, frames in the air."""
  height = robot.sole.heights(now)  # (M, C)
  speed, standing = plate_slides(robot, before, now, clip.fps)
  touching = robot.sole.contacts(now) > 0
  sliding = speed[standing] if np.any(standing) else np.zeros(1)
  return {
    "penetration": max(0.0, -float(np.min(robot.sole.heights(clip.qpos)))),
    "stance_slide_mean": float(np.mean(sliding)),
    "stance_slide_p95": float(np.percentile(sliding, 95)),
    "airborne": float(np.mean(~np.any(touching, axis=1))),
    "swing_clearance": _mid_swing(robot.per_foot(height, np.minimum)),
    "duty": float(np.mean(robot.per_foot(touching, np.logical_or))),
  }


def achieved_speed(clip: clip_lib.MotionClip) -> float:
  """Mean forward speed [m/s] of the pelvis, in its own heading."""
  steps = np.diff(clip.root_pos, axis=0)
  yaw = features.heading(clip.root_quat)
  if np.max(np.abs(yaw)) < 1e-3:  # Straight: between first and last frame.
    way = clip.root_pos[-1, 0] - clip.root_pos[0, 0]
  else:
    yaw = yaw[1:]
    way = np.sum(np.cos(yaw) * steps[:, 0] + np.sin(yaw) * steps[:, 1])
  # A cycle's last step is not stored.
  return float(way / ((clip.num_frames - 1) * clip.dt))


def _mid_swing(height: np.ndarray) -> float:
  """Lowest height [m] in the middle third of the swings; feet (M, 2)."""
  lowest = []
  for foot in height.T:
    flying = np.flatnonzero(foot > sole_lib.CONTACT_HEIGHT)
    if flying.size == 0:
      return 0.0
    # Begin at the seam's far side, so that no swing is cut in two.
    first = flying[np.argmax(np.diff(flying, prepend=flying[-1] - len(foot)))]
    order = (first + np.arange(len(foot))) % len(foot)
    for run in np.split(
      order, np.flatnonzero(np.diff(foot[order] > sole_lib.CONTACT_HEIGHT)) + 1
    ):
      third = len(run) // 3
      if foot[run[0]] > sole_lib.CONTACT_HEIGHT and third:
        lowest.append(np.min(foot[run[third : len(run) - third]]))
  return float(np.min(lowest)) if lowest else 0.0


def _speeds(
  clip: clip_lib.MotionClip, before: np.ndarray, now: np.ndarray
) -> dict[str, float]:
  """Joint speed, forward speed against the command, and the loop's seam."""
  step = np.abs(now[:, 7:] - before[:, 7:])
  duration = (len(now)) * clip.dt
  achieved = achieved_speed(clip)
  command = float(clip.command[0])
  error = abs(achieved - command) / max(abs(command), 0.1)
  seam = 0.0
  if clip.cyclic:
    # How much the step over the seam differs from its neighbours, beyond what
    # steps inside the cycle differ.
    change = now[:, 7:] - before[:, 7:]
    uneven = np.abs(
      change - (np.roll(change, 1, 0) + np.roll(change, -1, 0)) / 2
    )
    seam = float(np.max(uneven[0] - np.max(uneven[2:-1], axis=0)))
  return {
    "joint_speed": float(np.max(step)) * clip.fps,
    "achieved_speed": float(achieved),
    "speed_error": float(error),
    "seam": max(0.0, seam),
    "cadence": 1.0 / duration if clip.cyclic else float("nan"),
  }
