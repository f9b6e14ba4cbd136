"""Inverse kinematics of the whole robot in one pose, by tasks."""

import dataclasses

import mujoco
import numpy as np

from wildrobot_playground.robots import robot as robot_lib

_DAMPING = 1e-3
_MAX_STEP = 0.3  # rad and m per iteration


@dataclasses.dataclass(frozen=True)
class PointTask:
  """A point of a body that should be at a place.

  Attributes:
    body: id of the body.
    offset: (3,) of the point in the body's frame [m].
    target: (3,) in the world [m].
    weight: of a metre of error.
  """

  body: int
  offset: np.ndarray
  target: np.ndarray
  weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class PitchTask:
  """A body that should have a pitch about the world's y axis (toes down > 0).

  Attributes:
    body: id of the body.
    target: pitch [rad].
    weight: of a radian of error [m/rad].
  """

  body: int
  target: float
  weight: float


@dataclasses.dataclass(frozen=True)
class ComTask:
  """A centre of mass that should be above a place.

  Attributes:
    target: (2,) x and y in the world [m].
    weight: of a metre of error.
  """

  target: np.ndarray
  weight: float = 1.0


Task = PointTask | PitchTask | ComTask


def solve(
  robot: robot_lib.Robot,
  pose: np.ndarray,
  tasks: list[Task],
  moving: np.ndarray,
  bounds: np.ndarray | None = None,
  iterations: int = 40,
  tolerance: float = 1e-7,
) -> np.ndarray:
  """Damped-least-squares inverse kinematics with hard joint limits.

  Each iteration takes the damped Gauss-Newton step; joints that it would
  carry over a limit stop there, and the others solve for the rest (Chiaverini
  et al., "Review of the damped least-squares inverse kinematics", 1994).

  Args:
    robot: the robot.
    pose: (7 + J,) start; the root's orientation stays.
    tasks: what to reach.
    moving: places in the pose that may change: 0 to 2 for the root's position,
      from 7 on the joints.
    bounds: (2, J) joint bounds, by default the joint limits.
    iterations: at most so many.
    tolerance: stop when a step is shorter [rad or m].

  Returns:
    (7 + J,) the solution, within the bounds.
  """
  bounds = robot.limits if bounds is None else bounds
  pose = pose.copy()
  pose[7:] = np.clip(pose[7:], *bounds)
  joint = moving >= 7
  dofs = robot.dofs[np.where(joint, moving - 1, moving)]
  low = np.full(moving.shape, -np.inf)
  high = np.full(moving.shape, np.inf)
  low[joint], high[joint] = bounds[:, moving[joint] - 7]
  for _ in range(iterations):
    jacobian, error = _stack(robot, pose, tasks)
    step = _bounded_step(
      jacobian[:, dofs], error, low - pose[moving], high - pose[moving]
    )
    longest = np.max(np.abs(step))
    pose[moving] += step * min(1.0, _MAX_STEP / max(longest, 1e-12))
    pose[moving] = np.clip(pose[moving], low, high)
    if longest < tolerance:
      break
  return pose


def error(robot: robot_lib.Robot, pose: np.ndarray, tasks: list[Task]) -> float:
  """Largest distance [m] of a task's point from its target; no pitches."""
  data = robot.forward(robot.qpos(pose))
  errors = [0.0]
  for task in tasks:
    if not isinstance(task, PitchTask):
      _, error = _row(robot, data, task)
      errors.append(float(np.linalg.norm(error)) / task.weight)
  return max(errors)


def _stack(
  robot: robot_lib.Robot, pose: np.ndarray, tasks: list[Task]
) -> tuple[np.ndarray, np.ndarray]:
  """Weighted jacobian (M, nv) and error (M,) of all tasks."""
  data = robot.forward(robot.qpos(pose))
  rows = [_row(robot, data, task) for task in tasks]
  return (
    np.vstack([jacobian for jacobian, _ in rows]),
    np.hstack([error for _, error in rows]),
  )


def _row(
  robot: robot_lib.Robot, data: mujoco.MjData, task: Task
) -> tuple[np.ndarray, np.ndarray]:
  """Weighted jacobian (m, nv) and error (m,) of one task."""
  jacobian = np.zeros((3, robot.model.nv))
  if isinstance(task, ComTask):
    mujoco.mj_jacSubtreeCom(robot.model, data, jacobian, robot.root)
    error = task.target - data.subtree_com[robot.root, :2]
    return task.weight * jacobian[:2], task.weight * error
  mat = data.xmat[task.body].reshape(3, 3)
  if isinstance(task, PitchTask):
    mujoco.mj_jacBody(robot.model, data, None, jacobian, task.body)
    error = np.array([task.target - np.arctan2(-mat[2, 0], mat[0, 0])])
    return task.weight * jacobian[1:2], task.weight * error
  point = data.xpos[task.body] + mat @ task.offset
  mujoco.mj_jac(robot.model, data, jacobian, None, point, task.body)
  return task.weight * jacobian, task.weight * (task.target - point)


def _bounded_step(
  jacobian: np.ndarray, error: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
  """Damped least-squares step (n,) within bounds; stopped ones are left out."""
  step = np.zeros(low.shape)
  free = np.ones(low.shape, dtype=bool)
  for _ in range(low.size):
    rest = error - jacobian[:, ~free] @ step[~free]
    part = jacobian[:, free]
    normal = part.T @ part + _DAMPING**2 * np.eye(part.shape[1])
    step[free] = np.linalg.solve(normal, part.T @ rest)
    over = free & ((step < low) | (step > high))
    if not np.any(over):
      break
    step[over] = np.clip(step, low, high)[over]
    free &= ~over
    if not np.any(free):
      break
  return step
