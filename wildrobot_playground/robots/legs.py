"""Both legs' kinematics for all frames at once, and their inverse.

A leg of four hinges holds one point of the sole and the sole's pitch; an ankle
that rolls keeps the sole level sideways too, and a hip that turns keeps it
straight ahead. All frames of a motion are solved by the same few array
operations, a hundred times faster than one after the other.

Everything here is in the heading frame: at the pelvis, z up, x where the pelvis
faces.
"""

import dataclasses

import numpy as np

from wildrobot_playground.robots import chain
from wildrobot_playground.robots import robot as robot_lib

_DAMPING = 1e-3  # m/rad, where the target is reached
_MAX_STEP = 0.4  # rad per iteration
_ANGLE_WEIGHT = 0.05  # m/rad: a foot keeps its place rather than its angles
_TOLERANCE = 1e-6  # rad
_LEAST_KNEE = 0.15  # rad; two millimetres short of a straight leg
_ROLL_ROUNDING = 0.01  # rad: width of the kink when a sole changes its edge


@dataclasses.dataclass(frozen=True)
class FootTask:
  """Where a foot should be, frame by frame.

  Attributes:
    offset: (T, 3) a point on the sole's middle line, in the ankle's frame [m].
    target: (T, 3) where it should be from the pelvis [m]. The sole's lower edge
      is held there, however the sole rolls.
    pitch: (T,) of the sole [rad], toes down positive.
    yaw: (T,) of the sole [rad], where the leg can turn it; 0 for None.
  """

  offset: np.ndarray
  target: np.ndarray
  pitch: np.ndarray
  yaw: np.ndarray | None = None


class Leg:
  """One leg's chain of n hinges, from the pelvis to the foot.

  Attributes:
    role: what each hinge is for.
    columns: of its joints in arrays of all.
    foot: its foot.
    axes: (n, 3) unit axes, each in the frame after its hinge.
    limits: (2, n) lower and upper bounds of the joints [rad].
    toe: (3,) middle of the sole's front edge in the ankle's frame [m].
    heel: (3,) of its rear edge.
    half_width: of the sole [m].
    bent: (n,) a pose that the iterations may start from [rad].
  """

  def __init__(self, robot: robot_lib.Robot, side: str):
    """Reads the chain off the robot's model.

    Raises:
      ValueError: for joints that are not in the order from hip to foot.
    """
    names = robot.description.legs[side]
    self.role = role = robot.legs[side]
    self.columns = role.columns
    self.foot = foot = robot.feet[side]
    self._links = chain.find(
      robot.model, robot.description.root, foot.body, names
    )
    hinges = [link for link in self._links if link.axis is not None]
    if [link.address for link in hinges] != list(range(7, 7 + len(names))):
      raise ValueError(
        f"{robot.description.name}: the joints of the {side} leg"
        f" ({', '.join(names)}) do not follow each other from hip to foot; list"
        " them in that order"
      )
    self.axes = np.array([link.axis for link in hinges])
    # Where the ankle's frame is after the last hinge.
    joint = robot.model.joint(names[-1]).id
    mat = robot.zero.xmat[foot.body].reshape(3, 3)
    reach = mat.T @ (foot.place - robot.zero.xanchor[joint])
    self._reach = None if np.allclose(reach, 0) else reach
    self._level = None if foot.rotation is None else foot.rotation.T
    self.limits = robot.limits[:, self.columns].copy()
    # Near a straight knee small steps of the foot are large ones of the joints.
    bend = role.signs[role.knee] > 0
    straight = self.limits[0 if bend else 1, role.knee]
    straight = max(straight, 0.0) if bend else min(straight, 0.0)
    self.limits[0 if bend else 1, role.knee] = straight + (
      _LEAST_KNEE if bend else -_LEAST_KNEE
    )
    self.toe, self.heel = foot.toe, foot.heel
    self.half_width = foot.half_width
    self.bent = robot.bent_knees()[7:][self.columns]

  def forward(
    self, joints: np.ndarray, pelvis: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """Anchors (T, n, 3) of the hinges, rotations (T, n, 3, 3) after them.

    Args:
      joints: (T, n) [rad].
      pelvis: (T, 3, 3) rotation of the pelvis.
    """
    places, mats = [], []
    pos, mat = np.zeros((len(joints), 3)), pelvis
    for link in self._links:
      pos = pos + mat @ link.offset
      if link.rotation is not None:
        mat = mat @ link.rotation
      if link.axis is None:
        continue
      if link.anchor is not None:
        pos = pos + mat @ link.anchor
      angle = joints[:, link.address - 7]
      if link.zero:
        angle = angle - link.zero
      mat = mat @ _hinge(link.axis, angle)
      places.append(pos)
      mats.append(mat)
      if link.anchor is not None:
        pos = pos - mat @ link.anchor
    return np.stack(places, axis=1), np.stack(mats, axis=1)

  def ankle(
    self, places: np.ndarray, mats: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """Place (T, 3) and rotation (T, 3, 3) of the ankle's frame.

    Args:
      places: (T, n, 3) and
      mats: (T, n, 3, 3) of `forward`.
    """
    place, mat = places[:, -1], mats[:, -1]
    if self._reach is not None:
      place = place + mat @ self._reach
    return place, mat if self._level is None else mat @ self._level

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
      start: (T, n) joints near the solution; a bent leg by default.
      iterations: at most so many.

    Returns:
      (T, n) joints within their limits and (T, 3) from the sole's point to its
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
    """Jacobian (T, m, n) and error (T, m) of point and weighted angles."""
    places, mats = self.forward(joints, pelvis)
    place, mat = self.ankle(places, mats)
    point = place + np.einsum("tij,tj->ti", mat, task.offset)
    miss = task.target - point
    # The lower edge of a rolled sole hangs below its middle line.
    roll = mat[:, 2, 1]
    miss[:, 2] += self.half_width * (
      np.sqrt(roll**2 + _ROLL_ROUNDING**2) - _ROLL_ROUNDING
    )
    # A hinge's axis is the same in the frames before and after it.
    axes = np.einsum("tkij,kj->tki", mats, self.axes)
    moves = np.cross(axes, point[:, None] - places)  # (T, hinge, 3)
    turns, tilt = self._angles(task, axes, mat)
    jacobian = np.concatenate([moves, *turns], axis=2).swapaxes(1, 2)
    return jacobian, np.concatenate([miss, *tilt], axis=1)

  def _angles(
    self, task: FootTask, axes: np.ndarray, mat: np.ndarray
  ) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weighted turns (T, n, 1) and errors (T, 1) of pitch, roll and yaw."""
    weight = _ANGLE_WEIGHT
    pitch = np.arctan2(-mat[:, 2, 0], mat[:, 0, 0])
    turns = [weight * axes[:, :, 1:2]]
    errors = [(weight * (task.pitch - pitch))[:, None]]
    if self.role.ankle_rolls:
      # About where the sole points: what its side edge rises by.
      turns.append(
        weight * np.einsum("tki,ti->tk", axes, mat[:, :, 0])[..., None]
      )
      errors.append(-weight * np.arctan2(mat[:, 2, 1], mat[:, 2, 2])[:, None])
    if self.role.yaws:
      yaw = np.arctan2(mat[:, 1, 0], mat[:, 0, 0])
      wanted = 0.0 if task.yaw is None else task.yaw
      turns.append(weight * axes[:, :, 2:3])
      errors.append((weight * (wanted - yaw))[:, None])
    return turns, errors


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
