"""When a human foot stands, and how its sole moves: one foot of one cycle."""

import dataclasses

import numpy as np

from wildrobot_playground.motion import fourier, human

_GRID = 400  # phases at which stance is looked for
# A foot stands while its lowest end moves slower than this share of the walk
# and is lower than this share of the leg above its lowest height.
_STANCE_SPEED = 0.45
_STANCE_HEIGHT = 0.025
_FLAT_PITCH = 0.05  # rad, counted as a flat sole


@dataclasses.dataclass(frozen=True)
class Footfall:
  """One foot over one cycle, by phase in cycles.

  Attributes:
    ankle: (3,) position [m].
    pitch: (1,) of the sole [rad], toes down positive, 0 when it stands flat.
    touch_down: phase at which stance begins.
    lift_off: phase at which it ends; above `touch_down`, within a cycle.
    anchor: (2,) where the flat ankle stands in this stance [m].
  """

  ankle: fourier.Periodic
  pitch: fourier.Periodic
  touch_down: float
  lift_off: float
  anchor: np.ndarray

  @property
  def duty(self) -> float:
    """Share of the cycle in stance."""
    return self.lift_off - self.touch_down


def find(motion: human.HumanMotion, side: str, harmonics: int) -> Footfall:
  """The footfall of one side of a cyclic motion.

  Args:
    motion: one cycle.
    side: left or right.
    harmonics: highest harmonic kept of the human's motion.

  Raises:
    MotionError: when the foot never stands or never lifts.
  """
  heel, toe = (
    fourier.fit(motion.points[f"{side}_{end}"], harmonics, motion.advance)
    for end in ("heel", "toe")
  )
  phase = np.arange(_GRID) / _GRID
  standing = _standing(heel, toe, phase, motion.leg_length)
  start, length = _longest_run(standing)
  if length < 0.2 * _GRID or length > 0.9 * _GRID:
    raise human.MotionError(
      f"{motion.source.get('file', 'motion')}: the {side} foot stands for"
      f" {100 * length / _GRID:.0f}% of the cycle, expected 20 to 90%;"
      " choose one cycle of a walk"
    )
  stance = (start + np.arange(length)) / _GRID
  forward = toe(stance) - heel(stance)
  flat = float(np.median(np.arctan2(-forward[:, 2], forward[:, 0])))
  raw = motion.points[f"{side}_toe"] - motion.points[f"{side}_heel"]
  pitch = np.unwrap(np.arctan2(-raw[:, 2], raw[:, 0])) - flat
  ankle = fourier.fit(motion.points[f"{side}_ankle"], harmonics, motion.advance)
  pitch_signal = fourier.fit(pitch, harmonics)
  middle = stance[np.abs(pitch_signal(stance)[:, 0]) < _FLAT_PITCH]
  return Footfall(
    ankle=ankle,
    pitch=pitch_signal,
    touch_down=stance[0],
    lift_off=stance[-1],
    anchor=np.median(ankle(middle)[:, :2], axis=0),
  )


def _standing(
  heel: fourier.Periodic,
  toe: fourier.Periodic,
  phase: np.ndarray,
  leg_length: float,
) -> np.ndarray:
  """Whether (P,) the lower of heel and toe is slow and low."""
  ends = np.stack([heel(phase), toe(phase)])  # (2, P, 3)
  rates = np.stack([heel.rate(phase), toe.rate(phase)])
  lower = np.argmin(ends[..., 2], axis=0)
  height = np.min(ends[..., 2], axis=0)
  speed = np.abs(np.take_along_axis(rates[..., 0], lower[None], axis=0)[0])
  ground = np.percentile(height, 10)
  slow = speed < _STANCE_SPEED * abs(heel.advance[0])
  return slow & (height < ground + _STANCE_HEIGHT * leg_length)


def _longest_run(flags: np.ndarray) -> tuple[int, int]:
  """Start and length of the longest run of true, over the seam too."""
  if np.all(flags) or not np.any(flags):
    return 0, int(np.sum(flags))
  first = int(np.argmin(flags))  # Begin at a false one.
  best, start, length = (0, 0), 0, 0
  for i in range(flags.size + 1):
    if i < flags.size and flags[(first + i) % flags.size]:
      start = start if length else first + i
      length += 1
    else:
      best = max(best, (length, start))
      length = 0
  return best[1] % flags.size, best[0]
