"""Which way is up and forward in a recording, and how long is its unit."""

import dataclasses

import numpy as np

from wildrobot_playground.motion import filters, human
from wildrobot_playground.robots import rotations
from wildrobot_playground.system import echo

# Metres in a unit. CMU's BVH conversions count in 1/0.45 inches.
UNITS = {
  "m": 1.0,
  "dm": 0.1,
  "inch": 0.0254,
  "cmu": 0.0254 / 0.45,
  "cm": 0.01,
  "mm": 0.001,
}
AXES = ("x", "y", "z")
PERSON = "person"  # the unit in which a leg is as long as most adults'
_LEG = 0.85  # m, of most adults
_LEGS = (0.4, 1.2)  # m, of a child and a tall adult
_ADULTS = (0.6, 1.1)  # m; in the less usual units nobody else is thought of
_USUAL = ("m", "cm", "mm")
_STANDING = 0.03  # m
_BALL_HEIGHT = 0.02  # m of the toes' joint above the sole
_HEEL = 0.05  # m behind the ankle
_TOE = 0.05  # m ahead of the toes' joint, where the sole still bears
_UPRIGHT = 0.5  # of a leg's length that must be along the vertical
_ASIDE = 0.5  # of that: the most that may be along another axis


@dataclasses.dataclass(frozen=True)
class World:
  """The conventions of a recording.

  Attributes:
    unit: name in `UNITS`, or `PERSON`.
    up: signed axis, such as `+y`.
    forward: signed axis nearest to the way it faces at first.
  """

  unit: str
  up: str
  forward: str

  def describe(self) -> dict[str, str]:
    """For a clip's source."""
    return dataclasses.asdict(self)

  def doubts(self) -> list[str]:
    """What was not clear, a line each."""
    if self.unit != PERSON:
      return []
    return [
      f"the unit is none of {', '.join(UNITS)}: sizes are taken as of a person"
      f" with legs of {_LEG} m; --unit says which it is"
    ]


def find_unit(
  leg_length: float, where: str, unit: str = "auto"
) -> tuple[str, float]:
  """The unit in which a leg is as long as a person's, and its metres.

  `PERSON` where it is in none: sizes then are an adult's.

  Args:
    leg_length: hip to ankle, in the file's unit.
    where: name of the file.
    unit: name in `UNITS`, or `auto`.

  Raises:
    MotionError: when there is no leg, or the unit is unknown.
  """
  if unit != "auto" and unit not in UNITS:
    raise human.MotionError(
      f"--unit {echo.short(unit)} is unknown; choose one of auto,"
      f" {', '.join(UNITS)}"
    )
  if not 1e-9 < leg_length < 1e9:
    raise human.MotionError(
      f"{where}: legs are {leg_length:.4g} units long; export the motion again"
    )
  if unit != "auto":
    return unit, UNITS[unit]
  miss = {
    name: abs(np.log(metres * leg_length / _LEG))
    for name, metres in UNITS.items()
  }
  for name in sorted(UNITS, key=lambda name: miss[name]):
    least, most = _LEGS if name in _USUAL else _ADULTS
    if least <= UNITS[name] * leg_length <= most:
      return name, UNITS[name]
  return PERSON, _LEG / leg_length


def find_up(leg: np.ndarray, where: str, up: str = "auto") -> str:
  """The signed axis that legs stand along.

  Args:
    leg: (T, 3) from an ankle to its hip.
    where: name of the file.
    up: signed axis, or `auto`.

  Raises:
    MotionError: when legs are along no axis, or the name is unknown.
  """
  if up != "auto":
    return _signed(up)
  unit = leg / np.maximum(np.linalg.norm(leg, axis=1, keepdims=True), 1e-12)
  mean = np.mean(unit, axis=0)
  axis = int(np.argmax(np.abs(mean)))
  aside = np.max(np.abs(np.delete(mean, axis)))
  if abs(mean[axis]) < _UPRIGHT or aside > _ASIDE * abs(mean[axis]):
    raise human.MotionError(
      f"{where}: legs point along {np.round(mean, 2).tolist()} on the whole,"
      " expected nearly along one axis; give the vertical with --up"
    )
  return ("+" if mean[axis] > 0 else "-") + AXES[axis]


def to_z_up(up: str) -> np.ndarray:
  """The rotation (3, 3) that turns a signed axis to +z; +y as about x."""
  sign, axis = (1.0 if up[0] == "+" else -1.0), AXES.index(up[1])
  mats = (
    np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]]),  # x to z
    np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),  # y to z
    np.eye(3),
  )
  flip = np.diag([1.0, sign, sign])  # half a turn about x
  return flip @ mats[axis]


def facing(pelvis_mat: np.ndarray, up: str) -> str:
  """The signed axis of the file that the pelvis (3, 3), z up, faces."""
  forward = to_z_up(up).T @ pelvis_mat[:, 0]
  axis = int(np.argmax(np.abs(forward)))
  return ("+" if forward[axis] > 0 else "-") + AXES[axis]


def body_frame(left: np.ndarray, up: np.ndarray) -> np.ndarray:
  """Rotations (T, 3, 3) with y to the left (T, 3) and z nearly up (T, 3)."""
  with np.errstate(invalid="ignore"):  # Without a left, no finite frame.
    y = left / np.linalg.norm(left, axis=1, keepdims=True)
    x = np.cross(y, up)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
  return np.stack([x, y, np.cross(x, y)], axis=-1)


def turned_to_x(motion: human.HumanMotion) -> human.HumanMotion:
  """The motion turned so that its net way, or where it faces, is along x."""
  way = motion.points["pelvis"][-1] - motion.points["pelvis"][0]
  if np.hypot(way[0], way[1]) < 0.3:
    way = np.mean(motion.pelvis_mat[:, :, 0], axis=0)
  turn = rotations.about("z", -np.arctan2(way[1], way[0]))
  origin = motion.points["pelvis"][0] * np.array([1.0, 1.0, 0.0])
  return dataclasses.replace(
    motion,
    points={k: (v - origin) @ turn.T for k, v in motion.points.items()},
    pelvis_mat=turn @ motion.pelvis_mat,
    chest_mat=turn @ motion.chest_mat,
  )


def on_the_ground(
  points: dict[str, np.ndarray], percentile: float = 5.0
) -> dict[str, np.ndarray]:
  """Points moved up or down so that low soles are at height 0."""
  soles = np.min(
    [
      points[f"{side}_{end}"][:, 2]
      for side in human.SIDES
      for end in ("heel", "toe")
    ],
    axis=0,
  )
  down = np.array([0.0, 0.0, np.percentile(soles, percentile)])
  return {name: point - down for name, point in points.items()}


def soles(
  ankle: np.ndarray,
  ball: np.ndarray,
  foot_mat: np.ndarray,
  fps: float,
) -> tuple[np.ndarray, np.ndarray]:
  """Heel and toe (T, 3) on the sole of a foot known by ankle and ball.

  Where the foot stands, its sole is level and the ball just above the ground;
  seen from the foot, the sole then has one place, its median.

  Args:
    ankle: (T, 3) [m], z up.
    ball: (T, 3) of the toes' joint.
    foot_mat: (T, 3, 3) rotation of the foot, in any axes that move with it.
    fps: frames per second.
  """
  speed = np.linalg.norm(
    np.gradient(filters.gaussian(ball, 0.02 * fps), axis=0), axis=1
  )
  level = ball[:, 2] - ankle[:, 2]
  slow = speed <= np.percentile(speed, 30)
  low = ball[:, 2] <= np.percentile(ball[slow, 2], 50) + _STANDING
  standing = slow & low & (level <= np.percentile(level[slow], 80))
  standing = standing if np.any(standing) else slow
  ground = np.median(ball[standing, 2]) - _BALL_HEIGHT
  ahead = (ball - ankle)[standing] * np.array([1.0, 1.0, 0.0])
  length = np.linalg.norm(ahead, axis=1, keepdims=True)
  ahead /= np.maximum(length, 1e-9)
  below = ankle[standing] * np.array([1.0, 1.0, 0.0]) + [0.0, 0.0, ground]
  places = below - _HEEL * ahead, below + (length + _TOE) * ahead
  result = []
  for place in places:
    seen = np.einsum("tji,tj->ti", foot_mat[standing], place - ankle[standing])
    result.append(ankle + foot_mat @ np.median(seen, axis=0))
  return result[0], result[1]


def _signed(axis: str) -> str:
  """`+y` of `y` or `+y`."""
  signed = axis if axis[:1] in "+-" else f"+{axis}"
  if len(signed) != 2 or signed[1] not in AXES:
    raise human.MotionError(
      f"axis '{echo.short(axis)}' is unknown; choose one of x, y, z, -x, -y, -z"
    )
  return signed
