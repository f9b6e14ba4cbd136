"""Do the legs hit each other? Boxes around their parts, for all frames at once.

The parts' boxes are compared along the axes that can separate two boxes
(Gottschalk, Lin and Manocha, "OBBTree", 1996), which bounds their distance from
below.
"""

import itertools

import mujoco
import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.robots import legs, rotations

_FIRST_PART = 1  # of hip, thigh, shin and foot: hips are bolted to the pelvis


def leg_gap(qpos: np.ndarray, robot: robots.Robot) -> np.ndarray:
  """(T,) distance [m], at least, of the two legs; negative when they overlap.

  Args:
    qpos: (T, 16) generalised positions.
    robot: the robot.
  """
  root = rotations.quat_to_mat(qpos[:, 3:7])
  left, right = (_boxes(side, qpos, root, robot) for side in robots.SIDES)
  gaps = [_gap(a, b) for a, b in itertools.product(left, right)]
  return np.min(gaps, axis=0)


def _boxes(
  side: str, qpos: np.ndarray, root: np.ndarray, robot: robots.Robot
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
  """Centres (T, 3), rotations (T, 3, 3) and half sizes (3,) of a leg's parts.

  Places are told from the pelvis.
  """
  leg = legs.Leg(robot, side)
  joints = qpos[:, 7:][:, robots.LEG_COLUMNS[side]]
  places, mats = leg.forward(joints, root)
  boxes = []
  for i in range(_FIRST_PART, len(leg.bodies)):
    low, high = _bounds(robot.model, leg.bodies[i])
    middle = (low + high) / 2
    centre = places[:, i] + mats[:, i] @ middle
    boxes.append((centre, mats[:, i], (high - low) / 2))
  return boxes


def _bounds(model: mujoco.MjModel, body: int) -> tuple[np.ndarray, np.ndarray]:
  """Lowest and highest corner (3,) of a body's geoms, in its frame [m]."""
  start, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
  corners = []
  signs = np.array(list(itertools.product((-1, 1), repeat=3)))
  for geom in range(start, start + count):
    centre, half = model.geom_aabb[geom].reshape(2, 3)
    mat = rotations.quat_to_mat(model.geom_quat[geom])
    corners.append(model.geom_pos[geom] + (centre + signs * half) @ mat.T)
  corners = np.concatenate(corners)
  return np.min(corners, axis=0), np.max(corners, axis=0)


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
