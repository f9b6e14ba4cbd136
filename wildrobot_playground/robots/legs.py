"""Both legs' kinematics for all frames at once, and their inverse.

A leg has four hinges between pelvis and foot, so one point of the sole and the
sole's pitch determine it. All frames of a motion are solved by the same few
array operations, a hundred times faster than one after the other.

Everything here is in the heading frame: at the pelvis, z up, x where the pelvis
faces.
"""

import dataclasses

import numpy as np

from wildrobot_playground.robots import robot as robot_lib

_DAMPING = 1e-3  # m/rad, where the target is reached
_MAX_STEP = 0.4  # rad per iteration
_PITCH_WEIGHT = 0.05  # m/rad: a foot keeps its place rather than its pitch
_TOLERANCE = 1e-6  # rad
_LEAST_KNEE = 0.15  # rad; two millimetres short of a straight leg
_ROLL_ROUNDING = 0.01  # rad: width of the kink when a sole changes its edge


@dataclasses.dataclass(frozen=True)
class FootTask:
  """Where a foot should be, frame by frame.

  Attributes:
    offset: (T, 3) a point on the sole's middle line, in the foot's frame [m].
    target: (T, 3) where it should be from the pelvis [m]. The sole's lower edge
      is held there, however the sole rolls.
    pitch: (T,) of the sole [rad], toes down positive.
  """

  offset: np.ndarray
  target: np.ndarray
  pitch: np.ndarray


class Leg:
  """One leg's chain of hinges, from the pelvis to the foot.

  Attributes:
    bodies: ids of hip, thigh, shin and foot.
    offsets: (4, 3) of each hinge in the frame before it [m].
    axes: (4, 3) unit axes.
    limits: (2, 4) lower and upper bounds of the joints [rad].
    toe: (3,) middle of the sole's front edge in the foot's frame [m].
    heel: (3,) of its rear edge.
    half_width: of the sole [m].
    bent: (4,) a pose that the iterations may start from [rad].
  """

  def __init__(self, robot: robot_lib.Robot, side: str):
    model = robot.model
    bodies = [robot.foot_bodies[side]]
    while len(bodies) < 4:
      bodies.append(int(model.body_parentid[bodies[-1]]))
    bodies.reverse()
    self.bodies = tuple(bodies)
    self.offsets = model.body_pos[bodies]
    self.axes = model.jnt_axis[model.body_jntadr[bodies]]
    columns = robot_lib.LEG_COLUMNS[side]
    self.limits = robot.limits[:, columns].copy()
    # Near a straight knee small steps of the foot are large ones of the joints.
    self.limits[0, 2] += _LEAST_KNEE
    self.toe, self.heel = robot.toe, robot.heel
    self.half_width = float(model.geom(f"{side}_toe_plate").size[1])
    self.bent = robot.bent_knees()[7:][columns]

  def forward(
    self, joints: np.ndarray, pelvis: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """Places (T, 4, 3) and rotations (T, 4, 3, 3) of hip, thigh, shin, foot.

    Args:
      joints: (T, 4) [rad].
      pelvis: (T, 3, 3) rotation of the pelvis.
    """
    places, mats = [], []
    pos, mat = np.zeros((len(joints), 3)), pelvis
    for i in range(4):
      pos = pos + mat @ self.offsets[i]
      mat = mat @ _hinge(self.axes[i], joints[:, i])
      places.append(pos)
      mats.append(mat)
    return np.stack(places, axis=1), np.stack(mats, axis=1)

  def solve(
    self,
    task: FootTask,
    pelvis: np.ndarray,
    start: np.ndarray | None = None,
    iterations: int = 30,
  ) -> tuple[np.ndarray, np.ndarray]:
    """Damped least squares with hard joint limits, for all frames.

    Args:
      task: where the foot should be.
      pelvis: (T, 3, 3) rotation of the pelvis.
      start: (T, 4) joints near the solution; a bent leg by default.
      iterations: at most so many.

    Returns:
      (T, 4) joints within their limits and (T, 3) from the sole's point to its
      target [m].
    """
    if start is None:
      start = np.tile(self.bent, (len(task.pitch), 1))
    low, high = self.limits
    joints = np.clip(start, low, high)
    for _ in range(iterations):
      jacobian, error = self._linearize(task, joints, pelvis)
      step = _bounded_steps(jacobian, error, low - joints, high - joints)
      longest = np.max(np.abs(step), axis=1, keepdims=True)
      step *= np.minimum(1.0, _MAX_STEP / np.maximum(longest, 1e-12))
      joints = np.clip(joints + step, low, high)
      if np.max(longest) < _TOLERANCE:
        break
    return joints, self.miss(task, joints, pelvis)

  def miss(
    self, task: FootTask, joints: np.ndarray, pelvis: np.ndarray
  ) -> np.ndarray:
    """(T, 3) from the sole's point to its target [m]."""
    return self._linearize(task, joints, pelvis)[1][:, :3]

  def _linearize(
    self, task: FootTask, joints: np.ndarray, pelvis: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """Jacobian (T, 4, 4) and error (T, 4) of point and weighted pitch."""
    places, mats = self.forward(joints, pelvis)
    mat = mats[:, 3]
    point = places[:, 3] + np.einsum("tij,tj->ti", mat, task.offset)
    miss = task.target - point
    # The lower edge of a rolled sole hangs below its middle line.
    roll = mat[:, 2, 1]
    miss[:, 2] += self.half_width * (
      np.sqrt(roll**2 + _ROLL_ROUNDING**2) - _ROLL_ROUNDING
    )
    pitch = np.arctan2(-mat[:, 2, 0], mat[:, 0, 0])
    tilt = _PITCH_WEIGHT * (task.pitch - pitch)
    # A hinge's axis is the same in the frames before and after it.
    axes = np.einsum("tkij,kj->tki", mats, self.axes)
    moves = np.cross(axes, point[:, None] - places)  # (T, hinge, 3)
    turns = _PITCH_WEIGHT * axes[:, :, 1:2]
    jacobian = np.concatenate([moves, turns], axis=2).swapaxes(1, 2)
    return jacobian, np.concatenate([miss, tilt[:, None]], axis=1)


def _bounded_steps(
  jacobian: np.ndarray, error: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
  """Damped least-squares steps (T, n) in bounds; stopped joints are left out.

  Of every frame's joints, those that its step would carry over a bound stop
  there, and the rest solve for what is left. Half of the squared error damps
  the step, so that targets out of reach do no harm (Sugihara, "Solvability-
  unconcerned inverse kinematics by the Levenberg-Marquardt method", 2011).
  """
  step = np.zeros(low.shape)
  free = np.ones(low.shape, dtype=bool)
  eye = np.eye(low.shape[1])
  damping = np.sum(error**2, axis=1)[:, None, None] / 2 + _DAMPING**2
  for _ in range(low.shape[1]):
    rest = error - np.einsum("tij,tj->ti", jacobian, np.where(free, 0.0, step))
    part = jacobian * free[:, None, :]
    normal = part.swapaxes(1, 2) @ part + damping * eye
    normal += (~free)[:, :, None] * eye  # A stopped joint solves 1 x = 0.
    right = np.einsum("tij,ti->tj", part, rest)
    solution = np.linalg.solve(normal, right[..., None])[..., 0]
    step = np.where(free, solution, step)
    over = free & ((step < low) | (step > high))
    if not np.any(over):
      break
    step = np.where(over, np.clip(step, low, high), step)
    free &= ~over
  return step


def _hinge(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
  """Rotations (T, 3, 3) about a fixed unit axis (Rodrigues)."""
  x, y, z = axis
  cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
  angle = angle[:, None, None]
  return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
