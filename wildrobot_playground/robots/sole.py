"""Where the sole corners are, from `qpos` alone: contacts for the features.

Forward kinematics of the two legs in array code that serves numpy (clips) and
jax (simulation) alike, so that both call the same frames a contact.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.robots import chain, contact_points
from wildrobot_playground.robots import wildrobot as consts

Array = Any  # A numpy or a jax array.

CONTACT_HEIGHT = 0.003  # m
_PLATES = {
  name: (geom,)
  for name, geom in zip(
    consts.CONTACT_NAMES, consts.SOLE_PLATE_GEOMS, strict=True
  )
}


class Sole:
  """What of a robot touches the ground, as points, a number for each contact.

  Attributes:
    plate_names: the contacts, in the order of the contract.
  """

  def __init__(
    self,
    model: mujoco.MjModel,
    contacts: Mapping[str, Sequence[str]] = _PLATES,
    root: str = consts.ROOT_BODY,
    joints: Sequence[str] | None = None,
  ):
    """Reads the points and the chains to them off the compiled model.

    Args:
      model: compiled.
      contacts: names to the geoms or sites that make each of them.
      root: body of the free joint.
      joints: order of the angles in `qpos`; None for the model's own.

    Raises:
      ValueError: for what the model does not have, or cannot be followed.
    """
    self.plate_names = tuple(contacts)
    found = [contact_points.find(model, names) for names in contacts.values()]
    self._bodies = [part.body for part in found]
    self._chains = {
      body: chain.find(model, root, body, joints)
      for body in dict.fromkeys(self._bodies)
    }
    most = max(len(part.points) for part in found)
    # Filled up with the last point: every contact has as many.
    self._points = [_filled(part.points, most) for part in found]
    self._radius = None
    if any(part.radius.any() for part in found):
      self._radius = np.stack([_filled(part.radius, most) for part in found])

  def corners(self, qpos: Array) -> Array:
    """World positions of the lowest points of what touches the ground.

    Args:
      qpos: (..., 7 + J) root position [m], quaternion (wxyz), angles [rad].

    Returns:
      (..., C, P, 3) position [m] of every contact's points.
    """
    xp = qpos.__array_namespace__()
    feet = {
      body: chain.pose(links, qpos) for body, links in self._chains.items()
    }
    plates = []
    for body, points in zip(self._bodies, self._points, strict=True):
      pos, mat = feet[body]
      points = xp.asarray(points, dtype=qpos.dtype)
      plates.append(
        pos[..., None, :]
        + xp.sum(mat[..., None, :, :] * points[:, None, :], axis=-1)
      )
    corners = xp.stack(plates, axis=-3)
    if self._radius is None:
      return corners
    down = np.stack([np.zeros_like(self._radius)] * 2 + [self._radius], axis=-1)
    return corners - xp.asarray(down, dtype=qpos.dtype)

  def heights(self, qpos: Array, ground_height: Any = 0.0) -> Array:
    """(..., C) height [m] of each contact's lowest point above the ground."""
    xp = qpos.__array_namespace__()
    return xp.min(self.corners(qpos)[..., 2] - ground_height, axis=-1)

  def contacts(self, qpos: Array, ground_height: Any = 0.0) -> Array:
    """(..., C) 1 where a contact has a point within 3 mm of the ground."""
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
    """Speed of contacts over the ground while they stand on it.

    Args:
      qpos_prev: (..., 7 + J) generalised position one control step earlier.
      qpos: (..., 7 + J) the same, now.
      dt: control step [s].
      ground_height_prev: (..., C, P) or scalar, below the points then [m].
      ground_height: the same, now.

    Returns:
      (..., C) horizontal speed [m/s] of each contact's lowest point; 0 for one
      that does not touch before and after the step.
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


def _filled(values: np.ndarray, most: int) -> np.ndarray:
  """(most, ...) values, the last one repeated."""
  return np.concatenate([values, np.repeat(values[-1:], most - len(values), 0)])
