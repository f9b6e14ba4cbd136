"""A foot: where its ankle is, and how far its sole reaches.

All is told in the ankle's frame, which moves with the foot: its axes are the
pelvis' where the sole is level (for most robots: at the zero pose), its origin
is at the ankle's pitch axis, above the middle line of the sole.
"""

import dataclasses

import mujoco
import numpy as np

from wildrobot_playground.robots import contact_points, roles
from wildrobot_playground.robots.description import RobotDescription

_FLAT = 0.003  # m, of all points of a sole from its plane, root of squares
_TILTED, _STEEP = 0.005, 0.8  # rad


@dataclasses.dataclass(frozen=True)
class Foot:
  """One foot.

  Attributes:
    body: id of the body that the leg's last joint moves.
    rotation: (3, 3) of the body's frame where the sole is level; None for none.
    origin: (3,) of the ankle's frame in the body's frame, along the ankle's
      axes [m]; None for none.
    place: (3,) of the ankle at the zero pose [m].
    toe: (3,) middle of the sole's front edge in the ankle's frame [m].
    heel: (3,) of its rear edge.
    half_width: of the sole [m].
  """

  body: int
  rotation: np.ndarray | None
  origin: np.ndarray | None
  place: np.ndarray
  toe: np.ndarray
  heel: np.ndarray
  half_width: float

  def point(self, offset: np.ndarray) -> np.ndarray:
    """(..., 3) in the body's frame of offsets in the ankle's [m]."""
    if self.origin is not None:
      offset = offset + self.origin
    return offset if self.rotation is None else offset @ self.rotation


def find(
  model: mujoco.MjModel,
  data: mujoco.MjData,
  robot: RobotDescription,
  leg: roles.Leg,
  side: str,
) -> Foot:
  """A foot of a model at the zero pose, see `roles.zero_pose`.

  Raises:
    ValueError: for contacts that are not on the foot.
  """
  names = robot.legs[side]
  body = int(model.joint(names[-1]).bodyid[0])
  ankle = data.xanchor[model.joint(names[leg.ankle_pitch]).id]
  rotation = data.xmat[body].reshape(3, 3).copy()
  rotation = None if np.allclose(rotation, np.eye(3)) else rotation
  points = np.concatenate(
    [
      _points(model, data, contact.points, body, rotation)
      for contact in robot.contacts
      if contact.side == side
    ]
  )
  level = _levelling(points)
  if level is not None:
    points = points @ level.T
    rotation = level if rotation is None else level @ rotation
  low, high = points.min(axis=0), points.max(axis=0)
  middle = (low[1] + high[1]) / 2
  origin = ankle - data.xpos[body]
  if level is not None:
    origin = level @ origin
  origin[1] = middle
  place = np.array([ankle[0], data.xpos[body, 1] + middle, ankle[2]])
  if np.allclose(origin, 0):
    origin = None
  else:
    low, high = low - origin, high - origin
  return Foot(
    body=body,
    rotation=rotation,
    origin=origin,
    place=place,
    toe=np.array([high[0], (low[1] + high[1]) / 2, low[2]]),
    heel=np.array([low[0], (low[1] + high[1]) / 2, low[2]]),
    half_width=float((high[1] - low[1]) / 2),
  )


def _levelling(points: np.ndarray) -> np.ndarray | None:
  """The rotation (3, 3) that lays a sole flat; None where it is, or has none.

  Args:
    points: (P, 3) of the sole, along the pelvis' axes.
  """
  centred = points - points.mean(axis=0)
  _, spread, axes = np.linalg.svd(centred, full_matrices=False)
  is_plane = len(spread) == 3 and spread[1] > _FLAT > spread[2]
  normal = axes[-1] * np.sign(axes[-1][2])
  if not is_plane or not _TILTED < np.arccos(min(normal[2], 1.0)) < _STEEP:
    return None
  up = np.array([0.0, 0.0, 1.0])
  axis = np.cross(normal, up)
  cross = np.array(
    [
      [0, -axis[2], axis[1]],
      [axis[2], 0, -axis[0]],
      [-axis[1], axis[0], 0],
    ]
  )
  return np.eye(3) + cross + cross @ cross / (1 + normal[2])


def _points(
  model: mujoco.MjModel,
  data: mujoco.MjData,
  names: tuple[str, ...],
  body: int,
  rotation: np.ndarray | None,
) -> np.ndarray:
  """(P, 3) a contact's points from the foot's body, along the pelvis' axes."""
  found = contact_points.find(model, names)
  points = found.points
  if model.body_weldid[found.body] != model.body_weldid[body]:
    raise ValueError(
      f"{', '.join(names)}: on body '{model.body(found.body).name}', expected"
      f" to be on the foot '{model.body(body).name}'; name the joints of [legs]"
      " down to the foot in robot.toml"
    )
  if found.body != body:  # One that is fixed to the foot.
    mat = data.xmat[found.body].reshape(3, 3)
    points = data.xpos[found.body] + points @ mat.T - data.xpos[body]
  elif rotation is not None:
    points = points @ rotation.T
  down = np.zeros_like(points)
  down[:, 2] = found.radius
  return points - down
