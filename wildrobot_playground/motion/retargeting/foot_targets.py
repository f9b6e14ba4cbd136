"""Where the robot's feet go when it follows a recorded walk.

In stance the sole does not slide: it rolls about its rear edge while the toes
are up, about its front edge while the heel is up, and where the walk turns it
pivots about what it stands on. In swing the ankle follows the human's, scaled,
plus a cubic that takes position and velocity from the old footprint's to the
human's and on to the new one's, so that neither jumps.
"""

import dataclasses

import numpy as np

from wildrobot_playground.motion import filters, human, spans
from wildrobot_playground.motion.retargeting import path as path_lib

_FLAT_BAND = 0.05  # rad of human sole pitch that count as flat
_ROLLING = 0.03  # rad of the robot's: from here on it stands on one edge
_PITCH_SMOOTHING = 0.03  # s
# Shares of the swing: at its ends, over which the sole flattens and rises;
# where it must clear the ground; and where it must not graze it.
_FLATTENING, _RISE = 0.2, 0.3
_CLEARANCE_WINDOW = (0.3, 0.75)
_OFF_THE_GROUND = (0.1, 0.9)
_GRAZING = 0.004  # m: below, a sole counts as touching
_SLIDING = 0.15  # of the clearance in a frame: what is faster slides


@dataclasses.dataclass(frozen=True)
class Shape:
  """How the human's steps become the robot's.

  Attributes:
    stride_scale: robot over human, over the ground.
    height_scale: robot over human, upwards in swing.
    pitch_scale: robot over human, of the sole's pitch.
    swing_flatter: share by which the sole's pitch is less in mid-swing.
    swing_width_scale: robot over human, of the sideways swing.
    stance_y: distance of a standing foot from the mid-line [m].
    nearest_y: the least distance, while the robot turns over it [m].
    clearance: of the sole in mid-swing, at least [m].
    clears: whether a foot is raised where it would graze in flight.
    toe: (3,) front edge of the sole from the ankle [m].
    heel: (3,) rear edge.
  """

  stride_scale: float
  height_scale: float
  pitch_scale: float
  swing_flatter: float
  swing_width_scale: float
  stance_y: float
  nearest_y: float
  clearance: float
  clears: bool
  toe: np.ndarray
  heel: np.ndarray


@dataclasses.dataclass(frozen=True)
class Foot:
  """Targets of one foot, frame by frame.

  Attributes:
    place: (T, 3) of the ankle: ahead and to the left of the path, above ground
      [m].
    pitch: (T,) of the sole [rad], toes down positive.
    standing: (T,) whether the foot stands.
  """

  place: np.ndarray
  pitch: np.ndarray
  standing: np.ndarray


def follow(
  motion: human.HumanMotion,
  side: str,
  standing: np.ndarray,
  path: path_lib.Path,
  robot_path: path_lib.Path,
  shape: Shape,
) -> Foot:
  """One foot's targets.

  Args:
    motion: the human, at the robot's frames.
    side: left or right.
    standing: (T,) whether the human's foot stands.
    path: the human's way.
    robot_path: the robot's, frame by frame beside it.
    shape: how steps are scaled.
  """
  human_pitch = _human_pitch(motion, side, standing)
  flat = _FLAT_BAND * np.tanh(human_pitch / _FLAT_BAND)
  pitch = shape.pitch_scale * (human_pitch - flat)
  for start, end in spans.of(~standing):
    share = _done(start, end, len(pitch))
    pitch[start:end] *= 1.0 - shape.swing_flatter * _plateau(share, _FLATTENING)
  base = _scaled_human(motion, side, path, shape)
  stances = spans.of(standing)
  place = base.copy()
  for start, end in stances:
    inside = slice(start, end)
    place[inside] = _stance(
      motion, side, inside, human_pitch, pitch, path, robot_path, shape
    )
  for start, end in spans.of(~standing):
    _swing(place, base, pitch, start, end, shape)
  if shape.clears:
    place[:, 2] += _grazing(place, pitch, standing, robot_path, shape)
  return Foot(place, pitch, standing)


def support(pitch: np.ndarray, toe: np.ndarray, heel: np.ndarray) -> np.ndarray:
  """(T, 3) the point that a sole stands on, in the foot's frame [m].

  Its middle when it is flat, its front or rear edge when it has rolled there.
  """
  share = np.clip(pitch / _ROLLING, -1.0, 1.0)[:, None]
  return (toe + heel) / 2 + share * (toe - heel) / 2


def _done(start: int, end: int, count: int) -> np.ndarray:
  """(n,) how much of a swing is done in its frames, of a motion of `count`.

  Of one that a motion begins in, the half of which is taken to be before it;
  of one that it ends in, after.
  """
  share = (np.arange(start, end) - start + 1) / (end - start + 1)
  if start == 0 and end == count:
    return np.full_like(share, 0.5)
  if start == 0:
    return (1.0 + share) / 2
  return share / 2 if end == count else share


def _plateau(share: np.ndarray, width: float) -> np.ndarray:
  """1 in the middle of the swing, and smoothly 0 at its ends."""
  ramp = np.clip(np.minimum(share, 1.0 - share) / width, 0.0, 1.0)
  return ramp**2 * (3.0 - 2.0 * ramp)


def _human_pitch(
  motion: human.HumanMotion, side: str, standing: np.ndarray
) -> np.ndarray:
  """(T,) pitch of the human's sole [rad], 0 when it stands flat."""
  along = motion.points[f"{side}_toe"] - motion.points[f"{side}_heel"]
  pitch = np.arctan2(-along[:, 2], np.linalg.norm(along[:, :2], axis=1))
  if np.any(standing):
    pitch = pitch - np.median(pitch[standing])
  return filters.gaussian(pitch, _PITCH_SMOOTHING * motion.fps)


def _scaled_human(
  motion: human.HumanMotion, side: str, path: path_lib.Path, shape: Shape
) -> np.ndarray:
  """(T, 3) the human's ankle along the path, scaled."""
  ankle = motion.points[f"{side}_ankle"]
  ahead, left = path.along(ankle[:, :2]).T
  sign = 1.0 if side == "left" else -1.0
  swing = shape.swing_width_scale * shape.stride_scale
  y = sign * shape.stance_y + swing * (left - np.median(left))
  ground = np.percentile(ankle[:, 2], 5)
  z = shape.height_scale * (ankle[:, 2] - ground) - shape.toe[2]
  return np.stack([shape.stride_scale * ahead, y, z], axis=-1)


def _stance(
  motion: human.HumanMotion,
  side: str,
  inside: slice,
  human_pitch: np.ndarray,
  pitch: np.ndarray,
  path: path_lib.Path,
  robot_path: path_lib.Path,
  shape: Shape,
) -> np.ndarray:
  """(n, 3) the ankle above one footprint."""
  frames = np.arange(inside.start, inside.stop)
  flat = frames[np.abs(human_pitch[inside]) < _FLAT_BAND]
  flat = flat if flat.size else frames
  middle = int(np.median(flat))
  # Where the human stood, told from the path as the foot passes below.
  print_xy = np.median(motion.points[f"{side}_ankle"][flat, :2], axis=0)
  ahead = path_lib.rotate(print_xy - path.centre[middle], -path.yaw[middle])[0]
  sign = 1.0 if side == "left" else -1.0
  local = np.array([shape.stride_scale * ahead, sign * shape.stance_y])
  start = robot_path.centre[middle] + path_lib.rotate(
    local, robot_path.yaw[middle]
  )
  here = path_lib.Path(robot_path.centre[inside], robot_path.yaw[inside])
  track = _pivoting(
    start, here.yaw, pitch[inside], middle - inside.start, shape
  )
  along = here.along(track)
  along[:, 1] += sign * max(0.0, shape.nearest_y - np.min(sign * along[:, 1]))
  x, z = edge_offset(pitch[inside], shape.toe, shape.heel)
  return np.stack([along[:, 0] + x, along[:, 1], z], axis=-1)


def _pivoting(
  start: np.ndarray,
  yaw: np.ndarray,
  pitch: np.ndarray,
  middle: int,
  shape: Shape,
) -> np.ndarray:
  """(n, 2) below the flat ankle of a foot that turns with the pelvis.

  It turns about the middle of the sole, or about the edge that it stands on.
  """
  pivot = support(pitch, shape.toe, shape.heel)[:, 0]
  facing = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
  moves = np.zeros((len(yaw), 2))
  between = (pivot[1:] + pivot[:-1])[:, None] / 2
  moves[1:] = -between * (facing[1:] - facing[:-1])
  track = np.cumsum(moves, axis=0)
  return start + track - track[middle]


def _swing(
  place: np.ndarray,
  base: np.ndarray,
  pitch: np.ndarray,
  start: int,
  end: int,
  shape: Shape,
) -> None:
  """Fills frames start to end of `place`: from one footprint to the next."""
  gap = place - base
  last, first = start - 1, end  # the stance frames beside the swing
  steps = end - start + 1
  share = (np.arange(start, end) - last) / steps
  nothing = np.zeros(3)
  if last >= 0 and first < len(place):
    ends = gap[last], gap[first]
  elif first < len(place):
    ends = gap[first], gap[first]
  elif last >= 0:
    ends = gap[last], gap[last]
  else:
    return
  slope_out = (gap[last] - gap[last - 1]) * steps if last >= 1 else nothing
  slope_in = (
    (gap[first + 1] - gap[first]) * steps if first + 1 < len(place) else nothing
  )
  u = share[:, None]
  place[start:end] = base[start:end] + (
    _hermite(u, 0) * ends[0]
    + _hermite(u, 1) * slope_out
    + _hermite(u, 2) * ends[1]
    + _hermite(u, 3) * slope_in
  )
  done = _done(start, end, len(place))
  place[start:end, 2] += _lift(place[start:end], pitch[start:end], done, shape)


def _lift(
  place: np.ndarray, pitch: np.ndarray, share: np.ndarray, shape: Shape
) -> np.ndarray:
  """(n,) by how much [m] the swing must be raised to clear the ground."""
  _, flat = edge_offset(pitch, shape.toe, shape.heel)
  wanted = np.full_like(share, -0.001)
  for (first, last), height in (
    (_OFF_THE_GROUND, _GRAZING),
    (_CLEARANCE_WINDOW, shape.clearance),
  ):
    wanted[(share > first) & (share < last)] = height
  rise = _plateau(share, _RISE)
  lift = max(0.0, float(np.max((wanted - place[:, 2] + flat) / rise)))
  return lift * rise


def _grazing(
  place: np.ndarray,
  pitch: np.ndarray,
  standing: np.ndarray,
  robot_path: path_lib.Path,
  shape: Shape,
) -> np.ndarray:
  """(T,) by how much [m] a foot must be raised where it would graze in flight.

  A foot that comes down slowly while it still goes ahead is on the ground by
  any measure of contact, and slides there.
  """
  _, flat = edge_offset(pitch, shape.toe, shape.heel)
  moves = np.gradient(robot_path.world(place[:, :2]), axis=0)
  fast = np.linalg.norm(moves, axis=1) > _SLIDING * shape.clearance
  missing = np.clip(_GRAZING + flat - place[:, 2], 0.0, _GRAZING)
  return np.where(fast & ~standing, missing, 0.0)


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


def _hermite(share: np.ndarray, index: int) -> np.ndarray:
  """Cubic Hermite basis: start value, start slope, end value, end slope."""
  u = share
  return (
    2 * u**3 - 3 * u**2 + 1,
    u**3 - 2 * u**2 + u,
    -2 * u**3 + 3 * u**2,
    u**3 - u**2,
  )[index]
