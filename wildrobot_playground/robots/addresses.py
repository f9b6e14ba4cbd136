"""Where a robot's numbers are in the arrays of a compiled model, by name."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np

Array = Any  # A numpy or a jax array.
Index = slice | np.ndarray


@dataclasses.dataclass(frozen=True)
class Addresses:
  """Of the free joint, and of J joints and servos in the contract's order.

  Runs without a gap are slices, which cost nothing to read.

  Attributes:
    root: (7,) in qpos.
    root_dof: (6,) in qvel.
    joints: (J,) in qpos.
    dofs: (J,) in qvel.
    servos: (J,) in ctrl.
    is_pose: whether a qpos is a pose and a qvel its velocity as they are.
  """

  root: Index
  root_dof: Index
  joints: Index
  dofs: Index
  servos: Index
  is_pose: bool

  def pose(self, qpos: Array) -> Array:
    """(..., 7 + J) root pose and angles of a qpos (..., nq)."""
    if self.is_pose:
      return qpos
    xp = qpos.__array_namespace__()
    parts = [qpos[..., self.root], qpos[..., self.joints]]
    return xp.concatenate(parts, axis=-1)

  def velocity(self, qvel: Array) -> Array:
    """(..., 6 + J) velocities of root and joints of a qvel (..., nv)."""
    if self.is_pose:
      return qvel
    xp = qvel.__array_namespace__()
    parts = [qvel[..., self.root_dof], qvel[..., self.dofs]]
    return xp.concatenate(parts, axis=-1)


def find(model: mujoco.MjModel, joints: Sequence[str]) -> Addresses:
  """Where the joints are; a joint's servo is the first actuator on it.

  Raises:
    ValueError: for a joint that is not there or has no actuator, and for a
      model without exactly one free joint.
  """
  free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
  if len(free) != 1:
    raise ValueError(f"the model has {len(free)} free joints, expected one")
  ids = [_joint(model, name) for name in joints]
  root, root_dof = (
    int(address[free[0]]) for address in (model.jnt_qposadr, model.jnt_dofadr)
  )
  qpos = [int(model.jnt_qposadr[i]) for i in ids]
  dofs = [int(model.jnt_dofadr[i]) for i in ids]
  return Addresses(
    root=index(range(root, root + 7)),
    root_dof=index(range(root_dof, root_dof + 6)),
    joints=index(qpos),
    dofs=index(dofs),
    servos=index([servo_of(model, i) for i in ids]),
    is_pose=[*range(root, root + 7), *qpos] == list(range(model.nq))
    and [*range(root_dof, root_dof + 6), *dofs] == list(range(model.nv)),
  )


def servo_of(model: mujoco.MjModel, joint: int) -> int:
  """Index of the first actuator that drives a joint.

  Raises:
    ValueError: when there is none.
  """
  drives = model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT
  found = np.flatnonzero(drives & (model.actuator_trnid[:, 0] == joint))
  if not len(found):
    raise ValueError(f"no actuator drives '{model.joint(joint).name}'")
  return int(found[0])


def _joint(model: mujoco.MjModel, name: str) -> int:
  found = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, name)
  if found < 0:
    raise ValueError(f"there is no joint '{name}'")
  return found


def index(places: Sequence[int]) -> Index:
  """Places in an array; a slice where they have no gap."""
  start = places[0]
  if list(places) == list(range(start, start + len(places))):
    return slice(start, start + len(places))
  return np.array(places)
