"""The same robot as somebody else would write it down.

Every body's frame is turned at random, hinges are where they were, and the tree
lists its branches in another order, so that `qpos` is in another order as well.
"""

import pathlib

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from wildrobot_playground import robots

_SHAPES = {
  mujoco.mjtGeom.mjGEOM_BOX: "box",
  mujoco.mjtGeom.mjGEOM_CAPSULE: "capsule",
}


def write(robot: robots.Robot, path: pathlib.Path) -> pathlib.Path:
  """Writes an MJCF of a robot's masses, hinges, soles and servos."""
  model = robot.model
  rng = np.random.default_rng(0)
  turns = {
    body: Rotation.random(random_state=int(rng.integers(2**31)))
    for body in range(model.nbody)
  }
  turns[0] = turns[robot.root] = Rotation.identity()
  options = (
    f'<option timestep="{model.opt.timestep}" integrator="implicitfast">'
    '<flag eulerdamp="disable"/></option>'
  )
  path.write_text(
    '<mujoco><compiler angle="radian" autolimits="true"/>'
    f"{options}<worldbody>{_body(robot, turns, robot.root)}</worldbody>"
    f"<actuator>{''.join(_servos(robot))}</actuator></mujoco>"
  )
  return path


def _body(robot: robots.Robot, turns: dict[int, Rotation], body: int) -> str:
  """A body with all below it, the last branch first."""
  model = robot.model
  turn, parent = turns[body], turns[int(model.body_parentid[body])]
  frame = Rotation.from_quat(model.body_quat[body], scalar_first=True)
  assert frame.magnitude() < 1e-9  # Ours are aligned.
  parts = [
    f'<inertial mass="{model.body_mass[body]}"'
    f" {_place(turn, model.body_ipos[body], model.body_iquat[body])}"
    f' diaginertia="{_numbers(model.body_inertia[body])}"/>'
  ]
  first = int(model.body_jntadr[body])
  joints = range(first, first + int(model.body_jntnum[body]))
  geoms = np.flatnonzero(model.geom_bodyid == body)
  parts += [_joint(model, turn, joint) for joint in joints]
  parts += [_geom(model, turn, int(geom)) for geom in geoms]
  for site in np.flatnonzero(model.site_bodyid == body):
    name = model.site(int(site)).name
    # An IMU's axes are the robot's, however its body's frame is turned.
    where = _place(turn, model.site_pos[site], model.site_quat[site])
    parts.append(f'<site name="{name}" {where}/>')
  below = np.flatnonzero(model.body_parentid == body)[::-1]
  parts += [_body(robot, turns, int(child)) for child in below]
  place = parent.inv().apply(model.body_pos[body])
  quat = (parent.inv() * turn).as_quat(scalar_first=True)
  return (
    f'<body name="{model.body(body).name}" pos="{_numbers(place)}"'
    f' quat="{_numbers(quat)}">{"".join(parts)}</body>'
  )


def _joint(model: mujoco.MjModel, turn: Rotation, joint: int) -> str:
  if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
    return "<freejoint/>"
  dof = int(model.jnt_dofadr[joint])
  return (
    f'<joint name="{model.joint(joint).name}"'
    f' axis="{_numbers(turn.inv().apply(model.jnt_axis[joint]))}"'
    f' pos="{_numbers(turn.inv().apply(model.jnt_pos[joint]))}"'
    f' range="{_numbers(model.jnt_range[joint])}"'
    f' damping="{model.dof_damping[dof]}"'
    f' frictionloss="{model.dof_frictionloss[dof]}"'
    f' armature="{model.dof_armature[dof]}"/>'
  )


def _geom(model: mujoco.MjModel, turn: Rotation, geom: int) -> str:
  """What touches the ground, or says where the sole is; not what is drawn."""
  name, kind = model.geom(geom).name, int(model.geom_type[geom])
  solid = model.geom_contype[geom] | model.geom_conaffinity[geom]
  if kind not in _SHAPES or not (solid or name):
    return ""
  return (
    f'<geom name="{name}" type="{_SHAPES[kind]}" mass="0"'
    f' size="{_numbers(model.geom_size[geom])}"'
    f" {_place(turn, model.geom_pos[geom], model.geom_quat[geom])}"
    f' contype="{model.geom_contype[geom]}"'
    f' conaffinity="{model.geom_conaffinity[geom]}"'
    f' condim="{model.geom_condim[geom]}"/>'
  )


def _servos(robot: robots.Robot) -> list[str]:
  """Position servos, in the contract's order."""
  model = robot.model
  lines = []
  for name in robot.description.joints:
    joint = model.joint(name).id
    (servo,) = np.flatnonzero(model.actuator_trnid[:, 0] == joint)
    lines.append(
      f'<position joint="{name}" kp="{model.actuator_gainprm[servo, 0]}"'
      f' kv="{-model.actuator_biasprm[servo, 2]}"'
      f' forcerange="{_numbers(model.actuator_forcerange[servo])}"'
      ' inheritrange="1"/>'
    )
  return lines


def _place(turn: Rotation, place: np.ndarray, quat: np.ndarray) -> str:
  """Place and turn in a body's turned frame."""
  own = Rotation.from_quat(quat, scalar_first=True)
  turned = (turn.inv() * own).as_quat(scalar_first=True)
  return f'pos="{_numbers(turn.inv().apply(place))}" quat="{_numbers(turned)}"'


def _numbers(values: np.ndarray) -> str:
  return " ".join(f"{value:.12g}" for value in values)
