"""Parts of a model that its owner names: there, or the nearest is told."""

import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import mujoco

from wildrobot_playground.robots.description import SIDES, Contact, side_of
from wildrobot_playground.system import cli, echo, errors

_CONTACT_KEYS = ("name", "geoms", "sole")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class RobotError(errors.UsageError):
  """A robot folder that cannot be used; one line says what to mend."""


class NamedParts:
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
        f" '{echo.short(name)}'; {cli.nearest(str(name), self.names(kind))}"
      )
    return found

  def body(self, name: str, key: str) -> str:
    """The name, once the model has a body of it."""
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
          known = [n for kind in kinds for n in self.names(kind)]
          raise RobotError(
            f"{self.where}: contact '{echo.short(name)}': the model has no"
            f" geom or body '{echo.short(part)}'; {cli.nearest(part, known)}"
          )
    return Contact(name, chosen["geoms"], chosen.get("sole", ()))

  def names(self, kind: mujoco.mjtObj) -> list[str]:
    """All names of a kind that the model has."""
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
