"""A user's robot: a folder with an MJCF and a `robot.toml` of its parts.

What `robot.toml` leaves out is found in the model: the root by its free joint,
joints by their servos, feet by what is lowest, legs by the chain to them.
"""

import math
import os
import pathlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.config import key_ranges
from wildrobot_playground.robots import mjcf, scene
from wildrobot_playground.robots.description import (
  SIDES,
  Contact,
  RobotDescription,
  side_of,
)
from wildrobot_playground.system import cli, echo, errors, reading

FILE = "robot.toml"
_LARGEST = 2**20  # bytes
_MODELS = (".xml", ".mjcf")
_KEYS = {
  "name": str,
  "title": str,
  "model": str,
  "root": str,
  "imu": str,
  "joints": list,
  "contacts": list,
  "feet": dict,
  "legs": dict,
  "waist": str,
  "servo": dict,
  "default_pose": (str, dict),
  "task": dict,
}
_SERVO_KEYS = ("kp", "kv")
_CONTACT_KEYS = ("name", "geoms", "sole")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NAMES = {str: "text", list: "a list", dict: "a table"}


class RobotError(errors.UsageError):
  """A robot folder that cannot be used; one line says what to mend."""


def load(
  path: str | os.PathLike[str], called: str | None = None
) -> RobotDescription:
  """The description of the robot in a folder.

  Args:
    path: of the folder, or of its `robot.toml`.
    called: its name, where `robot.toml` gives none; None for the folder's.

  Raises:
    RobotError: naming the key, and what the model has instead.
  """
  path = pathlib.Path(path)
  folder = path.parent if path.name == FILE else path
  said = {"name": called or folder.resolve().name, **_read(folder / FILE)}
  where = _model(folder, said)
  try:
    spec = scene.read(where)
    scene.set_ground(spec, "flat")
    model = mjcf.compiled(spec, str(where))
  except mjcf.ModelError as error:
    raise RobotError(str(error)) from error
  return _describe(folder, said, where, model)


def _read(path: pathlib.Path) -> dict[str, Any]:
  """The keys of a `robot.toml`, of the types that they must have."""
  try:
    said = tomllib.loads(reading.text(path, _LARGEST))
  except FileNotFoundError:
    raise RobotError(
      f"there is no {FILE} in {echo.short(path.parent, 200)};"
      " docs/your_robot.md says what it holds (an empty one will do)"
    ) from None
  except (OSError, ValueError) as error:
    raise RobotError(
      f"cannot read {echo.short(path, 200)}: {echo.short(error, 200)}"
    ) from error
  for key, value in said.items():
    if key not in _KEYS:
      raise RobotError(
        f"{path}: unknown key '{echo.short(key)}'; {cli.nearest(key, _KEYS)}"
      )
    kind = _KEYS[key]
    if not isinstance(value, kind):
      kinds = kind if isinstance(kind, tuple) else (kind,)
      wanted = " or ".join(_NAMES[k] for k in kinds)
      raise RobotError(f"{path}: {key} must be {wanted}")
  return said


def _model(folder: pathlib.Path, said: Mapping[str, Any]) -> pathlib.Path:
  """The MJCF: the one that is named, or the only one that is there."""
  if name := said.get("model"):
    if "\0" in name:
      raise RobotError(
        f"{folder / FILE}: model '{echo.short(name)}' is no path"
      )
    return (folder / name).resolve()
  found = sorted(p for p in folder.iterdir() if p.suffix in _MODELS)
  if len(found) != 1:
    names = ", ".join(p.name for p in found) or "none"
    raise RobotError(
      f"{folder} has {len(found)} models ({echo.short(names, 200)}); name one"
      f' in {FILE}: model = "robot.xml"'
    )
  return found[0].resolve()


def _describe(
  folder: pathlib.Path,
  said: Mapping[str, Any],
  where: pathlib.Path,
  model: mujoco.MjModel,
) -> RobotDescription:
  parts = _Parts(model, folder / FILE)
  name = said["name"]
  parts.check_name(name, "name")
  title = said.get("title") or "".join(
    word[:1].upper() + word[1:] for word in re.split(r"[-_]", name)
  )
  parts.check_name(title, "title")
  root = parts.body(said["root"], "root") if "root" in said else parts.root()
  joints = tuple(said.get("joints") or parts.driven_joints())
  parts.check_joints(joints, "joints")
  parts.check_driven(joints, "joints")
  pose = said.get("default_pose", parts.keyframe())
  data = parts.posed(pose, joints)
  contacts = _contacts(said, parts, data)
  if "legs" in said:
    legs = parts.sides(said["legs"], "legs", "joints")
    for side, names in legs.items():
      parts.check_joints(names, f"legs.{side}")
      parts.check_driven(names, f"legs.{side}", joints)
  else:
    legs = {side: parts.chain(contacts, side, root, joints) for side in SIDES}
  imu = said.get("imu", parts.imu())
  if imu:
    parts.check(imu, mujoco.mjtObj.mjOBJ_SITE, "site", "imu")
  if "waist" in said:
    waist = said["waist"] or None
  else:
    waist = parts.waist(imu, root, joints, legs)
  if waist is not None:
    parts.check_joints([waist], "waist")
    parts.check_driven([waist], "waist", joints)
  return RobotDescription(
    name=name,
    title=title,
    model=where,
    root=root,
    imu=imu,
    joints=joints,
    contacts=contacts,
    legs=legs,
    waist=waist,
    default_pose=pose,
    servo=_servo(said.get("servo", {}), folder / FILE),
    reference=folder.resolve() / "reference",
    task=_task(said, folder / FILE),
  )


def _servo(table: Mapping[str, Any], where: pathlib.Path) -> dict[str, float]:
  """Stiffness and damping of servos that the model has as motors."""
  for key, value in table.items():
    if key not in _SERVO_KEYS:
      raise RobotError(
        f"{where}: unknown key servo.{echo.short(key)};"
        f" {cli.nearest(key, _SERVO_KEYS)}"
      )
    if type(value) not in (int, float) or not 0 < value < 1e6:
      raise RobotError(f"{where}: servo.{key} must be a number above 0")
  return {key: float(value) for key, value in table.items()}


def _contacts(
  said: Mapping[str, Any], parts: "_Parts", data: mujoco.MjData
) -> tuple[Contact, ...]:
  """What touches the ground: as it is said, or a contact for each foot."""
  if "contacts" in said:
    contacts = tuple(parts.contact(table) for table in said["contacts"])
    names = [contact.name for contact in contacts]
    for name in names:
      if names.count(name) > 1:
        raise RobotError(
          f"{parts.where}: contact '{echo.short(name)}' is there twice"
        )
    return contacts
  if "feet" in said:
    feet = {
      side: [part] if isinstance(part, str) else part
      for side, part in said["feet"].items()
    }
    found = parts.sides(feet, "feet", "geoms or a body")
  else:
    found = {side: (name,) for side, name in parts.feet(data).items()}
  return tuple(
    parts.contact({"name": f"{side}_foot", "geoms": [*found[side]]})
    for side in SIDES
  )


def _task(said: Mapping[str, Any], where: pathlib.Path) -> dict[str, Any]:
  """What the walking task sets otherwise, in range."""
  task, known = _flat(said.get("task", {})), key_ranges.TABLES["env_config"]
  for key in task:
    if key not in known:
      raise RobotError(
        f"{where}: unknown key task.{echo.short(key)};"
        f" {cli.nearest(key, known)}"
      )
  try:
    key_ranges.check("env_config", task)
  except key_ranges.RangeError as error:
    said_of = str(error).replace("env_config.", "task.", 1)
    raise RobotError(f"{where}: {said_of}") from error
  return task


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
  """Dotted keys to values; lists become tuples, as configurations have them."""
  flat: dict[str, Any] = {}
  for key, value in table.items():
    if isinstance(value, Mapping):
      flat |= _flat(value, f"{prefix}{key}.")
    else:
      flat[prefix + key] = tuple(value) if isinstance(value, list) else value
  return flat


class _Parts:
  """Finds and checks the parts of a model by their names."""

  def __init__(self, model: mujoco.MjModel, where: pathlib.Path):
    self.model, self.where = model, where

  def check(self, name: Any, kind: mujoco.mjtObj, what: str, key: str) -> int:
    """Id of a named part.

    Raises:
      RobotError: naming the nearest that the model has.
    """
    found = -1
    if isinstance(name, str):
      found = mujoco.mj_name2id(self.model, kind, name)
    if found < 0:
      raise RobotError(
        f"{self.where}: {key}: the model has no {what}"
        f" '{echo.short(name)}'; {cli.nearest(str(name), self._names(kind))}"
      )
    return found

  def body(self, name: str, key: str) -> str:
    self.check(name, mujoco.mjtObj.mjOBJ_BODY, "body", key)
    return name

  def check_joints(self, names: Iterable[Any], key: str) -> None:
    """Raises RobotError for what is no hinge of the model, or named twice."""
    names = list(names)
    for name in names:
      joint = self.check(name, mujoco.mjtObj.mjOBJ_JOINT, "joint", key)
      if self.model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_HINGE:
        raise RobotError(f"{self.where}: {key}: '{name}' is no hinge")
      if names.count(name) > 1:
        raise RobotError(f"{self.where}: {key}: '{name}' is there twice")

  def check_driven(
    self, names: Iterable[str], key: str, joints: Iterable[str] | None = None
  ) -> None:
    """Raises RobotError for a joint without servo, or not among `joints`."""
    driven = self.driven_joints()
    for name in names:
      if name not in driven:
        raise RobotError(f"{self.where}: {key}: no servo drives '{name}'")
      if joints is not None and name not in joints:
        raise RobotError(f"{self.where}: {key}: '{name}' is not in joints")

  def check_name(self, name: str, key: str) -> None:
    """Raises RobotError for what is no name of files and environments."""
    if not _NAME.fullmatch(name):
      raise RobotError(
        f"{self.where}: {key} '{echo.short(name)}' must be letters, digits, -"
        " and _, and begin with a letter"
      )

  def sides(
    self, table: Mapping[str, Any], key: str, what: str
  ) -> dict[str, tuple[str, ...]]:
    """Names of a side each, from a table."""
    if set(table) != set(SIDES):
      raise RobotError(f"{self.where}: {key} must have left and right")
    return {
      side: self.texts(table[side], f"{key}.{side}", what) for side in SIDES
    }

  def texts(self, names: Any, key: str, what: str) -> tuple[str, ...]:
    """A list of names, not empty."""
    are_texts = isinstance(names, list) and all(
      isinstance(name, str) for name in names
    )
    if not are_texts or not names:
      raise RobotError(f"{self.where}: {key} must be names of {what}")
    return tuple(names)

  def contact(self, table: Any) -> Contact:
    """A contact, its geoms and sole checked."""
    if not isinstance(table, Mapping) or not {"name", "geoms"} <= set(table):
      raise RobotError(f"{self.where}: every contact must have name and geoms")
    for key in table:
      if key not in _CONTACT_KEYS:
        raise RobotError(
          f"{self.where}: unknown key of a contact '{echo.short(key)}';"
          f" {cli.nearest(key, _CONTACT_KEYS)}"
        )
    name = str(table["name"])
    if side_of(name) not in SIDES:
      raise RobotError(
        f"{self.where}: contact '{echo.short(name)}': its name must begin with"
        " left_ or right_"
      )
    self.check_name(name, "contact")
    chosen = {
      key: self.texts(table[key], f"contact {name}: {key}", "geoms or bodies")
      for key in _CONTACT_KEYS[1:]
      if key in table
    }
    types = mujoco.mjtObj
    for key, kinds in (
      ("geoms", (types.mjOBJ_GEOM, types.mjOBJ_BODY)),
      ("sole", (types.mjOBJ_GEOM, types.mjOBJ_SITE, types.mjOBJ_BODY)),
    ):
      for part in chosen.get(key, ()):
        if all(mujoco.mj_name2id(self.model, k, part) < 0 for k in kinds):
          known = [n for kind in kinds for n in self._names(kind)]
          raise RobotError(
            f"{self.where}: contact '{echo.short(name)}': the model has no"
            f" geom or body '{echo.short(part)}'; {cli.nearest(part, known)}"
          )
    return Contact(name, chosen["geoms"], chosen.get("sole", ()))

  def root(self) -> str:
    """The body of the free joint."""
    free = np.flatnonzero(self.model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
    if len(free) != 1:
      raise RobotError(
        f"{self.where}: the model has {len(free)} free joints, expected one:"
        " add <freejoint/> to the robot's first body"
      )
    name = self.model.body(int(self.model.jnt_bodyid[free[0]])).name
    if not name:
      raise RobotError(
        f"{self.where}: the body of the free joint has no name: give it one"
      )
    return name

  def driven_joints(self) -> list[str]:
    """Hinges that actuators drive, in the actuators' order."""
    model, found = self.model, []
    for i in range(model.nu):
      joint = int(model.actuator_trnid[i, 0])
      if model.actuator_trntype[i] != mujoco.mjtTrn.mjTRN_JOINT:
        continue
      if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
        found.append(model.joint(joint).name)
    if not found:
      raise RobotError(
        f"{self.where}: no actuator of the model drives a hinge: add a"
        " <position> for every servo"
      )
    return list(dict.fromkeys(found))

  def keyframe(self) -> str | dict[str, float]:
    """The first keyframe, `home` before others; the zero pose without."""
    names = [name for name in self._names(mujoco.mjtObj.mjOBJ_KEY) if name]
    if not names:
      return {}
    return "home" if "home" in names else names[0]

  def posed(
    self, pose: str | Mapping[str, Any], joints: tuple[str, ...]
  ) -> mujoco.MjData:
    """Body frames in the default pose."""
    model, data = self.model, mujoco.MjData(self.model)
    if isinstance(pose, str):
      kind = mujoco.mjtObj.mjOBJ_KEY
      key = self.check(pose, kind, "keyframe", "default_pose")
      mujoco.mj_resetDataKeyframe(model, data, key)
    else:
      self.check_joints(pose, "default_pose")
      for name, angle in pose.items():
        if name not in joints:
          raise RobotError(f"{self.where}: default_pose: '{name}' has no servo")
        if type(angle) not in (int, float) or not math.isfinite(angle):
          raise RobotError(f"{self.where}: default_pose.{name} is no angle")
        data.qpos[model.joint(name).qposadr[0]] = angle
    mujoco.mj_kinematics(model, data)
    return data

  def feet(self, data: mujoco.MjData) -> dict[str, str]:
    """The lowest body of each side that collides."""
    model = self.model
    solid = (model.geom_contype | model.geom_conaffinity) != 0
    solid[np.concatenate([model.pair_geom1, model.pair_geom2])] = True
    solid &= ~np.isin(model.geom_type, [int(t) for t in scene.GROUND])
    lowest: dict[str, tuple[float, str]] = {}
    for geom in np.flatnonzero(solid & (model.geom_bodyid > 0)):
      body = int(model.geom_bodyid[geom])
      side = SIDES[0] if data.xpos[body, 1] > 0 else SIDES[1]
      height = float(data.geom_xpos[geom, 2])
      if side not in lowest or height < lowest[side][0]:
        lowest[side] = height, model.body(body).name
    if set(lowest) != set(SIDES):
      raise RobotError(
        f"{self.where}: no geoms that collide were found on both sides; name"
        ' what touches the ground: [feet] left = ["..."] right = ["..."]'
      )
    for side, (_, name) in lowest.items():
      if not name:
        raise RobotError(
          f"{self.where}: the lowest body of the {side} side has no name: give"
          f' it one, or name what touches the ground: [feet] {side} = ["..."]'
        )
    return {side: name for side, (_, name) in lowest.items()}

  def chain(
    self,
    contacts: tuple[Contact, ...],
    side: str,
    root: str,
    joints: tuple[str, ...],
  ) -> tuple[str, ...]:
    """The joints from the root to a side's foot."""
    model = self.model
    part = next((c.geoms[0] for c in contacts if c.side == side), None)
    if part is None:
      raise RobotError(f"{self.where}: no contact is on the {side} side")
    geom = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, part)
    body = int(model.geom_bodyid[geom]) if geom >= 0 else model.body(part).id
    names = [n for n in self._joints_above(body, root) if n in joints]
    if len(names) < 3:
      raise RobotError(
        f"{self.where}: {len(names)} servos are between {root} and the {side}"
        f" foot, expected 3 or more; name its joints: [legs] {side} ="
        ' ["..."]'
      )
    return tuple(names)

  def imu(self) -> str:
    """The only site that is called an IMU; none for the root itself."""
    names = self._names(mujoco.mjtObj.mjOBJ_SITE)
    found = [name for name in names if "imu" in name.lower()]
    return found[0] if len(found) == 1 else ""

  def waist(
    self,
    imu: str,
    root: str,
    joints: tuple[str, ...],
    legs: Mapping[str, tuple[str, ...]],
  ) -> str | None:
    """The upright hinge between the root and the IMU."""
    if not imu:
      return None
    body = int(self.model.site(imu).bodyid[0])
    of_legs = {name for names in legs.values() for name in names}
    data = mujoco.MjData(self.model)
    mujoco.mj_kinematics(self.model, data)
    for name in self._joints_above(body, root):
      axis = data.xaxis[self.model.joint(name).id]
      if name in joints and name not in of_legs and abs(axis[2]) > 0.9:
        return name
    return None

  def _joints_above(self, body: int, root: str) -> list[str]:
    """Hinges from the root to a body, root side first."""
    model, names = self.model, []
    top = model.body(root).id
    while body not in (top, 0):
      first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
      names = [model.joint(first + i).name for i in range(count)] + names
      body = int(model.body_parentid[body])
    return names

  def _names(self, kind: mujoco.mjtObj) -> list[str]:
    counts = {
      mujoco.mjtObj.mjOBJ_BODY: self.model.nbody,
      mujoco.mjtObj.mjOBJ_JOINT: self.model.njnt,
      mujoco.mjtObj.mjOBJ_GEOM: self.model.ngeom,
      mujoco.mjtObj.mjOBJ_SITE: self.model.nsite,
      mujoco.mjtObj.mjOBJ_KEY: self.model.nkey,
    }
    names = [
      mujoco.mj_id2name(self.model, kind, i) or "" for i in range(counts[kind])
    ]
    return [name for name in names if name]
