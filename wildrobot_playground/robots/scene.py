"""A robot on its ground, with our sensors: from MJCF to a compiled model.

What the environments and simulations read is added here under names of our own,
so that a robot's MJCF needs to hold the robot alone.
"""

import functools
import math
import pathlib
import warnings
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.robots import contact_points, mjcf
from wildrobot_playground.robots.description import SIDES, RobotDescription
from wildrobot_playground.system import assets, reading

TERRAINS = ("flat", "rough")
GROUND = (mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_HFIELD)
FLOOR = "floor"

PREFIX = "wildrobot_playground/"  # Of what we add to a model.
ROOT = PREFIX + "root"  # Site at the root's origin.
ORIENTATION = PREFIX + "orientation"
GYRO = PREFIX + "gyro"
LOCAL_LINVEL = PREFIX + "local_linvel"
GLOBAL_LINVEL = PREFIX + "global_linvel"
GLOBAL_ANGVEL = PREFIX + "global_angvel"

# Of a servo that the model has as a motor.
_SATURATION = 0.19  # rad off its target, a servo gives all its torque
_DAMPING = 0.024  # s, of its stiffness
_USUAL_TORQUE = 4.0  # N·m

_IMU = (
  (ORIENTATION, mujoco.mjtSensor.mjSENS_FRAMEQUAT),
  (GYRO, mujoco.mjtSensor.mjSENS_GYRO),
)
_OF_ROOT = (
  (LOCAL_LINVEL, mujoco.mjtSensor.mjSENS_VELOCIMETER),
  (GLOBAL_LINVEL, mujoco.mjtSensor.mjSENS_FRAMELINVEL),
  (GLOBAL_ANGVEL, mujoco.mjtSensor.mjSENS_FRAMEANGVEL),
)


def torque_sensor(joint: str) -> str:
  """Name of the sensor of a servo's torque [N·m]."""
  return f"{PREFIX}{joint}_torque"


def foot_sensor(side: str) -> str:
  """Name of the sensor of a sole's velocity [m/s] in the world."""
  return f"{PREFIX}{side}_foot_linvel"


def contact_sensors(
  model: mujoco.MjModel, robot: RobotDescription
) -> list[list[str]]:
  """Names of the sensors of every contact, one for each of its geoms."""
  names = [model.sensor(i).name for i in range(model.nsensor)]
  return [
    [name for name in names if name.startswith(f"{PREFIX}{contact.name}/")]
    for contact in robot.contacts
  ]


def compile_scene(
  robot: RobotDescription, terrain: str = "flat"
) -> mujoco.MjModel:
  """The robot's model on flat or rough ground, with our sensors.

  Raises:
    ModelError: for a model that cannot be read or compiled, or lacks what the
      description names.
  """
  spec = read(pathlib.Path(robot.model), robot.assets)
  drive_by_position(spec, robot)
  add_sensors(spec, robot)
  set_ground(spec, terrain)
  for contact in robot.contacts:
    for name in colliders(spec, contact.geoms):
      spec.add_sensor(
        name=f"{PREFIX}{contact.name}/{name}",
        type=mujoco.mjtSensor.mjSENS_CONTACT,
        objtype=mujoco.mjtObj.mjOBJ_GEOM,
        objname=name,
        reftype=mujoco.mjtObj.mjOBJ_GEOM,
        refname=FLOOR,
        intprm=[1, 1, 1],  # Whether there is one; the nearest; at most one.
      )
  return mjcf.compiled(spec, str(robot.model))


@functools.cache
def flat(robot: RobotDescription) -> mujoco.MjModel:
  """The robot's model on flat ground, compiled once; not to be changed."""
  return compile_scene(robot)


def read(
  path: pathlib.Path, files: Mapping[str, bytes] | None = None
) -> mujoco.MjSpec:
  """An MJCF, looked through before MuJoCo reads it.

  Meshes whose files are missing are left out where they are for the eye alone.

  Args:
    path: of the MJCF.
    files: that it names, by name, where they are not beside it; then nothing of
      it is looked through.

  Raises:
    ModelError: when it is missing, or no MJCF of a robot.
  """
  if not path.exists():
    raise mjcf.ModelError(f"there is no model at {path}")
  if files:
    return _read_with(path, files)
  reading.check_name(path, "MuJoCo", mjcf.ModelError)
  mjcf.check_file(path)
  try:
    if path.suffix == ".xml":
      spec = mujoco.MjSpec.from_file(str(path))
    else:  # MuJoCo goes by the ending.
      spec = mujoco.MjSpec.from_string(reading.text(path))
      spec.modelfiledir = str(path.parent)
  except ValueError as error:
    first = str(error).splitlines()[0]
    raise mjcf.ModelError(f"{path} is no MJCF: {first}") from error
  _leave_out_missing_meshes(spec, path.parent)
  return spec


def _read_with(path: pathlib.Path, files: Mapping[str, bytes]) -> mujoco.MjSpec:
  included = {k: v for k, v in files.items() if k.endswith(".xml")}
  try:
    return mujoco.MjSpec.from_string(
      path.read_text("utf-8"), include=included, assets=dict(files)
    )
  except ValueError as error:
    first = str(error).splitlines()[0]
    raise mjcf.ModelError(f"{path} is no MJCF: {first}") from error


def _leave_out_missing_meshes(
  spec: mujoco.MjSpec, folder: pathlib.Path
) -> None:
  """Deletes meshes without a file, and the geoms that only draw them."""
  missing = {
    mesh.name or pathlib.Path(mesh.file).stem: mesh
    for mesh in spec.meshes
    if mesh.file and not (folder / spec.meshdir / mesh.file).is_file()
  }
  # What collides is needed, and what its body's mass would come from.
  needed = {
    geom.meshname
    for geom in spec.geoms
    if geom.contype
    or geom.conaffinity
    or not (geom.parent.explicitinertial or geom.mass == 0)
  }
  for name in missing.keys() - needed:
    for geom in [geom for geom in spec.geoms if geom.meshname == name]:
      spec.delete(geom)
    spec.delete(missing[name])


def set_ground(spec: mujoco.MjSpec, terrain: str) -> None:
  """Puts the robot on one of our grounds, in the place of any of its own.

  What met its own by a contact pair alone meets ours by its mask.

  Raises:
    ModelError: for a floor of its own that is no plane and no height field.
    ValueError: for an unknown terrain.
  """
  if terrain not in TERRAINS:
    raise ValueError(
      f"terrain '{terrain}' is unknown; choose one of {', '.join(TERRAINS)}"
    )
  own = [geom for geom in spec.geoms if geom.type in GROUND]
  paired = _forget(spec, {geom.name for geom in own if geom.name})
  for geom in own:
    spec.delete(geom)
  if spec.geom(FLOOR) is not None:
    raise mjcf.ModelError(
      f"the model has a geom '{FLOOR}' that is no plane: remove it, as it gets"
      " a ground of ours, or give it another name"
    )
  ground = mujoco.MjSpec.from_file(
    str(assets.xmls() / f"{terrain}_terrain.xml")
  )
  spec.visual = ground.visual
  with warnings.catch_warnings():
    # That the ground has no files, as a robot with files in memory has.
    warnings.simplefilter("ignore")
    spec.attach(ground, frame=spec.worldbody.add_frame(), prefix=PREFIX)
  floor = spec.geom(PREFIX + FLOOR)
  floor.name = FLOOR  # As Playground calls it.
  for geom in map(spec.geom, sorted(paired)):
    meets = geom.contype & floor.conaffinity or geom.conaffinity & floor.contype
    if not meets:
      geom.conaffinity |= floor.contype


def _forget(spec: mujoco.MjSpec, geoms: set[str]) -> set[str]:
  """Deletes the pairs and sensors that speak of geoms; who was paired."""
  paired = set()
  for pair in [*spec.pairs]:
    names = {pair.geomname1, pair.geomname2}
    if geoms & names:
      paired |= names - geoms
      spec.delete(pair)
  kind = mujoco.mjtObj.mjOBJ_GEOM
  for sensor in [*spec.sensors]:
    of_object = sensor.objtype == kind and sensor.objname in geoms
    if of_object or (sensor.reftype == kind and sensor.refname in geoms):
      spec.delete(sensor)
  return paired


def drive_by_position(spec: mujoco.MjSpec, robot: RobotDescription) -> None:
  """Makes the robot's actuators position servos with a range and a name.

  Motors become servos: without stiffness and damping in the description, they
  are guessed from the torque limit as those of a hobby servo, which gives all
  of it at 0.19 rad. A servo without a range gets its joint's.
  """
  for servo in spec.actuators:
    if servo.target not in robot.joints:
      continue
    joint = spec.joint(servo.target)
    servo.name = servo.name or PREFIX + servo.target
    if servo.biastype != mujoco.mjtBias.mjBIAS_AFFINE:
      limit = _torque_limit(servo, joint)
      kp = robot.servo.get("kp", limit / _SATURATION)
      servo.gear = [1, 0, 0, 0, 0, 0]
      servo.set_to_position(kp=kp, kv=robot.servo.get("kv", _DAMPING * kp))
      servo.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
      servo.forcerange = [-limit, limit]
      servo.ctrllimited = mujoco.mjtLimited.mjLIMITED_AUTO
      servo.ctrlrange = [0, 0]
    if servo.ctrlrange[0] < servo.ctrlrange[1] or servo.inheritrange > 0:
      continue
    if joint.range[0] < joint.range[1]:
      servo.inheritrange = 1  # In the model's own unit of angles.
    else:
      servo.ctrllimited = mujoco.mjtLimited.mjLIMITED_TRUE
      servo.ctrlrange = [-math.pi, math.pi]


def _torque_limit(servo: Any, joint: Any) -> float:
  """Of a motor [N·m]: what it, its joint or its command says; else a guess."""
  gear = abs(servo.gear[0]) or 1.0
  for ends in (servo.forcerange, joint.actfrcrange, servo.ctrlrange * gear):
    if ends[1] > ends[0]:
      return float(max(abs(ends[0]), abs(ends[1])))
  return _USUAL_TORQUE


def add_sensors(spec: mujoco.MjSpec, robot: RobotDescription) -> None:
  """Adds what is read of IMU, root, feet and servos.

  Raises:
    ModelError: for a body, site or servo that the model lacks.
  """
  site = mujoco.mjtObj.mjOBJ_SITE
  root = spec.body(robot.root)
  if root is None:
    raise mjcf.ModelError(f"{robot.model} has no body '{robot.root}'")
  root.add_site(name=ROOT)
  imu = robot.imu or ROOT
  if spec.site(imu) is None:
    raise mjcf.ModelError(f"{robot.model} has no site '{imu}' for the IMU")
  feet = [(foot_sensor(side), _foot_site(spec, robot, side)) for side in SIDES]
  kind = mujoco.mjtSensor.mjSENS_FRAMELINVEL
  for name, kind, place in (
    *((name, kind, imu) for name, kind in _IMU),
    *((name, kind, ROOT) for name, kind in _OF_ROOT),
    *((name, kind, place) for name, place in feet),
  ):
    spec.add_sensor(name=name, type=kind, objtype=site, objname=place)
  servos = {servo.target: servo.name for servo in reversed(spec.actuators)}
  for joint in robot.joints:
    if joint not in servos:
      raise mjcf.ModelError(f"{robot.model} has no servo on {joint}")
    spec.add_sensor(
      name=torque_sensor(joint),
      type=mujoco.mjtSensor.mjSENS_ACTUATORFRC,
      objtype=mujoco.mjtObj.mjOBJ_ACTUATOR,
      objname=servos[joint],
    )


def colliders(spec: mujoco.MjSpec, names: tuple[str, ...]) -> list[str]:
  """Names of geoms, those of bodies among `names` spelled out.

  Geoms without a name are given one.

  Raises:
    ModelError: for a name that is neither a geom's nor a body's, or a body
      that collides with nothing.
  """
  found = []
  for name in names:
    if spec.geom(name) is not None:
      found.append(name)
      continue
    body = spec.body(name)
    if body is None:
      raise mjcf.ModelError(f"there is no geom and no body '{name}'")
    geoms = [g for g in body.geoms if g.contype or g.conaffinity]
    if not geoms:
      raise mjcf.ModelError(f"no geom of body '{name}' collides")
    for i, geom in enumerate(geoms):
      geom.name = geom.name or f"{PREFIX}{name}_{i}"
    found += [geom.name for geom in geoms]
  return found


def _foot_site(spec: mujoco.MjSpec, robot: RobotDescription, side: str) -> str:
  """A site in the middle of a sole: the model's own, or one that is added."""
  own = f"{side}_foot"
  if spec.site(own) is not None:
    return own
  model = spec.compile()
  names = [n for c in robot.contacts if c.side == side for n in c.points]
  try:
    part = contact_points.find(model, names)
  except ValueError as error:
    raise mjcf.ModelError(f"{robot.model}: {side} foot: {error}") from error
  name = PREFIX + own
  spec.bodies[part.body].add_site(name=name, pos=np.mean(part.points, axis=0))
  return name
