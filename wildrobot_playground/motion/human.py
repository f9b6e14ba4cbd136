"""HumanMotion: what an importer hands to the retargeter."""

import dataclasses
from typing import Any

import numpy as np

SIDES = ("left", "right")
_RATES = (5.0, 1000.0)  # frames per second
POINTS = (
  "pelvis",
  *(
    f"{side}_{point}"
    for side in SIDES
    for point in ("hip", "knee", "ankle", "heel", "toe")
  ),
)


class MotionError(ValueError):
  """A motion that cannot be used; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class HumanMotion:
  """A human motion as points, in a z-up world that it crosses along x.

  Attributes:
    points: (T, 3) positions [m] by the names of `POINTS`; heel and toe are on
      the sole.
    pelvis_mat: (T, 3, 3) pelvis orientation (x forward, y left, z up).
    chest_mat: (T, 3, 3) chest orientation.
    fps: frames per second.
    cyclic: whether the last frame is the first one, a cycle later.
    source: plain values: file name, sha256, format, licence.
    standing: (T,) whether each foot stands, by side; None when nobody said, and
      it is to be found from how the feet move.
  """

  points: dict[str, np.ndarray]
  pelvis_mat: np.ndarray
  chest_mat: np.ndarray
  fps: float
  cyclic: bool
  source: dict[str, Any]
  standing: dict[str, np.ndarray] | None = None

  @property
  def num_frames(self) -> int:
    """Number of frames T."""
    return self.pelvis_mat.shape[0]

  @property
  def advance(self) -> np.ndarray:
    """(3,) way [m] along x from the first to the last frame."""
    way = self.points["pelvis"][-1, 0] - self.points["pelvis"][0, 0]
    return np.array([way, 0.0, 0.0])

  @property
  def leg_length(self) -> float:
    """Mean length [m] from hip over knee to ankle."""
    return float(
      np.mean(
        [
          np.linalg.norm(
            self.points[f"{side}_{a}"] - self.points[f"{side}_{b}"], axis=1
          )
          for side in SIDES
          for a, b in (("hip", "knee"), ("knee", "ankle"))
        ]
      )
      * 2
    )


def check_rate(fps: float, where: str) -> None:
  """Raises MotionError for frame rates that no recording has."""
  if not _RATES[0] <= fps <= _RATES[1]:
    raise MotionError(
      f"{where}: fps is {fps:g}, expected {_RATES[0]:g} to {_RATES[1]:g} frames"
      " per second; give the right one with --fps"
    )
