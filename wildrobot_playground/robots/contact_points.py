"""Which points of a body touch the ground: of boxes, balls, meshes, sites."""

import dataclasses
import itertools
from collections.abc import Sequence

import mujoco
import numpy as np

from wildrobot_playground.robots import rotations

_MOST = 8  # points of one mesh or cylinder
_FLAT = 0.002  # m above a mesh's lowest vertex that count as its sole
_SIGNS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


@dataclasses.dataclass(frozen=True)
class ContactPoints:
  """Points of one body, each with a ball around it.

  Attributes:
    body: id.
    points: (P, 3) centres in the body's frame [m].
    radius: (P,) of the balls [m]; 0 for corners.
  """

  body: int
  points: np.ndarray
  radius: np.ndarray


def find(model: mujoco.MjModel, names: Sequence[str]) -> ContactPoints:
  """The points of geoms and sites that lie on one body, or of a body.

  A box gives its four lower corners, a ball its centre, a capsule the centres
  of its ends, a cylinder points of its lower rim, a mesh its lowest vertices, a
  site its centre: lower as the model is drawn. A body gives those of all its
  geoms that collide.

  Args:
    model: compiled.
    names: of geoms, sites or bodies.

  Raises:
    ValueError: for names that the model does not have, that lie on several
      bodies, or a geom of another type.
  """
  data = mujoco.MjData(model)
  mujoco.mj_kinematics(model, data)
  found = [part for name in names for part in _of_name(model, data, name)]
  bodies = {part.body for part in found}
  if len(bodies) != 1:
    raise ValueError(f"{', '.join(names)}: expected to be on one body")
  return ContactPoints(
    bodies.pop(),
    np.concatenate([part.points for part in found]),
    np.concatenate([part.radius for part in found]),
  )


def solid(model: mujoco.MjModel) -> np.ndarray:
  """(ngeom,) which geoms collide, by their masks or as one of a pair."""
  collides = (model.geom_contype | model.geom_conaffinity) != 0
  collides[np.concatenate([model.pair_geom1, model.pair_geom2])] = True
  return collides


def _of_name(
  model: mujoco.MjModel, data: mujoco.MjData, name: str
) -> list[ContactPoints]:
  types = mujoco.mjtObj
  geom, site, body = (
    mujoco.mj_name2id(model, kind, name)
    for kind in (types.mjOBJ_GEOM, types.mjOBJ_SITE, types.mjOBJ_BODY)
  )
  if geom >= 0:
    return [_points_of(model, data, geom)]
  if site >= 0:
    centre = model.site_pos[site][None].copy()
    return [ContactPoints(int(model.site_bodyid[site]), centre, np.zeros(1))]
  if body < 0:
    raise ValueError(f"there is no geom, site or body '{name}'")
  geoms = np.flatnonzero(solid(model) & (model.geom_bodyid == body))
  if not len(geoms):
    raise ValueError(f"no geom of body '{name}' collides")
  return [_points_of(model, data, int(geom)) for geom in geoms]


def _points_of(
  model: mujoco.MjModel, data: mujoco.MjData, geom: int
) -> ContactPoints:
  up = data.geom_xmat[geom].reshape(3, 3)[2]
  local, radius = _of_geom(model, geom, up)
  turn = rotations.quat_to_mat(model.geom_quat[geom])
  points = model.geom_pos[geom] + local @ turn.T
  return ContactPoints(int(model.geom_bodyid[geom]), points, radius)


def _of_geom(
  model: mujoco.MjModel, geom: int, up: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Points (P, 3) in a geom's frame and radii (P,); `up` is the world's."""
  types, size = mujoco.mjtGeom, model.geom_size[geom]
  match model.geom_type[geom]:
    case types.mjGEOM_BOX:
      return _lower_face(size, up), np.zeros(4)
    case types.mjGEOM_SPHERE:
      return np.zeros((1, 3)), size[:1].copy()
    case types.mjGEOM_CAPSULE:
      return np.array([[0, 0, size[1]], [0, 0, -size[1]]]), np.full(2, size[0])
    case types.mjGEOM_CYLINDER:
      angles = np.arange(_MOST) * 2 * np.pi / _MOST
      ring = size[0] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
      rims = [np.c_[ring, np.full(_MOST, z)] for z in (size[1], -size[1])]
      return _lowest(np.concatenate(rims), up), np.zeros(_MOST)
    case types.mjGEOM_MESH:
      points = _sole_of_mesh(model, int(model.geom_dataid[geom]), up)
      return points, np.zeros(len(points))
  raise ValueError(
    f"geom '{model.geom(geom).name}' is no box, sphere, capsule, cylinder or"
    " mesh"
  )


def _lower_face(size: np.ndarray, up: np.ndarray) -> np.ndarray:
  """(4, 3) corners of a box's lowest face."""
  axis = int(np.argmax(np.abs(up)))
  others = [i for i in range(3) if i != axis]
  corners = np.empty((4, 3))
  corners[:, others] = np.array(_SIGNS) * size[others]
  corners[:, axis] = -np.sign(up[axis]) * size[axis]
  return corners


def _lowest(points: np.ndarray, up: np.ndarray) -> np.ndarray:
  """The lowest of points (N, 3), in a geom's frame, at most eight."""
  order = np.argsort(points @ up, kind="stable")
  return points[np.sort(order[:_MOST])]


def _sole_of_mesh(
  model: mujoco.MjModel, mesh: int, up: np.ndarray
) -> np.ndarray:
  """(P, 3) vertices of a mesh's sole, at most eight, far from each other."""
  start = int(model.mesh_vertadr[mesh])
  vertices = model.mesh_vert[start : start + int(model.mesh_vertnum[mesh])]
  height = vertices @ up
  flat = vertices[height <= height.min() + _FLAT].astype(np.float64)
  flat = np.unique(flat, axis=0)
  chosen = [int(np.argmax(np.linalg.norm(flat - flat.mean(axis=0), axis=1)))]
  distance = np.linalg.norm(flat - flat[chosen[0]], axis=1)
  for _ in itertools.repeat(None, min(_MOST, len(flat)) - 1):
    chosen.append(int(np.argmax(distance)))
    gap = np.linalg.norm(flat - flat[chosen[-1]], axis=1)
    distance = np.minimum(distance, gap)
  return flat[np.sort(chosen)]
