"""Sixteen digits that tell one robot's kinematics, masses and soles."""

import hashlib

import mujoco
import numpy as np

from wildrobot_playground.robots import contact_points
from wildrobot_playground.robots.description import RobotDescription


def model_hash(model: mujoco.MjModel, description: RobotDescription) -> str:
  """Sixteen hex digits over the robot's kinematics, masses and soles.

  Looks, contact geometry and solver settings do not enter: they do not change
  what a clip means.
  """
  root = model.body(description.root).id
  robot = [b for b in range(model.nbody) if b and _below(model, b, root)]
  soles = [n for contact in description.contacts for n in contact.points]
  shapes = [_place_and_size(model, name) for name in soles]
  digest = hashlib.sha256()
  for array in (
    model.body_pos[robot[1:]],
    model.body_mass[robot],
    model.body_ipos[robot],
    model.body_inertia[robot],
    model.jnt_axis,
    model.jnt_range,
    np.array([place for place, _ in shapes]),
    np.array([size for _, size in shapes]),
    *_rotated(model.body_quat[robot[1:]]),
  ):
    digest.update((np.round(array, 7) + 0.0).astype("<f8").tobytes())
  return digest.hexdigest()[:16]


def _below(model: mujoco.MjModel, body: int, root: int) -> bool:
  """Whether a body is the root or hangs on it."""
  while body not in (root, 0):
    body = int(model.body_parentid[body])
  return body == root


def _place_and_size(
  model: mujoco.MjModel, name: str
) -> tuple[np.ndarray, np.ndarray]:
  """(3,) of a geom, else a site; the lowest points' bounds of a body."""
  types = mujoco.mjtObj
  geom, site = (
    mujoco.mj_name2id(model, kind, name)
    for kind in (types.mjOBJ_GEOM, types.mjOBJ_SITE)
  )
  if geom >= 0:
    return model.geom_pos[geom], model.geom_size[geom]
  if site >= 0:
    return model.site_pos[site], model.site_size[site]
  points = contact_points.find(model, [name]).points
  return points.min(axis=0), points.max(axis=0)


def _rotated(quats: np.ndarray) -> list[np.ndarray]:
  """Body frames, where any of them is turned against its parent's."""
  return [] if np.allclose(quats, [1, 0, 0, 0]) else [quats]
