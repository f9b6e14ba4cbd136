"""Where the robot's foot goes: a stance rolled over heel and toe, and a swing.

In stance the sole rolls without sliding: about its rear edge while the toes are
up, about its front edge while the heel is up. In swing the ankle follows the
human's, scaled, plus a cubic that takes position and velocity from lift-off's
to the human's and on to touch-down's, so that neither jumps.
"""

import dataclasses

import numpy as np

from wildrobot_playground.motion.retargeting import footfall as footfall_lib

_STEP = 1e-4  # phase, of finite differences
_FLAT_BAND = 0.05  # rad of human sole pitch that count as flat
_CLEARANCE_WINDOW = (0.3, 0.75)  # shares of the swing that must clear
_LIFT_SAMPLES = 41


@dataclasses.dataclass(frozen=True)
class FootTarget:
  """Targets of one foot, frame by frame.

  Attributes:
    ankle: (T, 3) [m]; the ground is z = 0.
    pitch: (T,) of the sole [rad], toes down positive.
    stance: (T,) whether the foot stands.
  """

  ankle: np.ndarray
  pitch: np.ndarray
  stance: np.ndarray


@dataclasses.dataclass(frozen=True)
class FootPath:
  """One foot's path as a function of phase.

  Attributes:
    footfall: of the human.
    stride_scale: robot over human, along x.
    height_scale: robot over human, upwards in swing.
    pitch_scale: robot over human, of the sole's pitch.
    swing_width_scale: robot over human, of the sideways swing.
    stance_y: where the foot stands, left positive [m].
    toe: (3,) front edge of the sole from the ankle [m].
    heel: (3,) rear edge.
    clearance: of the sole in the middle of the swing, at least [m].
  """

  footfall: footfall_lib.Footfall
  stride_scale: float
  height_scale: float
  pitch_scale: float
  swing_width_scale: float
  stance_y: float
  toe: np.ndarray
  heel: np.ndarray
  clearance: float

  def sample(self, phase: np.ndarray) -> FootTarget:
    """Targets at phases (T,) in cycles."""
    fall = self.footfall
    cycle = np.floor(phase - fall.touch_down)
    since = phase - fall.touch_down - cycle  # 0 at touch-down, below 1
    stance = since <= fall.duty
    ankle = np.where(stance[:, None], self._rolling(since), self._swing(since))
    ankle[:, 0] += cycle * self._stride
    return FootTarget(ankle, self._pitch(since), stance)

  @property
  def _stride(self) -> float:
    return self.stride_scale * float(self.footfall.ankle.advance[0])

  def _pitch(self, since: np.ndarray) -> np.ndarray:
    """Pitch (T,) at phases since touch-down; flat is a little wider."""
    pitch = self.footfall.pitch(self.footfall.touch_down + since)[..., 0]
    flat = _FLAT_BAND * np.tanh(pitch / _FLAT_BAND)
    return self.pitch_scale * (pitch - flat)

  def _rolling(self, since: np.ndarray) -> np.ndarray:
    """Ankle (T, 3) of a sole that rolls about its edges on its place."""
    pitch = self._pitch(since)
    x, z = edge_offset(pitch, self.toe, self.heel)
    x = x + self.stride_scale * self.footfall.anchor[0]
    return np.stack([x, np.full_like(x, self.stance_y), z], axis=-1)

  def _human(self, since: np.ndarray) -> np.ndarray:
    """The human's ankle (T, 3), scaled."""
    fall = self.footfall
    ankle = fall.ankle(fall.touch_down + since)
    y = (ankle[..., 1] - fall.anchor[1]) * self.swing_width_scale
    return np.stack(
      [
        self.stride_scale * ankle[..., 0],
        self.stance_y + y,
        self.height_scale * ankle[..., 2],
      ],
      axis=-1,
    )

  def _swing(self, since: np.ndarray) -> np.ndarray:
    """Ankle (T, 3) in swing."""
    low = self._unlifted(since)
    share = self._share(since)[:, None]
    return low + self._lift() * hump(share) * np.array([0.0, 0.0, 1.0])

  def _unlifted(self, since: np.ndarray) -> np.ndarray:
    """The swing before the sole is lifted to its clearance."""
    duty = self.footfall.duty
    end = np.array([duty - _STEP, duty])
    lift_off = self._rolling(end) - self._human(end)
    start = np.array([0.0, _STEP])
    # The next stance begins a stride further.
    touch_down = self._rolling(start) - self._human(1.0 + start)
    touch_down[:, 0] += self._stride
    per_share = (1.0 - duty) / _STEP
    share = self._share(since)[:, None]
    correction = (
      hermite(share, 0) * lift_off[1]
      + hermite(share, 1) * (lift_off[1] - lift_off[0]) * per_share
      + hermite(share, 2) * touch_down[0]
      + hermite(share, 3) * (touch_down[1] - touch_down[0]) * per_share
    )
    return self._human(since) + correction

  def _share(self, since: np.ndarray) -> np.ndarray:
    """Share (T,) of the swing that is over."""
    duty = self.footfall.duty
    return np.clip((since - duty) / (1.0 - duty), 0.0, 1.0)

  def _lift(self) -> float:
    """How much [m] the swing must be raised to clear the ground."""
    share = np.linspace(0.02, 0.98, _LIFT_SAMPLES)
    since = self.footfall.duty + share * (1.0 - self.footfall.duty)
    _, flat = edge_offset(self._pitch(since), self.toe, self.heel)
    clearance = self._unlifted(since)[:, 2] - flat
    inside = (share > _CLEARANCE_WINDOW[0]) & (share < _CLEARANCE_WINDOW[1])
    wanted = np.where(inside, self.clearance, 0.0)
    return float(max(0.0, np.max((wanted - clearance) / hump(share))))


def edge_offset(
  pitch: np.ndarray, toe: np.ndarray, heel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Ankle x and z (T,) of a sole that stands on its lower edge.

  x counts from where the ankle is when the sole is flat, z from the ground.
  """
  edge = np.where(np.asarray(pitch)[..., None] > 0, toe, heel)
  cos, sin = np.cos(pitch), np.sin(pitch)
  x = cos * edge[..., 0] + sin * edge[..., 2]
  z = -sin * edge[..., 0] + cos * edge[..., 2]
  return edge[..., 0] - x, -z


def hump(share: np.ndarray) -> np.ndarray:
  """1 in the middle of the swing, 0 with zero slope at its ends."""
  return (4.0 * share * (1.0 - share)) ** 2


def hermite(share: np.ndarray, index: int) -> np.ndarray:
  """Cubic Hermite basis: start value, start slope, end value, end slope."""
  u = share
  return (
    2 * u**3 - 3 * u**2 + 1,
    u**3 - 2 * u**2 + u,
    -2 * u**3 + 3 * u**2,
    u**3 - u**2,
  )[index]
