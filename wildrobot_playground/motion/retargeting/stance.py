"""When a recorded human's feet stand: intervals of an open motion."""

import numpy as np

from wildrobot_playground.motion import filters, human, spans

# A foot stands while its lowest end is slower than this share of the walk, or
# than this share of the root of gravity times leg length, when that is more.
_WALK_SHARE = 0.45
_SLOWEST = 0.12
# ... and lower than this share of the leg above the ground.
_HEIGHT = 0.06
_LOW_PERCENTILE = 5
_GRAVITY = 9.81  # m/s²
_SMOOTHING = 0.04  # s of the human's time
_SHORTEST_STANCE = 0.12  # s of the human's time
_SHORTEST_SWING = 0.12
_FLIGHT = 0.1  # s: feet that leave the ground for less never leave it


def find(
  motion: human.HumanMotion, walk_speed: np.ndarray
) -> dict[str, np.ndarray]:
  """Whether each foot stands, frame by frame.

  Args:
    motion: of any length.
    walk_speed: (T,) smoothed speed of the pelvis [m/s].

  Returns:
    (T,) flags by side. Gaps without any foot down that are shorter than a
    tenth of a second are given to the feet beside them.
  """
  slow = np.sqrt(_GRAVITY * motion.leg_length)
  threshold = np.maximum(_WALK_SHARE * walk_speed, _SLOWEST * slow)
  standing = {side: _standing(motion, side, threshold) for side in human.SIDES}
  return _without_short_flight(standing, round(_FLIGHT * motion.fps))


def flight_share(standing: dict[str, np.ndarray]) -> float:
  """Share of frames without any foot down."""
  return float(np.mean(~np.any(list(standing.values()), axis=0)))


def _standing(
  motion: human.HumanMotion, side: str, threshold: np.ndarray
) -> np.ndarray:
  """(T,) whether the lower of heel and toe is slow and low."""
  ends = np.stack(
    [
      filters.gaussian(motion.points[f"{side}_{end}"], _SMOOTHING * motion.fps)
      for end in ("heel", "toe")
    ]
  )
  speeds = np.linalg.norm(np.gradient(ends[..., :2], axis=1), axis=-1)
  lower = np.argmin(ends[..., 2], axis=0)[None]
  height = np.min(ends[..., 2], axis=0)
  speed = np.take_along_axis(speeds, lower, axis=0)[0] * motion.fps
  ground = np.percentile(height, _LOW_PERCENTILE)
  flags = (speed < threshold) & (height < ground + _HEIGHT * motion.leg_length)
  flags = _without_short_runs(flags, _SHORTEST_STANCE * motion.fps, True)
  return _without_short_runs(flags, _SHORTEST_SWING * motion.fps, False)


def _without_short_runs(
  flags: np.ndarray, shortest: float, value: bool
) -> np.ndarray:
  """Flags whose runs of `value` inside the motion are `shortest` or longer."""
  flags = flags.copy()
  for start, end in spans.of(flags == value):
    inside = start > 0 and end < len(flags)
    if inside and end - start < shortest:
      flags[start:end] = not value
  return flags


def _without_short_flight(
  standing: dict[str, np.ndarray], longest: int
) -> dict[str, np.ndarray]:
  """Stances that begin earlier and end later where no foot would be down."""
  standing = {side: flags.copy() for side, flags in standing.items()}
  for start, end in spans.of(~np.any(list(standing.values()), axis=0)):
    if end - start > longest:
      continue
    middle = (start + end) // 2
    for flags in standing.values():
      if start > 0 and flags[start - 1]:
        flags[start : middle + 1] = True
      if end < len(flags) and flags[end]:
        flags[middle:end] = True
  return standing
