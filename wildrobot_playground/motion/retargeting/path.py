"""The way a motion goes: a smooth place and heading, and coordinates along it.

A leg may have no joint that turns it about the vertical, so the pelvis faces where the
walk goes and everything else is told from there: how far ahead, how far left.
"""

import dataclasses

import numpy as np

from wildrobot_playground.motion import filters, human
from wildrobot_playground.robots import rotations

_SMOOTHING = 0.5  # s of the human's time
_LARGEST_BIAS = 0.35  # rad between facing and walking that is a misalignment
_WALKING = 0.3  # m/s of a human


@dataclasses.dataclass(frozen=True)
class Path:
  """A smooth way over the ground.

  Attributes:
    centre: (T, 2) place [m].
    yaw: (T,) heading [rad], without jumps of a turn.
  """

  centre: np.ndarray
  yaw: np.ndarray

  def scaled(self, scale: float, turning: float = 1.0) -> "Path":
    """The way from the origin along x, `scale` times as long.

    Args:
      scale: of lengths.
      turning: share of the turns that is kept.
    """
    yaw = turning * (self.yaw - self.yaw[0])
    bend = yaw - self.yaw
    steps = rotate(np.diff(self.centre, axis=0), (bend[1:] + bend[:-1]) / 2)
    way = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    return Path(scale * way, yaw)

  def along(self, place: np.ndarray) -> np.ndarray:
    """(T, 2) how far places (T, 2) [m] are ahead and to the left."""
    return rotate(place - self.centre, -self.yaw)

  def world(self, along: np.ndarray) -> np.ndarray:
    """(T, 2) places that are so far (T, 2) [m] ahead and to the left."""
    return self.centre + rotate(along, self.yaw)

  def speed(self, fps: float) -> np.ndarray:
    """(T,) forward speed [m/s]."""
    velocity = np.gradient(self.centre, axis=0) * fps
    return rotate(velocity, -self.yaw)[:, 0]


def find(motion: human.HumanMotion) -> Path:
  """The way of a human's pelvis.

  A steady angle between where the pelvis faces and where it goes, as recordings
  have it from markers, is taken out.

  Args:
    motion: of any length.
  """
  sigma = _SMOOTHING * motion.fps
  centre = filters.twiced(motion.points["pelvis"][:, :2], sigma)
  facing = rotations.euler_zyx(motion.pelvis_mat)[:, 0]
  yaw = filters.twiced(np.unwrap(facing), sigma)
  velocity = np.gradient(centre, axis=0) * motion.fps
  moving = np.linalg.norm(velocity, axis=1) > _WALKING
  if np.any(moving):
    going = np.arctan2(velocity[moving, 1], velocity[moving, 0])
    angle = going - yaw[moving]
    bias = float(np.median(np.arctan2(np.sin(angle), np.cos(angle))))
    yaw = yaw + (bias if abs(bias) < _LARGEST_BIAS else 0.0)
  return Path(centre, yaw)


def straight(motion: human.HumanMotion) -> Path:
  """The way of a steady walk along x."""
  pelvis = motion.points["pelvis"][:, :2]
  share = np.linspace(0, 1, len(pelvis))[:, None]
  middle = np.mean(pelvis[:, 1])
  ends = np.array([[pelvis[0, 0], middle], [pelvis[-1, 0], middle]])
  return Path((1 - share) * ends[0] + share * ends[1], np.zeros(len(pelvis)))


def rotate(vector: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
  """Vectors (T, 2) turned by angles (T,) [rad]."""
  cos, sin = np.cos(angle), np.sin(angle)
  x, y = vector[..., 0], vector[..., 1]
  return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)
