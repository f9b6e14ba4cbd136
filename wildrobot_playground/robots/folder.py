"""A user's robot: a folder with an MJCF and a `robot.toml` of its parts.

What `robot.toml` leaves out is found in the model: the root by its free joint,
joints by their servos, feet by what is lowest, legs by the chain to them.
"""

import dataclasses
import os
import pathlib
import re
import tomllib
from collections.abc import Mapping
from typing import Any

import mujoco

from wildrobot_playground.config import key_ranges
from wildrobot_playground.robots import mjcf, scene
from wildrobot_playground.robots.description import (
  SIDES,
  Contact,
  RobotDescription,
)
from wildrobot_playground.robots.found_parts import FoundParts
from wildrobot_playground.robots.named_parts import RobotError
from wildrobot_playground.system import cli, echo, reading

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
_NAMES = {str: "text", list: "a list", dict: "a table"}


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
  said = _read(folder / FILE)
  said.setdefault("name", called or folder.resolve().name)
  described = describe(said, _model(folder, said), where=folder / FILE)
  reference = folder.resolve() / "reference"
  return dataclasses.replace(described, reference=reference)


def describe(
  said: Mapping[str, Any],
  path: pathlib.Path,
  assets: Mapping[str, bytes] | None = None,
  where: pathlib.Path | None = None,
) -> RobotDescription:
  """The description of a robot's model.

  Args:
    said: keys of a `robot.toml`, `name` among them; the others are found.
    path: of the MJCF.
    assets: files that it names, where they are not beside it.
    where: what to blame; the MJCF when None.

  Raises:
    RobotError: naming the key, and what the model has instead.
  """
  try:
    spec = scene.read(path, assets)
    scene.set_ground(spec, "flat")
    model = mjcf.compiled(spec, str(path))
  except mjcf.ModelError as error:
    raise RobotError(str(error)) from error
  described = _describe(said, path, model, where or path)
  return dataclasses.replace(described, assets=assets or {})


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
  said: Mapping[str, Any],
  path: pathlib.Path,
  model: mujoco.MjModel,
  where: pathlib.Path,
) -> RobotDescription:
  parts = FoundParts(model, where)
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
    chains = {side: parts.chain(contacts, side, root, joints) for side in SIDES}
    shared = set.intersection(*map(set, chains.values()))  # A waist above both.
    legs = {
      side: tuple(name for name in names if name not in shared)
      for side, names in chains.items()
    }
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
    model=path,
    root=root,
    imu=imu,
    joints=joints,
    contacts=contacts,
    legs=legs,
    waist=waist,
    default_pose=pose,
    servo=_servo(said.get("servo", {}), where),
    task=_task(said, where),
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
  said: Mapping[str, Any], parts: FoundParts, data: mujoco.MjData
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
