"""HumanMotion: what an importer hands to the retargeter."""

import dataclasses
from typing import Any

import numpy as np

SIDES = ("left", "right")
_RATES = (5.0, 1000.0)  # frames per second
LONGEST = 3600.0  # s
_FARTHEST = 1e5  # m from the origin
_LEGS = (0.1, 3.0)  # m
POINTS = (
  "pelvis",
  *(
    f"{side}_{point}"
    for side in SIDES
    for point in ("hip", "knee", "ankle", "heel", "toe")
  ),
)

# Joints of an arm; points of a motion may hold them, by side.
ARM = ("shoulder", "elbow", "wrist")


class MotionError(ValueError):
  """A motion that cannot be used; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class HumanMotion:
  """A human motion as points, in a z-up world that it crosses along x.

  Attributes:
    points: (T, 3) positions [m] by the names of `POINTS`; heel and toe are on
      the sole. Where the arms are known, also those of `ARM`.
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


def checked(motion: HumanMotion) -> HumanMotion:
  """The motion, once it can be a human's.

  Raises:
    MotionError: for one that is too long, or whose numbers are none.
  """
  where = motion.source.get("file", "motion")
  check_rate(motion.fps, where)
  check_duration(motion.num_frames, motion.fps, where)
  for name, point in motion.points.items():
    if not np.all(np.abs(point) < _FARTHEST):
      raise MotionError(
        f"{where}: {name} is not within {_FARTHEST:g} m of the origin in every"
        " frame; export the motion again"
      )
  mats = motion.pelvis_mat, motion.chest_mat
  if not all(np.all(np.isfinite(mat)) for mat in mats):
    raise MotionError(
      f"{where}: pelvis or chest cannot be told left from right in some frames:"
      " hips, arms or neck are in one place; export the motion again"
    )
  if not _LEGS[0] <= motion.leg_length <= _LEGS[1]:
    raise MotionError(
      f"{where}: legs are {motion.leg_length:.3g} m long, expected {_LEGS[0]}"
      f" to {_LEGS[1]} m; convert the motion to metres"
    )
  left, right = (motion.points[f"{side}_hip"] for side in SIDES)
  apart = float(np.mean(np.linalg.norm(left - right, axis=1)))
  if apart > motion.leg_length:
    raise MotionError(
      f"{where}: hips are {apart:.3g} m apart, over legs of"
      f" {motion.leg_length:.3g} m, expected less; what was taken for legs is"
      " something else"
    )
  return motion


def check_duration(frames: int, fps: float, where: str) -> None:
  """Raises MotionError for what lasts longer than `LONGEST`."""
  if frames / fps > LONGEST:
    raise MotionError(
      f"{where}: lasts {frames / fps:.0f} s, expected at most {LONGEST:.0f} s;"
      " cut or split the recording"
    )
