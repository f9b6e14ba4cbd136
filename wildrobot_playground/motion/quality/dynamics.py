"""What a clip asks of the servos and of the ground: inverse dynamics."""

import mujoco
import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib

_FRICTION = 1.0
_LEVER = 0.2  # m: what a moment counts as, over a force
# Ridge that picks the smallest of all contact forces that do.
_RIDGE = 1e-3
_CONTACT_MARGIN = 0.006  # m: corners of a touching plate that may carry load


def summarize(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> dict[str, float]:
  """Torques and ground forces of a clip.

  Returns:
    over_torque: share of frames with a joint above its servo's limit;
    torque_rms, torque_max: over joints and frames [N·m];
    unmatched_force: mean force on the pelvis that no contact force explains,
      over the robot's weight.
  """
  torque, unmatched = inverse(clip, robot)
  weight = robot.weight
  over = np.any(abs(torque) > robot.torque_limits, axis=1)
  return {
    "over_torque": float(np.mean(over)),
    "torque_rms": float(np.sqrt(np.mean(torque**2))),
    "torque_max": float(np.max(np.abs(torque))),
    "unmatched_force": float(np.mean(unmatched)) / weight,
  }


def inverse(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> tuple[np.ndarray, np.ndarray]:
  """Inverse dynamics with contact forces at the standing plates.

  The forces (in pyramids of friction 1) are those that best explain the wrench
  on the free pelvis; the joints carry the rest.

  Returns:
    (T, J) joint torques [N·m] and (T,) the size of the unexplained force [N].
  """
  qpos, qvel, qacc = derivatives(clip, robot)
  pairs = [
    _frame(robot, *frame)
    for frame in zip(qpos, qvel, qacc, clip.foot_contacts, strict=True)
  ]
  return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])


def generalized_forces(
  robot: robots.Robot, qpos: np.ndarray, qvel: np.ndarray, qacc: np.ndarray
) -> np.ndarray:
  """(nv,) forces of the model without any contact, armature included."""
  model, data = robot.airborne_model, robot.airborne_data
  data.qpos[:], data.qvel[:], data.qacc[:] = qpos, qvel, qacc
  mujoco.mj_inverse(model, data)
  return data.qfrc_inverse.copy()


def derivatives(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """The model's qpos (T, nq), velocities and accelerations (T, nv).

  Central differences; a clip that is not cyclic goes on at its ends as it was.
  """
  pose = clip.qpos
  before, after = np.roll(pose, 1, axis=0), np.roll(pose, -1, axis=0)
  if clip.cyclic:
    before[0, :3] -= clip.advance
    after[-1, :3] += clip.advance
  qpos, before, after = map(robot.qpos, (pose, before, after))
  backward = _difference(robot, before, qpos) * clip.fps
  forward = _difference(robot, qpos, after) * clip.fps
  if not clip.cyclic:
    backward[0], forward[-1] = forward[0], backward[-1]
  return qpos, (backward + forward) / 2, (forward - backward) * clip.fps


def _difference(
  robot: robots.Robot, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
  """(T, nv) the tangent step from one position to the next."""
  out = np.zeros((start.shape[0], robot.model.nv))
  for row, a, b in zip(out, start, end, strict=True):
    mujoco.mj_differentiatePos(robot.model, row, 1.0, a, b)
  return out


def _frame(
  robot: robots.Robot,
  qpos: np.ndarray,
  qvel: np.ndarray,
  qacc: np.ndarray,
  contacts: np.ndarray,
) -> tuple[np.ndarray, float]:
  """Joint torques (J,) and unexplained force of one frame."""
  force = generalized_forces(robot, qpos, qvel, qacc)
  root, joints = robot.at.root_dof, robot.at.dofs
  rays = _contact_rays(robot, qpos, contacts)
  if rays.shape[0] == 0:
    return force[joints], float(np.linalg.norm(force[root][:3]))
  lever = np.array([1.0] * 3 + [1 / (_LEVER * robot.size)] * 3)
  matrix = (rays[:, root] * lever).T
  ridge = _RIDGE * np.eye(rays.shape[0])
  sizes = nonnegative_least_squares(
    np.vstack([matrix, ridge]),
    np.concatenate([force[root] * lever, np.zeros(rays.shape[0])]),
  )
  rest = force - sizes @ rays
  return rest[joints], float(np.linalg.norm(rest[root][:3]))


def _contact_rays(
  robot: robots.Robot, qpos: np.ndarray, contacts: np.ndarray
) -> np.ndarray:
  """(R, nv) generalised forces of unit forces along the friction pyramids."""
  data = robot.forward(qpos)
  corners = robot.sole.corners(robot.at.pose(qpos))
  edges = np.array(
    [
      [_FRICTION, 0, 1],
      [-_FRICTION, 0, 1],
      [0, _FRICTION, 1],
      [0, -_FRICTION, 1],
    ]
  )
  rays = [np.zeros((0, robot.model.nv))]
  jacobian = np.zeros((3, robot.model.nv))
  for plate in np.flatnonzero(contacts):
    side = robot.description.contacts[plate].side
    body = robot.feet[side].body
    for corner in corners[plate]:
      if corner[2] < _CONTACT_MARGIN * robot.size:
        mujoco.mj_jac(robot.model, data, jacobian, None, corner, body)
        rays.append(edges @ jacobian)
  return np.vstack(rays)


def nonnegative_least_squares(
  matrix: np.ndarray, target: np.ndarray
) -> np.ndarray:
  """The x >= 0 (n,) with the smallest |matrix x - target|.

  The active-set method of Lawson and Hanson, "Solving Least Squares Problems",
  1974, chapter 23.
  """
  normal, right = matrix.T @ matrix, matrix.T @ target
  x = np.zeros(matrix.shape[1])
  used = np.zeros(x.size, dtype=bool)
  tolerance = 1e-9 * max(1.0, float(np.max(np.abs(right))))
  for _ in range(3 * x.size):
    gain = np.where(used, -np.inf, right - normal @ x)
    best = int(np.argmax(gain))
    if gain[best] <= tolerance:
      break
    used[best] = True
    x = _retreat(normal, right, x, used)
  return x


def _retreat(
  normal: np.ndarray, right: np.ndarray, x: np.ndarray, used: np.ndarray
) -> np.ndarray:
  """Solves for the used ones; those that would go below 0 are dropped."""
  while True:
    solution = np.zeros(x.size)
    index = np.flatnonzero(used)
    solution[index] = np.linalg.solve(
      normal[np.ix_(index, index)], right[index]
    )
    below = used & (solution <= 0)
    if not np.any(below):
      return solution
    share = np.min(x[below] / (x[below] - solution[below] + 1e-300))
    x = x + share * (solution - x)
    used &= x > 1e-12
    x = np.where(used, x, 0.0)
    if not np.any(used):
      return x
