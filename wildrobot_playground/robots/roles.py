"""What each joint is for, from its axis and anchor at the zero pose.

In the order from the hip to the foot, the first joint that turns about y is the
hip's pitch, the next one the knee, the next one the ankle; those about x are
rolls, those about z yaws.
"""

import dataclasses

import mujoco
import numpy as np

from wildrobot_playground.robots import addresses
from wildrobot_playground.robots.description import SIDES, RobotDescription

_ROLL, _PITCH, _YAW = range(3)
# A leg that bends forward: its pitches about y [rad].
_BENT = (-0.4, 0.8, -0.4)


@dataclasses.dataclass(frozen=True)
class Hinges:
  """The joints of a description at the zero pose, in the world's axes.

  Attributes:
    names: of the joints.
    anchors: (J, 3) [m].
    axes: (J, 3) unit vectors.
  """

  names: tuple[str, ...]
  anchors: np.ndarray
  axes: np.ndarray

  def kind(self, joint: int) -> int:
    """The axis that a joint is nearest to: 0, 1 or 2 for x, y or z."""
    return int(np.argmax(np.abs(self.axes[joint])))

  def sign(self, joint: int) -> float:
    """Of a turn about that axis, for a positive angle."""
    return 1.0 if self.axes[joint, self.kind(joint)] > 0 else -1.0


@dataclasses.dataclass(frozen=True)
class Leg:
  """The joints of a leg, as places in its own order from the hip to the foot.

  Attributes:
    columns: (n,) of them in arrays of all joints.
    hip_pitch: that swings the leg.
    knee: that bends it.
    ankle_pitch: that pitches the sole.
    ankle_rolls: that roll the sole.
    yaws: that turn the leg about the vertical.
    signs: (n,) of a turn about x, y or z for a positive angle.
  """

  columns: addresses.Index
  hip_pitch: int
  knee: int
  ankle_pitch: int
  ankle_rolls: tuple[int, ...]
  yaws: tuple[int, ...]
  signs: np.ndarray

  @property
  def hip_flexion_sign(self) -> float:
    """By which a positive angle flexes the hip: brings the knee forward."""
    return -float(self.signs[self.hip_pitch])

  @property
  def bent(self) -> np.ndarray:
    """(n,) angles [rad] of a bent leg above a flat sole."""
    angles = np.zeros(len(self.signs))
    pitches = [self.hip_pitch, self.knee, self.ankle_pitch]
    angles[pitches] = self.signs[pitches] * np.array(_BENT)
    return angles


@dataclasses.dataclass(frozen=True)
class Arm:
  """The joints of an arm that swings, as columns in arrays of all joints.

  Attributes:
    shoulder: that swings it.
    shoulder_sign: by which a positive angle swings it forward.
    elbow: that bends it; None without.
    elbow_sign: by which a positive angle brings the fore arm forward.
  """

  shoulder: int
  shoulder_sign: float
  elbow: int | None
  elbow_sign: float


def zero_pose(
  model: mujoco.MjModel, at: addresses.Addresses, height: float = 0.0
) -> mujoco.MjData:
  """Body frames with all angles at 0, the root upright at a height [m]."""
  data = mujoco.MjData(model)
  data.qpos[at.joints] = 0.0
  data.qpos[at.root] = [0, 0, height, 1, 0, 0, 0]
  mujoco.mj_kinematics(model, data)
  return data


def hinges(
  model: mujoco.MjModel, data: mujoco.MjData, robot: RobotDescription
) -> Hinges:
  """Where the joints are in a pose, see `zero_pose`."""
  ids = [model.joint(name).id for name in robot.joints]
  return Hinges(robot.joints, data.xanchor[ids], data.xaxis[ids])


def leg(found: Hinges, robot: RobotDescription, side: str) -> Leg:
  """What the joints of a leg are for.

  Raises:
    ValueError: for a leg without hip, knee and ankle that turn about y.
  """
  columns = robot.columns(side)
  kinds = [found.kind(column) for column in columns]
  pitches = [i for i, kind in enumerate(kinds) if kind == _PITCH]
  if len(pitches) < 3:
    raise ValueError(
      f"{robot.name}: of the {side} leg, {len(pitches)} joints"
      f" ({', '.join(robot.legs[side])}) turn about y at the zero pose,"
      " expected hip, knee and ankle; name them all in [legs] of robot.toml, hip first"
    )
  hip, knee, ankle = pitches[:3]
  return Leg(
    columns=addresses.index(columns),
    hip_pitch=hip,
    knee=knee,
    ankle_pitch=ankle,
    ankle_rolls=tuple(
      i for i, kind in enumerate(kinds) if kind == _ROLL and i > knee
    ),
    yaws=tuple(i for i, kind in enumerate(kinds) if kind == _YAW),
    signs=np.array([found.sign(column) for column in columns]),
  )


def arms(found: Hinges, robot: RobotDescription) -> dict[str, Arm]:
  """The arms that swing fore and aft, by side; empty without any.

  The highest joint about y beside the trunk is the shoulder's pitch, the one
  below it the elbow.
  """
  arms: dict[str, Arm] = {}
  for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
    pitches = [
      i
      for i in robot.upper_body
      if found.kind(i) == _PITCH and sign * found.anchors[i, 1] > 0.01
    ]
    pitches.sort(key=lambda i: -found.anchors[i, 2])
    if not pitches:
      return {}
    elbow = pitches[1] if len(pitches) > 1 else None
    arms[side] = Arm(
      shoulder=pitches[0],
      shoulder_sign=-found.sign(pitches[0]),
      elbow=elbow,
      elbow_sign=0.0 if elbow is None else -found.sign(elbow),
    )
  return arms
