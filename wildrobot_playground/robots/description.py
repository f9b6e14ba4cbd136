"""What a robot is, as data: its model, and what is where in it, by name."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

SIDES = ("left", "right")


def side_of(contact: str) -> str:
  """`left` or `right`, of the name of a contact."""
  return contact.partition("_")[0]


@dataclasses.dataclass(frozen=True)
class Contact:
  """What of a foot touches the ground, and is reported as one number.

  Attributes:
    name: in features and clips; it begins with its side, `left_` or `right_`.
    geoms: names of what collides with the ground: geoms, or a body, for all of
      its geoms that collide.
    sole: names of the geoms or sites whose lowest points say how high it is;
      empty for `geoms`.
  """

  name: str
  geoms: tuple[str, ...]
  sole: tuple[str, ...] = ()

  @property
  def side(self) -> str:
    """`left` or `right`."""
    return side_of(self.name)

  @property
  def points(self) -> tuple[str, ...]:
    """Names of what its points are read off."""
    return self.sole or self.geoms


@dataclasses.dataclass(frozen=True)
class RobotDescription:
  """A robot as everything is told of it; `robot.Robot` is its compiled view.

  Attributes:
    name: in files and on command lines.
    title: in the names of its environments, `<title>Walk`.
    model: path of its MJCF, without ground.
    root: body of the free joint.
    imu: site that the policy's IMU sits at.
    joints: that servos drive, in the order of every array of angles. Servos of
      other joints hold the default pose.
    contacts: what touches the ground, in the order of every array of contacts.
    legs: each side's joints from the hip to the foot.
    waist: joint that turns the trunk against the pelvis; None without.
    default_pose: keyframe, or angles [rad] by joint (0 where not named), that
      actions are relative to.
    servo: `kp` [N·m/rad] and `kv` [N·m·s/rad] of servos that the model has as
      motors; empty where it has position servos, or for a guess.
    reference: folder of its clips and dataset, where there are any.
    ppo: what PPO does otherwise, flattened keys to values.
    mass: of the whole robot [kg], where a shipped model must have it.
    task: what the walking task sets otherwise than for a robot of any size,
      flattened keys to values.
    assets: files that the MJCF names, by name, where they are not beside it.
  """

  name: str
  title: str
  model: str | os.PathLike[str]
  root: str
  imu: str
  joints: tuple[str, ...]
  contacts: tuple[Contact, ...]
  legs: Mapping[str, tuple[str, ...]]
  waist: str | None
  default_pose: str | Mapping[str, float]
  servo: Mapping[str, float] = dataclasses.field(default_factory=dict)
  reference: str | os.PathLike[str] = ""
  ppo: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  mass: float | None = None
  task: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  assets: Mapping[str, bytes] = dataclasses.field(
    default_factory=dict, compare=False, repr=False
  )

  def __hash__(self) -> int:
    return hash((self.name, str(self.model)))

  @property
  def environments(self) -> tuple[str, str]:
    """Names of its walking tasks, on flat and on rough ground."""
    return f"{self.title}Walk", f"{self.title}WalkRough"

  @property
  def clips(self) -> pathlib.Path:
    """Folder of its reference's clips."""
    return pathlib.Path(self.reference) / "clips"

  @property
  def dataset(self) -> pathlib.Path:
    """File of its reference's features."""
    return pathlib.Path(self.reference) / f"{self.name}_walk.npz"

  @property
  def contact_names(self) -> tuple[str, ...]:
    """Of `contacts`, in order."""
    return tuple(contact.name for contact in self.contacts)

  @property
  def contact_points(self) -> dict[str, tuple[str, ...]]:
    """What the points of every contact are read off, by its name."""
    return {contact.name: contact.points for contact in self.contacts}

  def contacts_of(self, side: str) -> list[int]:
    """Places of a side's contacts in arrays of all."""
    return [i for i, c in enumerate(self.contacts) if c.side == side]

  def columns(self, side: str) -> list[int]:
    """Places of a leg's joints in arrays of all, hip first."""
    return [self.joints.index(name) for name in self.legs[side]]

  @property
  def upper_body(self) -> list[int]:
    """Places of the joints that are of no leg, nor the waist."""
    legs = {name for names in self.legs.values() for name in names}
    return [
      i
      for i, name in enumerate(self.joints)
      if name not in legs and name != self.waist
    ]
