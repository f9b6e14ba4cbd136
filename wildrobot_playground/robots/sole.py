"""Where the sole corners are, from `qpos` alone: contacts for the features.

Forward kinematics of the two legs in array code that serves numpy (clips) and
jax (simulation) alike, so that both call the same frames a contact.
"""

import dataclasses
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.robots import wildrobot as consts

Array = Any  # A numpy or a jax array.

CONTACT_HEIGHT = 0.003  # m


@dataclasses.dataclass(frozen=True)
class _Link:
  """One hinge of a leg: its body's offset, its axis, its qpos address."""

  offset: np.ndarray  # (3,) in the parent's frame
  axis: np.ndarray  # (3,)
  qpos_address: int


class Sole:
  """The sole plates of a robot whose feet hang on chains of hinges.

  Attributes:
    plate_names: the four plates, in the order of the contract.
  """

  def __init__(self, model: mujoco.MjModel):
    """Reads the chain of every plate off the compiled model.

    Args:
      model: a compiled WildRobot scene.

    Raises:
      ValueError: when a body on the way to a plate has a rotated frame or
        anything but one hinge at its origin.
    """
    self.plate_names = consts.CONTACT_NAMES
    self._chains = []
    self._corners = []  # (4, 3) each, in the foot's frame
    for name in consts.SOLE_PLATE_GEOMS:
      geom = model.geom(name)
      self._chains.append(_chain(model, int(geom.bodyid[0])))
      x, y, z = geom.size
      signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
      self._corners.append(
        geom.pos + np.hstack([signs * [x, y], np.full((4, 1), -z)])
      )

  def corners(self, qpos: Array) -> Array:
    """World positions of the sole corners.

    Args:
      qpos: (..., 16) generalised position.

    Returns:
      (..., 4, 4, 3) position [m] of every plate's four lower corners.
    """
    xp = qpos.__array_namespace__()
    root = _quat_to_mat(qpos[..., 3:7])
    plates, feet = [], {}
    for chain, corners in zip(self._chains, self._corners, strict=True):
      key = chain[-1].qpos_address  # Toe and heel share their foot.
      if key not in feet:
        feet[key] = _foot_pose(qpos[..., :3], root, chain, qpos)
      pos, mat = feet[key]
      corners = xp.asarray(corners, dtype=qpos.dtype)
      plates.append(
        pos[..., None, :]
        + xp.sum(mat[..., None, :, :] * corners[:, None, :], axis=-1)
      )
    return xp.stack(plates, axis=-3)

  def heights(self, qpos: Array, ground_height: Any = 0.0) -> Array:
    """(..., 4) height [m] of each plate's lowest corner above the ground."""
    xp = qpos.__array_namespace__()
    return xp.min(self.corners(qpos)[..., 2] - ground_height, axis=-1)

  def contacts(self, qpos: Array, ground_height: Any = 0.0) -> Array:
    """(..., 4) 1 where a plate has a corner within 3 mm of the ground."""
    xp = qpos.__array_namespace__()
    low = self.heights(qpos, ground_height) < CONTACT_HEIGHT
    return xp.astype(low, qpos.dtype)

  def slide(
    self,
    qpos_prev: Array,
    qpos: Array,
    dt: float,
    ground_height_prev: Any = 0.0,
    ground_height: Any = 0.0,
  ) -> Array:
    """Speed of plates over the ground while they stand on it.

    Args:
      qpos_prev: (..., 16) generalised position one control step earlier.
      qpos: (..., 16) the same, now.
      dt: control step [s].
      ground_height_prev: (..., 4, 4) or scalar, below the corners then [m].
      ground_height: the same, now.

    Returns:
      (..., 4) horizontal speed [m/s] of each plate's lowest corner; 0 for a
      plate that does not touch before and after the step.
    """
    xp = qpos.__array_namespace__()
    corners = self.corners(qpos)
    moved = (corners - self.corners(qpos_prev))[..., :2]
    height = corners[..., 2] - ground_height
    lowest = height == xp.min(height, axis=-1, keepdims=True)
    distance = xp.sqrt(xp.sum(moved * moved, axis=-1))
    distance = xp.max(xp.where(lowest, distance, 0.0), axis=-1)
    stands = self.contacts(qpos, ground_height) * self.contacts(
      qpos_prev, ground_height_prev
    )
    return distance * stands / dt


def _chain(model: mujoco.MjModel, body: int) -> tuple[_Link, ...]:
  """The hinges from the root to `body`, root side first."""
  links = []
  root = model.body(consts.ROOT_BODY).id
  while body != root:
    joint = int(model.body_jntadr[body])
    plain = (
      model.body_jntnum[body] == 1
      and model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE
      and np.allclose(model.body_quat[body], [1, 0, 0, 0])
      and np.allclose(model.jnt_pos[joint], 0)
    )
    if not plain:
      raise ValueError(
        f"body '{model.body(body).name}' must have an unrotated frame and one"
        " hinge at its origin"
      )
    links.append(
      _Link(
        model.body_pos[body].copy(),
        model.jnt_axis[joint].copy(),
        int(model.jnt_qposadr[joint]),
      )
    )
    body = int(model.body_parentid[body])
  return tuple(reversed(links))


def _foot_pose(
  pos: Array, mat: Array, chain: tuple[_Link, ...], qpos: Array
) -> tuple[Array, Array]:
  """World position (..., 3) and rotation (..., 3, 3) at the end of a chain."""
  xp = qpos.__array_namespace__()
  for link in chain:
    offset = xp.asarray(link.offset, dtype=qpos.dtype)
    pos = pos + xp.sum(mat * offset, axis=-1)
    mat = _matmul(mat, _hinge(link.axis, qpos[..., link.qpos_address]))
  return pos, mat


def _hinge(axis: np.ndarray, angle: Array) -> Array:
  """Rotation matrices (..., 3, 3) about a fixed unit axis (Rodrigues)."""
  xp = angle.__array_namespace__()
  x, y, z = axis
  cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
  outer = cross @ cross
  angle = angle[..., None, None]
  eye, cross, outer = (
    xp.asarray(a, dtype=angle.dtype) for a in (np.eye(3), cross, outer)
  )
  return eye + xp.sin(angle) * cross + (1 - xp.cos(angle)) * outer


def _matmul(a: Array, b: Array) -> Array:
  """Product of (..., 3, 3) matrices, summed in the same order everywhere."""
  return (a[..., :, :, None] * b[..., None, :, :]).sum(axis=-2)


def _quat_to_mat(quat: Array) -> Array:
  """Rotation matrix (..., 3, 3) of a unit wxyz quaternion (..., 4)."""
  xp = quat.__array_namespace__()
  w, x, y, z = (quat[..., i] for i in range(4))
  rows = (
    (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
    (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
    (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
  )
  return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)
