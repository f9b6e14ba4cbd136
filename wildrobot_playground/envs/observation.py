"""What a policy observes, entry by entry: one description for all.

The environment builds its observation from it, an exported policy carries it as
its contract, and the robot's control loop reads it there.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from wildrobot_playground import robots

Array = Any  # A numpy or a jax array.

_XYZ = ("x", "y", "z")
_CLOCK = "sine of the gait's phase; 0 standing"


@dataclasses.dataclass(frozen=True)
class Entry:
  """A stretch of the observation.

  Attributes:
    name: of the signal.
    labels: of its numbers, in order.
    unit: empty for pure numbers.
    frame: that its vectors are given in; empty where there is none.
    meaning: one line for who wires the robot up.
    scale: that the signal is multiplied with.
  """

  name: str
  labels: tuple[str, ...]
  unit: str
  frame: str
  meaning: str
  scale: float = 1.0

  @property
  def size(self) -> int:
    """How many numbers."""
    return len(self.labels)


def entries(robot: robots.RobotDescription) -> tuple[Entry, ...]:
  """What a robot's policy observes, in order."""
  imu, joints = robot.imu or robot.root, robot.joints
  return (
    Entry("gyro", _XYZ, "rad/s", imu, "angular velocity"),
    Entry("gravity", _XYZ, "", imu, "unit vector that points down"),
    Entry("heading_sin", ("sin",), "", "world", "sine of heading minus target"),
    Entry("heading_cos", ("cos",), "", "world", "its cosine"),
    Entry("joint_pos", joints, "rad", "", "joint angles minus default pose"),
    Entry("joint_vel", joints, "rad/s", "", "joint velocities"),
    Entry("last_action", joints, "", "", "last action, low-pass filtered"),
    Entry("command", ("forward",), "m/s", "heading target", "speed asked for"),
    Entry(
      "clock_sin", ("sin",), "", "", "sine of the gait's phase; 0 standing"
    ),
    Entry("clock_cos", ("cos",), "", "", "its cosine; 0 standing"),
  )


def parts(
  layout: tuple[Entry, ...], signals: Mapping[str, Array]
) -> list[Array]:
  """The entries of a layout in order, scaled, ready to be stacked.

  Args:
    layout: see `entries`.
    signals: of every entry, by name, (..., size) each.

  Raises:
    ValueError: for signals that are not those of the layout.
  """
  names = [entry.name for entry in layout]
  if set(signals) != set(names):
    odd = sorted(set(signals) ^ set(names))
    raise ValueError(f"signals and entries differ in {', '.join(odd)}")
  return [
    signals[entry.name] * entry.scale
    if entry.scale != 1.0
    else signals[entry.name]
    for entry in layout
  ]
