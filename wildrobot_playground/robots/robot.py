"""The compiled robot: measures, addresses, and what its joints are for."""

import copy
import functools

import mujoco
import numpy as np

from wildrobot_playground.robots import (
  addresses,
  contact_points,
  feet,
  fingerprint,
  mirroring,
  roles,
  scene,
)
from wildrobot_playground.robots import sole as sole_lib
from wildrobot_playground.robots.description import SIDES, RobotDescription
from wildrobot_playground.robots.wildrobot import WILDROBOT

# Of WildRobot: the legs that constants in metres are meant for.
_LEG_LENGTH = 0.3724  # m
_FOOT_Y = 0.0901  # m


class Robot:
  """The compiled robot, and what is read off it once.

  What its limbs are is found when it is first asked for: a robot that only
  trains needs no knees.

  A pose is (7 + J): root position [m], root quaternion (wxyz), joint angles
  [rad] in the description's order. `qpos` makes it MuJoCo's.

  Attributes:
    description: what it was made from.
    model: the compiled flat scene.
    at: where its numbers are in the model's arrays.
    root: id of the free joint's body.
    dofs: (6 + J,) velocity coordinates of a pose in the model's.
    fingerprint: of kinematics, masses and soles, see `model_hash`.
    data: scratch for kinematics.
    airborne_model: the same without contacts, for inverse dynamics.
    airborne_data: scratch for inverse dynamics.
    weight: of the robot [N].
    sole: sole corners and contacts.
    limits: (2, J) lower and upper joint limits [rad].
    default_qpos: (nq,) the default pose, standing on flat ground.
    default_ctrl: (nu,) what every servo is told to stay there.
    default_height: of the pelvis there [m].
    stance_width: between the middles of the soles there [m].
    torque_limits: (J,) of the servos [N·m].
    max_torque: the servos' greatest torque, in their mean square [N·m].
  """

  def __init__(self, description: RobotDescription):
    self.description = description
    self.model = model = scene.flat(description)
    self.at = addresses.find(model, description.joints)
    self.root = int(model.body(description.root).id)
    self.dofs = np.concatenate(
      [np.arange(model.nv)[i] for i in (self.at.root_dof, self.at.dofs)]
    )
    self.fingerprint = fingerprint.model_hash(model, description)
    self.data = mujoco.MjData(model)
    self.airborne_model = copy.copy(model)
    self.airborne_model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT
    self.airborne_data = mujoco.MjData(self.airborne_model)
    self.weight = float(np.sum(model.body_mass) * -model.opt.gravity[2])
    self.sole = sole_lib.of(model, description)
    self.limits = _limits(model, description)
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
    self.torque_limits = force
    self.max_torque = float(np.sqrt(np.mean(force**2)))

  @functools.cached_property
  def home_height(self) -> float:
    """Pelvis height [m] at the zero pose: a keyframe's, else on its soles."""
    for qpos in self.model.key_qpos:
      if not np.any(qpos[self.at.joints]):
        return float(qpos[self.at.root][2])
    pose = np.zeros(7 + len(self.description.joints))
    pose[3] = 1.0
    return round(-float(np.min(self.sole.heights(pose))), 6)

  @functools.cached_property
  def zero(self) -> mujoco.MjData:
    """The model's data at the zero pose; not to be changed."""
    return roles.zero_pose(self.model, self.at, self.home_height)

  @functools.cached_property
  def hinges(self) -> roles.Hinges:
    """Where the joints are at the zero pose."""
    return roles.hinges(self.model, self.zero, self.description)

  @functools.cached_property
  def legs(self) -> dict[str, roles.Leg]:
    """What each leg's joints are for, by side.

    Raises:
      ValueError: for a leg without hip, knee and ankle.
    """
    return {
      side: roles.leg(self.hinges, self.description, side) for side in SIDES
    }

  @functools.cached_property
  def arms(self) -> dict[str, roles.Arm]:
    """Joints of arms that swing, by side; empty without any."""
    return roles.arms(self.hinges, self.description)

  @functools.cached_property
  def feet(self) -> dict[str, feet.Foot]:
    """Soles and ankles, by side.

    Raises:
      ValueError: for contacts that are not on the foot.
    """
    return {
      side: feet.find(
        self.model, self.zero, self.description, self.legs[side], side
      )
      for side in SIDES
    }

  @property
  def waist(self) -> int | None:
    """Column of the joint that turns the trunk; None without."""
    name = self.description.waist
    return None if name is None else self.description.joints.index(name)

  @property
  def waist_sign(self) -> float:
    """By which a positive angle of the waist turns the trunk left."""
    return 0.0 if self.waist is None else self.hinges.sign(self.waist)

  @functools.cached_property
  def leg_length(self) -> float:
    """From the hip over the knee to the ankle at the zero pose [m]."""
    column = self.description.columns("left")[self.legs["left"].hip_pitch]
    hip, ankle = self.hinges.anchors[column], self.feet["left"].place
    return float(hip[2] - ankle[2])

  @property
  def hip_height(self) -> float:
    """Height [m] of the hip's axis above the sole at the zero pose."""
    return self.leg_length - float(self.toe[2])

  @property
  def foot_y(self) -> float:
    """Distance [m] of a foot from the mid-line at the zero pose."""
    return float(self.feet["left"].place[1])

  @property
  def size(self) -> float:
    """Leg length over WildRobot's, to a thousandth."""
    return round(self.leg_length / _LEG_LENGTH, 3)

  @property
  def width(self) -> float:
    """Distance of the feet over WildRobot's, to a thousandth."""
    return round(self.foot_y / _FOOT_Y, 3)

  @property
  def toe(self) -> np.ndarray:
    """(3,) middle of the sole's front edge in the ankle's frame [m]."""
    return self.feet["left"].toe

  @property
  def heel(self) -> np.ndarray:
    """(3,) middle of the sole's rear edge in the ankle's frame [m]."""
    return self.feet["left"].heel

  @functools.cached_property
  def mirror(self) -> mirroring.Mirror:
    """How joints and contacts are mirrored.

    Raises:
      ValueError: for a robot whose sides are not alike.
    """
    middles = []
    for contact in self.description.contacts:
      found = contact_points.find(self.model, contact.points)
      mat = self.zero.xmat[found.body].reshape(3, 3)
      middle = np.mean(found.points, axis=0)
      middles.append(self.zero.xpos[found.body] + mat @ middle)
    return mirroring.find(self.hinges, np.array(middles), self.description)

  @functools.cached_property
  def hip_extension_limits(self) -> np.ndarray:
    """(2,) least flexion [rad] of the left and the right hip."""
    return np.array(
      [
        np.min(leg.hip_flexion_sign * self._hip(self.limits, leg))
        for leg in self.legs.values()
      ]
    )

  def hip_flexion(self, joint_pos: np.ndarray) -> np.ndarray:
    """(..., 2) flexion [rad] of the left and the right hip of (..., J)."""
    return np.stack(
      [
        leg.hip_flexion_sign * self._hip(joint_pos, leg)
        for leg in self.legs.values()
      ],
      axis=-1,
    )

  def _hip(self, joint_pos: np.ndarray, leg: roles.Leg) -> np.ndarray:
    return joint_pos[..., leg.columns][..., leg.hip_pitch]

  def per_foot(self, contacts: np.ndarray, reduce: np.ufunc) -> np.ndarray:
    """(..., 2) what a foot's contacts (..., C) come to, left and right."""
    return np.stack(
      [
        reduce.reduce(contacts[..., self.description.contacts_of(side)], -1)
        for side in SIDES
      ],
      axis=-1,
    )

  def foot_heights(self, pose: np.ndarray) -> np.ndarray:
    """(..., 2) height [m] of each foot's lowest point above flat ground."""
    return self.per_foot(self.sole.heights(pose), np.minimum)

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
    """A pose (7 + J) at the origin that leg iterations may start from."""
    pose = self.at.pose(self.default_qpos).copy()
    pose[:7] = [0, 0, 0, 1, 0, 0, 0]
    for leg in self.legs.values():
      pose[7:][leg.columns] = leg.bent
    pose[7:] = np.clip(pose[7:], *self.limits)
    return pose

  def forward(self, qpos: np.ndarray) -> mujoco.MjData:
    """Body frames and centres of mass at a `qpos` (nq,) of the model."""
    self.data.qpos[:] = qpos
    mujoco.mj_kinematics(self.model, self.data)
    mujoco.mj_comPos(self.model, self.data)
    return self.data


def _limits(model: mujoco.MjModel, description: RobotDescription) -> np.ndarray:
  """(2, J) of the joints [rad]; half a turn either way where they have none."""
  joints = [model.joint(name) for name in description.joints]
  limited = [bool(model.jnt_limited[joint.id]) for joint in joints]
  ranges = [joint.range for joint in joints]
  free = np.array([-np.pi, np.pi])
  return np.where(np.array(limited)[:, None], ranges, free).T


@functools.cache
def of(description: RobotDescription) -> Robot:
  """The compiled robot of a description, made once."""
  return Robot(description)


def default_robot() -> Robot:
  """WildRobot, compiled once."""
  return of(WILDROBOT)
