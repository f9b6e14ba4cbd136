"""A robot in plain MuJoCo with the sensors and servos that a contract names.

Any MJCF of the robot will do: joints, servos and the IMU are found by name, and
what a simulation must read is added to it.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.envs import terrain
from wildrobot_playground.policy import contract as contract_lib
from wildrobot_playground.policy.controller import ContractError
from wildrobot_playground.robots import catalog, contact_points, mjcf, scene

_BACKLASH_DAMPING = 0.01  # N·m·s/rad, in the play of the gears
_CONES = {
  "pyramidal": mujoco.mjtCone.mjCONE_PYRAMIDAL,
  "elliptic": mujoco.mjtCone.mjCONE_ELLIPTIC,
}


@dataclasses.dataclass(frozen=True)
class Solver:
  """How accurately physics is computed.

  Attributes:
    timestep: [s].
    iterations: of the constraint solver.
    ls_iterations: of its line search.
    cone: of friction, `elliptic` or `pyramidal`.
  """

  timestep: float = 0.002
  iterations: int = 100
  ls_iterations: int = 50
  cone: str = "elliptic"


FULL_ACCURACY = Solver()


@dataclasses.dataclass(frozen=True)
class Plant:
  """A compiled robot, and where its numbers are.

  Attributes:
    model: compiled, with our sensors.
    root: (7,) addresses in qpos of the free joint.
    root_dof: (6,) addresses in qvel.
    joints: (J,) addresses in qpos, in the contract's order.
    dofs: (J,) addresses in qvel.
    backlash: (J,) addresses in qpos of the play of the gears; None without.
    servos: (J,) indices of the actuators.
    orientation: addresses in sensordata, of the IMU.
    gyro: the same.
    torques: (J,) the same, of the servos.
    floor: indices of the ground's geoms.
    ground: ground height [m] below positions (..., >=2).
    reference: the robot as reference and training have it.
  """

  model: mujoco.MjModel
  root: np.ndarray
  root_dof: np.ndarray
  joints: np.ndarray
  dofs: np.ndarray
  backlash: np.ndarray | None
  servos: np.ndarray
  orientation: slice
  gyro: slice
  torques: np.ndarray
  floor: np.ndarray
  ground: terrain.GroundHeight
  reference: robots.Robot

  def link_angles(self, qpos: np.ndarray) -> np.ndarray:
    """(..., J) angles [rad] of the links, behind the play of the gears."""
    angles = qpos[..., self.joints]
    if self.backlash is not None:
      angles = angles + qpos[..., self.backlash]
    return angles

  def pose(self, qpos: np.ndarray) -> np.ndarray:
    """(..., 7 + J) root pose and link angles, as the reference has them."""
    return np.concatenate(
      [qpos[..., self.root], self.link_angles(qpos)], axis=-1
    )


def load(
  contract: Mapping[str, Any],
  path: str | os.PathLike[str] | None = None,
  solver: Solver = FULL_ACCURACY,
  backlash: float = 0.0,
  ground: str = "flat",
) -> Plant:
  """Compiles a robot for a policy.

  Args:
    contract: of the policy.
    path: an MJCF of the robot, with or without a floor; None for the one that
      the policy was trained with.
    solver: of the physics.
    backlash: the gears have a play of plus and minus this [rad].
    ground: `flat` or `rough`, where the MJCF has none.

  Raises:
    ContractError: for a model that is missing, damaged, or not the robot that
      the contract speaks of.
  """
  reference = robot_of(contract)
  if path is None:
    _check_own(reference, contract)
    path = reference.description.model
    what = f"our model of {reference.description.name}"
  else:
    what = str(path)
  try:
    spec = scene.read(pathlib.Path(path))
  except mjcf.ModelError as error:
    raise ContractError(str(error)) from error
  names = [joint["name"] for joint in contract["joints"]]
  contract_lib.check_joints(contract, {j.name for j in spec.joints}, what)
  scene.drive_by_position(spec, reference.description)
  servos = _servos(spec, names, what)
  _add_sensors(spec, servos, _imu(contract), what)
  if not any(geom.type in scene.GROUND for geom in spec.geoms):
    scene.set_ground(spec, ground)
  if backlash > 0:
    _add_backlash(spec, names, backlash)
  for key in list(spec.keys):  # Of another size, now.
    spec.delete(key)
  try:
    model = mjcf.compiled(spec, what)
  except mjcf.ModelError as error:
    raise ContractError(str(error)) from error
  _set_solver(model, solver)
  terrain.fill(model)
  return _describe(model, names, servos, backlash > 0, reference)


def robot_of(contract: Mapping[str, Any]) -> robots.Robot:
  """The robot that a policy is for, as its reference has it.

  Raises:
    ContractError: when it is not known here.
  """
  name = contract["robot"]
  description = catalog.get(name)
  if description is None:
    raise ContractError(
      f"the policy is for the robot '{name}', which is not known here: name"
      " its folder with --robot"
    )
  return robots.of(description)


def _check_own(robot: robots.Robot, contract: Mapping[str, Any]) -> None:
  """Refuses a robot where a policy is for another version of it."""
  names = tuple(joint["name"] for joint in contract["joints"])
  if names != robot.description.joints:
    raise ContractError(
      f"the contract's joints are {', '.join(names)}; our robot's are"
      f" {', '.join(robot.description.joints)}, in that order"
    )
  if robot.fingerprint != contract["model_hash"]:
    raise ContractError(
      "the contract is for another version of the robot than ours; train and"
      " export again, or name its MJCF with --model"
    )


def _imu(contract: Mapping[str, Any]) -> str:
  """Site or body that the policy's gyroscope sits at."""
  frames = {entry["name"]: entry["frame"] for entry in contract["observation"]}
  return frames["gyro"]


def _servos(spec: mujoco.MjSpec, names: Sequence[str], what: str) -> list[str]:
  """The actuator of every joint."""
  by_joint = {a.target: a.name for a in spec.actuators}
  missing = [name for name in names if name not in by_joint]
  if missing:
    raise ContractError(f"{what} has no servo on {', '.join(missing)}")
  return [by_joint[name] for name in names]


def _add_sensors(
  spec: mujoco.MjSpec, servos: Sequence[str], imu: str, what: str
) -> None:
  """Adds what the control loop reads, and the servos' torques."""
  types, site = mujoco.mjtSensor, mujoco.mjtObj.mjOBJ_SITE
  if spec.site(imu) is None:
    if spec.body(imu) is None:
      raise ContractError(f"{what} has no site '{imu}' for the IMU")
    spec.body(imu).add_site(name=scene.ROOT)
    imu = scene.ROOT
  for name, kind in (
    (scene.ORIENTATION, types.mjSENS_FRAMEQUAT),
    (scene.GYRO, types.mjSENS_GYRO),
  ):
    spec.add_sensor(name=name, type=kind, objtype=site, objname=imu)
  for servo in servos:
    spec.add_sensor(
      name=scene.PREFIX + servo,
      type=types.mjSENS_ACTUATORFRC,
      objtype=mujoco.mjtObj.mjOBJ_ACTUATOR,
      objname=servo,
    )


def _add_backlash(
  spec: mujoco.MjSpec, names: Sequence[str], width: float
) -> None:
  """Puts a loose hinge between every servo and its link."""
  for name in names:
    joint = spec.joint(name)
    joint.parent.add_joint(
      name=scene.PREFIX + name,
      type=mujoco.mjtJoint.mjJNT_HINGE,
      pos=joint.pos,
      axis=joint.axis,
      limited=mujoco.mjtLimited.mjLIMITED_TRUE,
      range=[-width, width],
      damping=_BACKLASH_DAMPING,
      frictionloss=0.0,
      armature=0.0,
      # As stiff as the time step allows: the play must not grow under load.
      solref_limit=[0.004, 1.0],
      solimp_limit=[0.99, 0.999, 0.0005, 0.5, 2.0],
    )


def _set_solver(model: mujoco.MjModel, solver: Solver) -> None:
  model.opt.timestep = solver.timestep
  model.opt.iterations = solver.iterations
  model.opt.ls_iterations = solver.ls_iterations
  model.opt.cone = _CONES[solver.cone]


def _describe(
  model: mujoco.MjModel,
  names: Sequence[str],
  servos: Sequence[str],
  has_backlash: bool,
  reference: robots.Robot,
) -> Plant:
  free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
  if len(free) != 1:
    raise ContractError(f"the model has {len(free)} free joints, expected one")
  joints = [model.joint(name) for name in names]
  play = (
    [model.joint(scene.PREFIX + n) for n in names] if has_backlash else None
  )

  def qpos(joints: Sequence[Any]) -> np.ndarray:
    return np.array([joint.qposadr[0] for joint in joints])

  root, root_dof = model.jnt_qposadr[free[0]], model.jnt_dofadr[free[0]]
  return Plant(
    model=model,
    root=np.arange(root, root + 7),
    root_dof=np.arange(root_dof, root_dof + 6),
    joints=qpos(joints),
    dofs=np.array([joint.dofadr[0] for joint in joints]),
    backlash=None if play is None else qpos(play),
    servos=np.array([model.actuator(name).id for name in servos]),
    orientation=_sensor(model, scene.ORIENTATION),
    gyro=_sensor(model, scene.GYRO),
    torques=np.array(
      [_sensor(model, scene.PREFIX + name).start for name in servos]
    ),
    floor=np.flatnonzero(
      np.isin(model.geom_type, [int(t) for t in scene.GROUND])
    ),
    ground=terrain.make_ground(model),
    reference=reference,
  )


def _sensor(model: mujoco.MjModel, name: str) -> slice:
  start = int(model.sensor(name).adr[0])
  return slice(start, start + int(model.sensor(name).dim[0]))


def standing_height(robot: Plant, qpos: np.ndarray) -> np.ndarray:
  """(N,) pelvis heights [m] that put the lowest geom of each on the ground.

  Args:
    robot: its feet are its lowest geoms that collide.
    qpos: (N, nq); the height in it does not matter.
  """
  model, data = robot.model, mujoco.MjData(robot.model)
  solid = contact_points.solid(model)
  solid &= ~np.isin(np.arange(model.ngeom), robot.floor)
  heights = np.zeros(len(qpos))
  for i, row in enumerate(qpos):
    data.qpos[:] = row
    data.qpos[robot.root[2]] = 0.0
    mujoco.mj_kinematics(model, data)
    down = data.geom_xmat[solid].reshape(-1, 3, 3)[:, 2]
    reach = np.array(
      [
        _reach(kind, size, axis)
        for kind, size, axis in zip(
          model.geom_type[solid], model.geom_size[solid], down, strict=True
        )
      ]
    )
    position = data.geom_xpos[solid]
    ground = robot.ground(position[:, :2])
    heights[i] = -np.min(position[:, 2] - reach - ground)
  return heights


def _reach(kind: int, size: np.ndarray, down: np.ndarray) -> float:
  """How far a geom reaches below its centre [m].

  Args:
    kind: of the geom.
    size: (3,) as in the model.
    down: (3,) the world's vertical in the geom's frame.
  """
  types = mujoco.mjtGeom
  along = abs(down[2])
  if kind == types.mjGEOM_CAPSULE:
    return along * size[1] + size[0]
  if kind == types.mjGEOM_CYLINDER:
    return along * size[1] + np.sqrt(max(1 - along**2, 0.0)) * size[0]
  if kind == types.mjGEOM_BOX:
    return float(np.abs(down) @ size)
  return float(size[0])
