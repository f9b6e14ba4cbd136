"""Where the sole corners are, from `qpos` alone: contacts for the features.

Forward kinematics of the two legs in array code that serves numpy (clips) and
jax (simulation) alike, so that both call the same frames a contact.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.robots import chain, contact_points
from wildrobot_playground.robots.description import RobotDescription

Array = Any  # A numpy or a jax array.

CONTACT_HEIGHT = 0.003  # m


@dataclasses.dataclass(frozen=True)
class FootState:
  """Where the soles are: all that features, rewards and gates ask of them.

  Attributes:
    points: (..., C, P, 3) of every contact's points in the world [m].
    height: (..., C, P) of the points above the ground [m].
    contact: (..., C) 1 where a contact has a point within 3 mm of it.
  """

  points: Array
  height: Array
  contact: Array


class Sole:
  """What of a robot touches the ground, as points, a number for each contact.

  Attributes:
    plate_names: the contacts, in the order of the contract.
  """

  def __init__(
    self,
    model: mujoco.MjModel,
    contacts: Mapping[str, Sequence[str]],
    root: str,
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

  def state(
    self, qpos: Array, ground: Callable[[Array], Array] | None = None
  ) -> FootState:
    """Points, heights and contacts of a pose.

    Args:
      qpos: (..., 7 + J) root position [m], quaternion (wxyz), angles [rad].
      ground: world positions (..., 3) to the ground's height [m] below; None
        for flat ground at 0.
    """
    xp = qpos.__array_namespace__()
    points = self.corners(qpos)
    height = points[..., 2]
    if ground is not None:
      height = height - ground(points)
    low = xp.min(height, axis=-1) < CONTACT_HEIGHT
    return FootState(points, height, xp.astype(low, qpos.dtype))

  def heights(self, qpos: Array) -> Array:
    """(..., C) height [m] of each contact's lowest point above flat ground."""
    xp = qpos.__array_namespace__()
    return xp.min(self.state(qpos).height, axis=-1)

  def contacts(self, qpos: Array) -> Array:
    """(..., C) 1 where a contact is within 3 mm of flat ground."""
    return self.state(qpos).contact

  def slide(self, qpos_prev: Array, qpos: Array, dt: float) -> Array:
    """(..., C) see `slide`, between two poses on flat ground."""
    return slide(self.state(qpos_prev), self.state(qpos), dt)


def slide(before: FootState, now: FootState, dt: float) -> Array:
  """Speed of contacts over the ground while they stand on it.

  Args:
    before: the soles one control step earlier.
    now: the soles now.
    dt: control step [s].

  Returns:
    (..., C) horizontal speed [m/s] of each contact's lowest point; 0 for one
    that does not touch before and after the step.
  """
  xp = now.points.__array_namespace__()
  moved = (now.points - before.points)[..., :2]
  lowest = now.height == xp.min(now.height, axis=-1, keepdims=True)
  distance = xp.sqrt(xp.sum(moved * moved, axis=-1))
  distance = xp.max(xp.where(lowest, distance, 0.0), axis=-1)
  return distance * (now.contact * before.contact) / dt


def of(model: mujoco.MjModel, robot: RobotDescription) -> Sole:
  """The soles of a robot; a pose's angles are in the description's order.

  Args:
    model: compiled from the description, whatever is around the robot.
    robot: its description.

  Raises:
    ValueError: as `Sole`.
  """
  return Sole(model, robot.contact_points, robot.root, robot.joints)


def _filled(values: np.ndarray, most: int) -> np.ndarray:
  """(most, ...) values, the last one repeated."""
  return np.concatenate([values, np.repeat(values[-1:], most - len(values), 0)])
