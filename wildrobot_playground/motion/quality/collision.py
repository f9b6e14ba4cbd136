"""Do limbs hit each other? Boxes around their parts, for all frames at once.

The parts' boxes are compared along the axes that can separate two boxes
(Gottschalk, Lin and Manocha, "OBBTree", 1996), which bounds their distance from
below.
"""

import itertools

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.robots import chain, rotations
from wildrobot_playground.robots import legs as legs_lib


def leg_gap(poses: np.ndarray, robot: robots.Robot) -> np.ndarray:
  """(T,) distance [m], at least, of the two legs; negative when they overlap.

  A leg is what moves with its thigh, shin and foot: hips are side by side.

  Args:
    poses: (T, 7 + J) poses.
    robot: the robot.
  """
  root = rotations.quat_to_mat(poses[:, 3:7])
  left, right = (_boxes(side, poses, root, robot) for side in robots.SIDES)
  gaps = [_gap(a, b) for a, b in itertools.product(left, right)]
  return np.min(gaps, axis=0)


def arm_gap(poses: np.ndarray, robot: robots.Robot) -> np.ndarray:
  """(T,) distance [m], at least, of fore arms and thighs; negative in overlap.

  Arms hang close to the thighs, so every geom has a box of its own. Where boxes
  overlap in the default pose, as loose ones around meshes do, what counts is by
  how much more. Infinite for a robot without elbows.

  Args:
    poses: (T, 7 + J) poses.
    robot: the robot.
  """
  poses = np.concatenate([robot.at.pose(robot.default_qpos)[None], poses])
  gaps = [np.full(len(poses), np.inf)]
  for side, arm in robot.arms.items():
    if arm.elbow is None:
      continue
    thigh = robot.description.legs[side][robot.legs[side].knee - 1]
    pairs = itertools.product(
      _parts(robot.description.joints[arm.elbow], poses, robot),
      _parts(thigh, poses, robot),
    )
    gaps += [_gap(a, b) for a, b in pairs]
  gap = np.min(gaps, axis=0)
  return gap[1:] - min(0.0, gap[0])


def _parts(
  joint: str, poses: np.ndarray, robot: robots.Robot
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
  """Centres (T, 3), rotations and half sizes of the geoms of a joint's body."""
  model = robot.model
  body = int(model.joint(joint).bodyid[0])
  links = chain.find(
    model, robot.description.root, body, robot.description.joints
  )
  pos, mat = chain.pose(links, poses)
  boxes = []
  for geom in np.flatnonzero(model.geom_bodyid == body):
    turn = rotations.quat_to_mat(model.geom_quat[geom])
    centre, half = model.geom_aabb[geom].reshape(2, 3)
    centre = model.geom_pos[geom] + turn @ centre
    boxes.append((pos + mat @ centre, mat @ turn, half))
  return boxes


def _boxes(
  side: str, poses: np.ndarray, root: np.ndarray, robot: robots.Robot
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
  """Centres (T, 3), rotations (T, 3, 3) and half sizes (3,) of a leg's parts.

  Places are told from the pelvis.
  """
  leg = legs_lib.Leg(robot, side)
  places, mats = leg.forward(poses[:, 7:][:, leg.columns], root)
  names = robot.description.legs[side]
  boxes = []
  for i in range(leg.role.knee - 1, len(names)):
    bounds = _bounds(robot, names[i])
    if bounds is None:
      continue
    low, high, level = bounds
    middle = (low + high) / 2
    mat = mats[:, i] @ level if level is not None else mats[:, i]
    boxes.append((places[:, i] + mat @ middle, mat, (high - low) / 2))
  return boxes


def _bounds(
  robot: robots.Robot, joint: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | None:
  """The box around what moves with a joint; None for air.

  Returns:
    Lowest and highest corner (3,) from the joint's anchor, along the pelvis'
    axes at the zero pose [m]; and the rotation (3, 3) of these axes in the
    body's frame, None for none.
  """
  model, zero = robot.model, robot.zero
  hinge = model.joint(joint)
  body = int(hinge.bodyid[0])
  last = int(model.body_jntadr[body] + model.body_jntnum[body]) - 1
  if hinge.id != last:  # A later hinge of the same body moves it too.
    return None
  corners = [np.zeros((0, 3))]
  signs = np.array(list(itertools.product((-1, 1), repeat=3)))
  for geom in np.flatnonzero(model.body_weldid[model.geom_bodyid] == body):
    centre, half = model.geom_aabb[geom].reshape(2, 3)
    mat = rotations.quat_to_mat(model.geom_quat[geom])
    points = model.geom_pos[geom] + (centre + signs * half) @ mat.T
    part = int(model.geom_bodyid[geom])
    points = zero.xpos[part] + points @ zero.xmat[part].reshape(3, 3).T
    corners.append(points - zero.xanchor[hinge.id])
  points = np.concatenate(corners)
  if not len(points):
    return None
  level = zero.xmat[body].reshape(3, 3).T
  turned = not np.allclose(level, np.eye(3))
  low, high = np.min(points, axis=0), np.max(points, axis=0)
  return low, high, level.copy() if turned else None


def _gap(
  a: tuple[np.ndarray, np.ndarray, np.ndarray],
  b: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
  """(T,) how far apart two boxes are along the axis that parts them best."""
  between = b[0] - a[0]
  crossed = np.cross(
    a[1].swapaxes(1, 2)[:, :, None], b[1].swapaxes(1, 2)[:, None]
  ).reshape(-1, 9, 3)
  length = np.linalg.norm(crossed, axis=-1, keepdims=True)
  # Parallel edges give no axis of their own.
  crossed = np.where(length > 1e-6, crossed / np.maximum(length, 1e-6), 0.0)
  axes = np.concatenate(
    [a[1].swapaxes(1, 2), b[1].swapaxes(1, 2), crossed], axis=1
  )
  reach = sum(np.abs(axes @ mat) @ half for _, mat, half in (a, b))
  apart = np.abs(np.einsum("tij,tj->ti", axes, between)) - reach
  apart[:, 6:][length[..., 0] <= 1e-6] = -np.inf
  return np.max(apart, axis=1)
