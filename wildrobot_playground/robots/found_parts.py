"""Parts of a model that its owner does not name: found in its structure."""

import math
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.robots import contact_points, scene
from wildrobot_playground.robots.description import SIDES, Contact
from wildrobot_playground.robots.named_parts import NamedParts, RobotError


class FoundParts(NamedParts):
  """Finds the root, servos, feet, legs, IMU and waist of a model."""

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
    names = [name for name in self.names(mujoco.mjtObj.mjOBJ_KEY) if name]
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
    solid = contact_points.solid(model)
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
    names = self.names(mujoco.mjtObj.mjOBJ_SITE)
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
