"""What a policy observes, entry by entry: one description for all.

The environment builds its observation from it, an exported policy carries it as
its contract, and the robot's control loop reads it there.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from wildrobot_playground.robots import wildrobot as consts

Array = Any  # A numpy or a jax array.

_PER_JOINT = consts.JOINT_NAMES


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


_XYZ = ("x", "y", "z")
STATE = (
  Entry("gyro", _XYZ, "rad/s", consts.CHEST_SITE, "angular velocity"),
  Entry("gravity", _XYZ, "", consts.CHEST_SITE, "unit vector that points down"),
  Entry("heading_sin", ("sin",), "", "world", "sine of heading minus target"),
  Entry("heading_cos", ("cos",), "", "world", "its cosine"),
  Entry("joint_pos", _PER_JOINT, "rad", "", "joint angles minus default pose"),
  Entry("joint_vel", _PER_JOINT, "rad/s", "", "joint velocities"),
  Entry("last_action", _PER_JOINT, "", "", "last action, low-pass filtered"),
  Entry("command", ("forward",), "m/s", "heading target", "speed asked for"),
  Entry("clock_sin", ("sin",), "", "", "sine of the gait's phase; 0 standing"),
  Entry("clock_cos", ("cos",), "", "", "its cosine; 0 standing"),
)
SIZE = sum(entry.size for entry in STATE)


def parts(signals: Mapping[str, Array]) -> list[Array]:
  """The entries of `STATE` in order, scaled, ready to be stacked.

  Args:
    signals: of every entry, by name, (..., size) each.

  Raises:
    ValueError: for signals that are not those of `STATE`.
  """
  names = [entry.name for entry in STATE]
  if set(signals) != set(names):
    odd = sorted(set(signals) ^ set(names))
    raise ValueError(f"signals and entries differ in {', '.join(odd)}")
  return [
    signals[entry.name] * entry.scale
    if entry.scale != 1.0
    else signals[entry.name]
    for entry in STATE
  ]
