"""Left for right: which joint and contact is the mirror image of which.

The mirror is the x-z plane. A turn is a pseudovector: its image keeps its y and
turns its x and z around.
"""

import dataclasses

import numpy as np

from wildrobot_playground.robots.description import SIDES, RobotDescription
from wildrobot_playground.robots.roles import Hinges

_PLACE = np.array([1.0, -1.0, 1.0])
_TURN = np.array([-1.0, 1.0, -1.0])
_LARGEST_ANGLE = 0.2  # rad between an axis and the image of its partner's
_LARGEST_GAP = 0.1  # of the robot's extent, between their lines
_ALONG = 0.1  # weight of anchors' distance along their line


@dataclasses.dataclass(frozen=True)
class Mirror:
  """How arrays of joints and contacts are mirrored.

  Attributes:
    joints: (J,) column of the other side's joint.
    signs: (J,) of its angle.
    contacts: (C,) column of the other side's contact.
  """

  joints: np.ndarray
  signs: np.ndarray
  contacts: np.ndarray

  def angles(self, joint_pos: np.ndarray) -> np.ndarray:
    """Mirrored joint angles (..., J) [rad]."""
    return joint_pos[..., self.joints] * self.signs + 0.0


def find(hinges: Hinges, points: np.ndarray, robot: RobotDescription) -> Mirror:
  """The mirror of a robot.

  Args:
    hinges: of its joints, see `roles.hinges`.
    points: (C, 3) middles of its contacts at the same pose [m].
    robot: its description.

  Raises:
    ValueError: for a joint or contact without an image.
  """
  joints = _joints(hinges, robot)
  images = hinges.axes[joints] * _TURN
  signs = np.sign(np.sum(images * hinges.axes, axis=1))
  return Mirror(joints, signs, _contacts(points, robot))


def _joints(hinges: Hinges, robot: RobotDescription) -> np.ndarray:
  """(J,) column of the joint that each is the image of."""
  legs = {
    own: other
    for side, far in (SIDES, SIDES[::-1])
    for own, other in zip(robot.columns(side), robot.columns(far), strict=True)
  }
  beside = [i for i in range(len(robot.joints)) if i not in legs]
  extent = float(np.ptp(hinges.anchors[:, 2])) or 1.0
  found = np.empty(len(hinges.names), dtype=int)
  for i, name in enumerate(hinges.names):
    fits = [legs[i]] if i in legs else beside
    costs = [_unlike(hinges, i, j, extent) for j in fits]
    best = int(np.argmin(costs))
    if not np.isfinite(costs[best]):
      raise ValueError(
        f"{robot.name}: joint '{name}' has no mirror image: none turns about"
        " the same line on the other side; straighten the model, or leave the"
        " joint out of `joints` in robot.toml"
      )
    found[i] = fits[best]
  if not np.array_equal(found[found], np.arange(len(found))):
    odd = hinges.names[int(np.argmax(found[found] != np.arange(len(found))))]
    raise ValueError(
      f"{robot.name}: joint '{odd}' is the mirror image of two joints; leave"
      " one of them out of `joints` in robot.toml"
    )
  return found


def _unlike(hinges: Hinges, i: int, j: int, extent: float) -> float:
  """How far joint j's image is from joint i; infinite where it is none."""
  axis, image = hinges.axes[i], hinges.axes[j] * _TURN
  angle = float(np.arccos(min(1.0, abs(float(axis @ image)))))
  apart = hinges.anchors[j] * _PLACE - hinges.anchors[i]
  along = float(abs(apart @ axis))
  gap = float(np.linalg.norm(apart - (apart @ axis) * axis))
  if angle > _LARGEST_ANGLE or gap > _LARGEST_GAP * extent:
    return np.inf
  return angle * extent + gap + _ALONG * along


def _contacts(points: np.ndarray, robot: RobotDescription) -> np.ndarray:
  """(C,) column of the contact that each is the image of."""
  found = np.empty(len(points), dtype=int)
  for side, far in (SIDES, SIDES[::-1]):
    others = robot.contacts_of(far)
    for own in robot.contacts_of(side):
      apart = points[others] * _PLACE - points[own]
      found[own] = others[int(np.argmin(np.linalg.norm(apart, axis=1)))]
  if not np.array_equal(found[found], np.arange(len(found))):
    raise ValueError(
      f"{robot.name}: its contacts ({', '.join(robot.contact_names)}) are no"
      " mirror images; give both feet the same [[contacts]] in robot.toml"
    )
  return found
