"""Where what is in a feature vector: names, slices and floors of a robot's."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.system import echo

_AXES = ("x", "y", "z")
# Smallest standard deviation that a feature is normalised by, per group: a
# channel that hardly moves in the reference must not become infinitely telling.
_STD_FLOOR = {
  "joint_pos": 0.05,  # rad
  "joint_vel": 0.5,  # rad/s
  "root_linvel": 0.1,  # unit vector, or m/s
  "root_angvel": 0.3,  # rad/s
  "root_height": 0.01,  # m
  "foot_contacts": 0.1,
}


@dataclasses.dataclass(frozen=True)
class FeatureLayout:
  """The features of a robot with J joints and C contacts: 2 J + 7 + C numbers.

  Angles of the joints, their velocities, linear and angular velocity of the
  root, its height, and whether each contact touches the ground; see `vector`.

  Attributes:
    joints: names, in the contract's order.
    contacts: names of what touches the ground, in the contract's order.
  """

  joints: tuple[str, ...]
  contacts: tuple[str, ...]

  @classmethod
  def of_robot(cls, robot: robots.RobotDescription) -> "FeatureLayout":
    """The layout of a robot's features."""
    return cls(robot.joints, robot.contact_names)

  @classmethod
  def of_names(cls, names: Sequence[str]) -> "FeatureLayout":
    """The layout whose `names` these are.

    Raises:
      ValueError: naming the first that is out of place.
    """
    parts = [name.partition("/") for name in names]
    joints, contacts = (
      tuple(rest for head, _, rest in parts if head == group and rest)
      for group in ("joint_pos", "foot_contacts")
    )
    layout = cls(joints, contacts)
    pairs = itertools.zip_longest(names, layout.names)
    for i, (found, expected) in enumerate(pairs):
      if found != expected:
        shown, right = (
          "missing" if name is None else f"'{echo.short(name)}'"
          for name in (found, expected)
        )
        raise ValueError(f"feature {i} is {shown}, expected {right}")
    return layout

  @functools.cached_property
  def groups(self) -> dict[str, slice]:
    """Every group's place in the vector, in order."""
    sizes = {
      "joint_pos": len(self.joints),
      "joint_vel": len(self.joints),
      "root_linvel": 3,
      "root_angvel": 3,
      "root_height": 1,
      "foot_contacts": len(self.contacts),
    }
    ends = list(itertools.accumulate(sizes.values()))
    starts = [0, *ends]
    return {
      name: slice(start, end)
      for name, start, end in zip(sizes, starts, ends, strict=False)
    }

  @functools.cached_property
  def names(self) -> tuple[str, ...]:
    """Of all features, in order."""
    return (
      *(f"joint_pos/{name}" for name in self.joints),
      *(f"joint_vel/{name}" for name in self.joints),
      *(f"root_linvel/{axis}" for axis in _AXES),
      *(f"root_angvel/{axis}" for axis in _AXES),
      "root_height",
      *(f"foot_contacts/{name}" for name in self.contacts),
    )

  @property
  def size(self) -> int:
    """How many features."""
    return len(self.names)

  @property
  def joint_pos(self) -> slice:
    """Of the joints' angles [rad]."""
    return self.groups["joint_pos"]

  @property
  def joint_vel(self) -> slice:
    """Of the joints' velocities [rad/s]."""
    return self.groups["joint_vel"]

  @property
  def root_linvel(self) -> slice:
    """Of the root's linear velocity, heading frame: unit vector, or m/s."""
    return self.groups["root_linvel"]

  @property
  def root_angvel(self) -> slice:
    """Of the root's angular velocity [rad/s], heading frame."""
    return self.groups["root_angvel"]

  @property
  def root_height(self) -> slice:
    """Of the root's height above the ground [m]."""
    return self.groups["root_height"]

  @property
  def foot_contacts(self) -> slice:
    """Of the contacts, 0 or 1 each."""
    return self.groups["foot_contacts"]

  def stance(self, features: Any) -> Any:
    """(..., 2) whether the left and the right foot touch.

    Args:
      features: (..., F), a numpy array.
    """
    touching = features[..., self.foot_contacts] > 0.5
    feet = [
      [
        i
        for i, name in enumerate(self.contacts)
        if robots.side_of(name) == side
      ]
      for side in robots.SIDES
    ]
    return np.stack(
      [touching[..., foot].any(axis=-1) for foot in feet], axis=-1
    )

  def per_feature(self, values: dict[str, float]) -> np.ndarray:
    """(F,) a value of each group, spread over its features."""
    spread = np.zeros(self.size)
    for name, group in self.groups.items():
      spread[group] = values[name]
    return spread

  def std_floor(self) -> np.ndarray:
    """(F,) the smallest standard deviation that features are normalised by."""
    return self.per_feature(_STD_FLOOR)


WILDROBOT = FeatureLayout.of_robot(robots.WILDROBOT)
