"""The compiled robot: measures, addresses, inverse kinematics, fingerprint."""

import copy
import dataclasses
import functools
import hashlib
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.robots import addresses, scene
from wildrobot_playground.robots import sole as sole_lib
from wildrobot_playground.robots.description import SIDES, RobotDescription
from wildrobot_playground.robots.wildrobot import WILDROBOT

# Columns of a leg's joints in an array of nine: hip pitch, roll, knee, ankle.
LEG_COLUMNS = {"left": slice(1, 5), "right": slice(5, 9)}
HIP_PITCH_COLUMNS = {"left": 1, "right": 5}
# Sign by which a positive hip pitch flexes the hip.
HIP_FLEXION_SIGN = {"left": 1.0, "right": -1.0}

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


class Robot:
  """The compiled robot, and what is read off it once.

  Attributes:
    description: what it was made from.
    model: the compiled flat scene.
    at: where its numbers are in the model's arrays.
    fingerprint: of kinematics, masses and soles, see `model_hash`.
    data: scratch for kinematics.
    airborne_model: the same without contacts, for inverse dynamics.
    airborne_data: scratch for inverse dynamics.
    weight: of the robot [N].
    sole: sole corners and contacts.
    limits: (2, 9) lower and upper joint limits [rad].
    foot_bodies: body ids by side.
    toe: (3,) middle of the sole's front edge in the foot's frame [m].
    heel: (3,) middle of the sole's rear edge.
    default_qpos: (nq,) the default pose, standing on flat ground.
    default_ctrl: (nu,) what every servo is told to stay there.
    default_height: of the pelvis there [m].
    stance_width: between the middles of the soles there [m].
    max_torque: the servos' greatest torque, in their mean square [N·m].
    hip_height: height [m] of the hip's axis above the sole at the zero pose.
    leg_length: from the hip over the knee to the ankle at the zero pose [m].
    foot_y: distance [m] of a foot from the mid-line at the zero pose.
    home_height: pelvis height [m] with straight legs.
  """

  def __init__(self, description: RobotDescription):
    self.description = description
    self.model = model = scene.flat(description)
    self.at = addresses.find(model, description.joints)
    self.fingerprint = model_hash(model, description)
    self.data = mujoco.MjData(model)
    self.airborne_model = copy.copy(model)
    self.airborne_model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT
    self.airborne_data = mujoco.MjData(self.airborne_model)
    self.weight = float(np.sum(model.body_mass) * -model.opt.gravity[2])
    self.sole = sole_lib.of(model, description)
    self.limits = np.array(
      [model.joint(name).range for name in description.joints]
    ).T
    self.foot_bodies = {
      side: int(model.joint(joints[-1]).bodyid[0])
      for side, joints in description.legs.items()
    }
    self.toe, self.heel = (
      _edge_middle(model, plate, sign)
      for plate, sign in (("left_toe_plate", 1), ("left_heel_plate", -1))
    )
    self._measure()

    self._stand()

  def _stand(self) -> None:
    """Puts the robot on its soles in its default pose."""
    model, at = self.model, self.at
    chosen = self.description.default_pose
    qpos, ctrl = model.qpos0.copy(), np.zeros(model.nu)
    if isinstance(chosen, str):
      key = model.key(chosen)
      qpos = key.qpos.copy()
    else:
      angles = [chosen.get(name, 0.0) for name in self.description.joints]
      qpos[at.joints] = angles
      qpos[at.root] = [0, 0, 0, 1, 0, 0, 0]
      height = -np.min(self.sole.heights(at.pose(qpos)))
      qpos[np.arange(model.nq)[at.root][2]] = height
    for i in range(model.nu):
      joint = int(model.actuator_trnid[i, 0])
      if model.actuator_trntype[i] == mujoco.mjtTrn.mjTRN_JOINT:
        ctrl[i] = qpos[model.jnt_qposadr[joint]]
    points = self.sole.corners(at.pose(qpos))
    middles = [
      np.mean(points[self.description.contacts_of(side)], axis=(0, 1))
      for side in SIDES
    ]
    self.default_qpos, self.default_ctrl = qpos, ctrl
    self.default_height = float(qpos[at.root][2])
    self.stance_width = float(abs(middles[0][1] - middles[1][1]))
    force = model.actuator_forcerange[at.servos][:, 1]
    # Servos without a limit: what carries a quarter of the robot at its height.
    usual = self.weight * self.default_height / 4
    force = np.where(model.actuator_forcelimited[at.servos], force, usual)
    self.max_torque = float(np.sqrt(np.mean(force**2)))

  def _measure(self) -> None:
    """Reads lengths off the zero pose."""
    mujoco.mj_resetDataKeyframe(
      self.model, self.data, self.model.key("home").id
    )
    mujoco.mj_kinematics(self.model, self.data)
    hip = self.data.body("left_hip").xpos
    ankle = self.data.xpos[self.foot_bodies["left"]]
    self.leg_length = float(hip[2] - ankle[2])
    self.hip_height = self.leg_length - float(self.toe[2])
    self.foot_y = float(ankle[1])
    self.home_height = float(self.data.qpos[2])

  def foot_heights(self, pose: np.ndarray) -> np.ndarray:
    """(..., 2) height [m] of each foot's lowest point above flat ground."""
    heights = self.sole.heights(pose)
    return np.stack(
      [
        np.min(heights[..., self.description.contacts_of(side)], axis=-1)
        for side in SIDES
      ],
      axis=-1,
    )

  def qpos(self, pose: np.ndarray) -> np.ndarray:
    """(..., nq) of poses (..., 7 + J); what is in none stays as it stands."""
    if self.at.is_pose:
      return pose
    qpos = np.broadcast_to(
      self.default_qpos, (*pose.shape[:-1], self.model.nq)
    ).copy()
    qpos[..., self.at.root] = pose[..., :7]
    qpos[..., self.at.joints] = pose[..., 7:]
    return qpos

  def bent_knees(self) -> np.ndarray:
    """A pose (16,) that the leg iterations may start from."""
    qpos = np.zeros(self.model.nq)
    qpos[3] = 1.0
    for side, sign in HIP_FLEXION_SIGN.items():
      qpos[7:][LEG_COLUMNS[side]] = 0.4 * sign, 0.0, 0.8, -0.4
    return qpos

  def forward(self, qpos: np.ndarray) -> mujoco.MjData:
    """Body frames and centres of mass at `qpos` (16,)."""
    self.data.qpos[:] = qpos
    mujoco.mj_kinematics(self.model, self.data)
    mujoco.mj_comPos(self.model, self.data)
    return self.data

  def solve(
    self,
    qpos: np.ndarray,
    tasks: list[Task],
    dofs: np.ndarray,
    bounds: np.ndarray | None = None,
    iterations: int = 40,
    tolerance: float = 1e-7,
  ) -> np.ndarray:
    """Damped-least-squares inverse kinematics with hard joint limits.

    Each iteration takes the damped Gauss-Newton step; joints that it would
    carry over a limit stop there, and the others solve for the rest (Chiaverini
    et al., "Review of the damped least-squares inverse kinematics", 1994).

    Args:
      qpos: (16,) start; the root's orientation stays.
      tasks: what to reach.
      dofs: indices of the velocity coordinates that may move: 0 to 2 for the
        root's position, 6 to 14 for the joints.
      bounds: (2, 9) joint bounds, by default the joint limits.
      iterations: at most so many.
      tolerance: stop when a step is shorter [rad or m].

    Returns:
      (16,) the solution, within the bounds.
    """
    bounds = self.limits if bounds is None else bounds
    qpos = qpos.copy()
    qpos[7:] = np.clip(qpos[7:], *bounds)
    # Velocity coordinate 6 + i is qpos 7 + i; 0 to 2 are the same.
    address = np.where(dofs >= 6, dofs + 1, dofs)
    low = np.full(dofs.shape, -np.inf)
    high = np.full(dofs.shape, np.inf)
    joint = dofs >= 6
    low[joint], high[joint] = bounds[:, dofs[joint] - 6]
    for _ in range(iterations):
      jacobian, error = self._stack(qpos, tasks)
      step = _bounded_step(
        jacobian[:, dofs], error, low - qpos[address], high - qpos[address]
      )
      longest = np.max(np.abs(step))
      qpos[address] += step * min(1.0, _MAX_STEP / max(longest, 1e-12))
      qpos[address] = np.clip(qpos[address], low, high)
      if longest < tolerance:
        break
    return qpos

  def error(self, qpos: np.ndarray, tasks: list[Task]) -> float:
    """Largest distance [m] of a task's point from its target; no pitches."""
    data = self.forward(qpos)
    errors = [0.0]
    for task in tasks:
      if not isinstance(task, PitchTask):
        _, error = self._row(data, task)
        errors.append(float(np.linalg.norm(error)) / task.weight)
    return max(errors)

  def _stack(
    self, qpos: np.ndarray, tasks: list[Task]
  ) -> tuple[np.ndarray, np.ndarray]:
    """Weighted jacobian (M, 15) and error (M,) of all tasks."""
    data = self.forward(qpos)
    rows = [self._row(data, task) for task in tasks]
    return (
      np.vstack([jacobian for jacobian, _ in rows]),
      np.hstack([error for _, error in rows]),
    )

  def _row(
    self, data: mujoco.MjData, task: Task
  ) -> tuple[np.ndarray, np.ndarray]:
    """Weighted jacobian (m, 15) and error (m,) of one task."""
    jacobian = np.zeros((3, self.model.nv))
    if isinstance(task, ComTask):
      mujoco.mj_jacSubtreeCom(self.model, data, jacobian, 1)
      error = task.target - data.subtree_com[1, :2]
      return task.weight * jacobian[:2], task.weight * error
    mat = data.xmat[task.body].reshape(3, 3)
    if isinstance(task, PitchTask):
      mujoco.mj_jacBody(self.model, data, None, jacobian, task.body)
      error = np.array([task.target - np.arctan2(-mat[2, 0], mat[0, 0])])
      return task.weight * jacobian[1:2], task.weight * error
    point = data.xpos[task.body] + mat @ task.offset
    mujoco.mj_jac(self.model, data, jacobian, None, point, task.body)
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


def _edge_middle(model: mujoco.MjModel, plate: str, sign: int) -> np.ndarray:
  """Middle (3,) of a plate's front (+1) or rear (-1) lower edge."""
  geom = model.geom(plate)
  return geom.pos + geom.size * np.array([sign, 0.0, -1.0])


@functools.cache
def of(description: RobotDescription) -> Robot:
  """The compiled robot of a description, made once."""
  return Robot(description)


def default_robot() -> Robot:
  """WildRobot, compiled once."""
  return of(WILDROBOT)


def model_hash(model: mujoco.MjModel, description: RobotDescription) -> str:
  """Sixteen hex digits over the robot's kinematics, masses and soles.

  Looks, contact geometry and solver settings do not enter: they do not change
  what a clip means.
  """
  root = model.body(description.root).id
  robot = [b for b in range(model.nbody) if b and _below(model, b, root)]
  soles = [
    part
    for contact in description.contacts
    for name in contact.points
    for part in _named(model, name)
  ]
  digest = hashlib.sha256()
  for array in (
    model.body_pos[robot[1:]],
    model.body_mass[robot],
    model.body_ipos[robot],
    model.body_inertia[robot],
    model.jnt_axis,
    model.jnt_range,
    np.array([part.pos for part in soles]),
    np.array([part.size for part in soles]),
    *_rotated(model.body_quat[robot[1:]]),
  ):
    digest.update((np.round(array, 7) + 0.0).astype("<f8").tobytes())
  return digest.hexdigest()[:16]


def _below(model: mujoco.MjModel, body: int, root: int) -> bool:
  """Whether a body is the root or hangs on it."""
  while body not in (root, 0):
    body = int(model.body_parentid[body])
  return body == root


def _named(model: mujoco.MjModel, name: str) -> list[Any]:
  """The geom of a name, else the site, else the geoms of a body."""
  types = mujoco.mjtObj
  if mujoco.mj_name2id(model, types.mjOBJ_GEOM, name) >= 0:
    return [model.geom(name)]
  if mujoco.mj_name2id(model, types.mjOBJ_SITE, name) >= 0:
    return [model.site(name)]
  geoms = np.flatnonzero(model.geom_bodyid == model.body(name).id)
  solid = (model.geom_contype[geoms] | model.geom_conaffinity[geoms]) != 0
  return [model.geom(int(i)) for i in geoms[solid]]


def _rotated(quats: np.ndarray) -> list[np.ndarray]:
  """Body frames, where any of them is turned against its parent's."""
  return [] if np.allclose(quats, [1, 0, 0, 0]) else [quats]
