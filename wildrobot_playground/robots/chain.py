"""Forward kinematics from the root to a body, in numpy and jax alike."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.robots import rotations

Array = Any  # A numpy or a jax array.


@dataclasses.dataclass(frozen=True)
class Link:
  """A fixed step from one frame to the next, then a turn about a hinge.

  Attributes:
    offset: (3,) of the body in its parent's frame [m].
    rotation: (3, 3) of the body's frame in its parent's; None for none.
    anchor: (3,) of the hinge in the body's frame [m]; None for its origin.
    axis: (3,) of the hinge in the body's frame; None where nothing turns.
    address: of its angle in a pose.
    zero: angle [rad] at which the model was drawn.
  """

  offset: np.ndarray
  rotation: np.ndarray | None
  anchor: np.ndarray | None
  axis: np.ndarray | None
  address: int
  zero: float


def find(
  model: mujoco.MjModel,
  root: str,
  body: int,
  joints: Sequence[str] | None = None,
) -> tuple[Link, ...]:
  """The links from the root body to another, root side first.

  Args:
    model: compiled.
    root: body of the free joint.
    body: id of a body below it.
    joints: order of the angles in a pose, which follow the root's seven
      numbers; None for the model's own order. Others stay where they were
      drawn.

  Raises:
    ValueError: for a body that is not below the root, or that slides.
  """
  links: list[Link] = []
  top = model.body(root).id
  while body != top:
    if body == 0:
      raise ValueError(f"a contact's body is not below the root '{root}'")
    links = [*_of_body(model, body, joints), *links]
    body = int(model.body_parentid[body])
  return tuple(links)


def _of_body(
  model: mujoco.MjModel, body: int, joints: Sequence[str] | None
) -> list[Link]:
  """A body's links, one a hinge; one without a hinge for a fixed body."""
  quat = model.body_quat[body]
  rotation = None
  if not np.allclose(quat, [1, 0, 0, 0]):
    rotation = rotations.quat_to_mat(quat)
  offset = model.body_pos[body].copy()
  first = int(model.body_jntadr[body])
  hinges: list[Link] = []
  for joint in range(first, first + int(model.body_jntnum[body])):
    name = model.joint(joint).name
    if model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_HINGE:
      raise ValueError(f"joint '{name}' on the way to a foot is no hinge")
    if joints is not None and name not in joints:
      continue
    address = int(model.jnt_qposadr[joint])
    anchor = model.jnt_pos[joint]
    hinges.append(
      Link(
        offset=np.zeros(3) if hinges else offset,
        rotation=None if hinges else rotation,
        anchor=None if np.allclose(anchor, 0) else anchor.copy(),
        axis=model.jnt_axis[joint].copy(),
        address=address if joints is None else 7 + list(joints).index(name),
        zero=float(model.qpos0[address]),
      )
    )
  return hinges or [Link(offset, rotation, None, None, 0, 0.0)]


def pose(links: Sequence[Link], qpos: Array) -> tuple[Array, Array]:
  """Where the frame at the end of a chain is.

  Args:
    links: see `find`.
    qpos: (..., 7 + J) root position [m], quaternion (wxyz), angles [rad].

  Returns:
    World position (..., 3) [m] and rotation (..., 3, 3).
  """
  xp = qpos.__array_namespace__()
  pos, mat = qpos[..., :3], rotations.unit_quat_to_mat(qpos[..., 3:7])

  def shifted(by: np.ndarray) -> Array:
    return pos + xp.sum(mat * xp.asarray(by, dtype=qpos.dtype), axis=-1)

  for link in links:
    pos = shifted(link.offset)
    if link.rotation is not None:
      mat = rotations.matmul(mat, xp.asarray(link.rotation, dtype=qpos.dtype))
    if link.axis is None:
      continue
    if link.anchor is not None:
      pos = shifted(link.anchor)
    angle = qpos[..., link.address]
    if link.zero:
      angle = angle - link.zero
    mat = rotations.matmul(mat, rotations.hinge(link.axis, angle))
    if link.anchor is not None:
      pos = shifted(-link.anchor)
  return pos, mat
