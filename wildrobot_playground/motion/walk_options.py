"""The shape of a generated walk, for robots of any size."""

import dataclasses
import math

from wildrobot_playground import robots

MAX_SPEED = 0.6  # m/s of WildRobot; faster, the servos cannot follow


@dataclasses.dataclass(frozen=True)
class Options:
  """The shape of a generated walk; by default WildRobot's, see `scaled`.

  Attributes:
    cycle_time: of two steps, in place [s].
    cycle_time_slope: shorter by so much per m/s of speed [s²/m].
    double_support: share of a step with both feet down.
    double_support_slope: less by so much per m/s of speed [s/m].
    clearance: of the swinging sole [m].
    clearance_slope: lower by so much per m/s of speed [s].
    crouch: pelvis below straight legs [m].
    crouch_slope: deeper by so much per m/s of speed [s].
    lean: pitch of the pelvis, forward [rad].
    stance_y: distance of a standing foot from the mid-line [m].
    zmp_y: distance of the zero-moment point from it in single support [m].
    zmp_x: of the zero-moment point ahead of the ankle [m].
    roll_gain: lean of the torso over the standing foot, per sway [rad/m].
    arm_swing: of each shoulder's pitch, against the leg of its side, per m/s of
      speed [rad·s/m]; no more than the shoulders' limits allow.
    elbow: bend of the elbows beyond their default [rad].
    harmonics: highest harmonic of the centre of mass.
    passes: how often the zero-moment point is fed back.
    feedback: share of its error that a pass feeds back.
  """

  cycle_time: float = 0.84
  cycle_time_slope: float = 0.25
  double_support: float = 0.12
  double_support_slope: float = 0.15
  clearance: float = 0.025
  clearance_slope: float = 0.01
  crouch: float = 0.025
  crouch_slope: float = 0.025
  lean: float = 0.12
  stance_y: float = 0.08
  zmp_y: float = 0.04
  zmp_x: float = 0.02
  roll_gain: float = 2.5
  arm_swing: float = 0.875
  elbow: float = 0.3
  harmonics: int = 7
  passes: int = 6
  feedback: float = 0.6


# Smallest and largest value of each option.
RANGES: dict[str, tuple[float, float]] = {
  "cycle_time": (0.3, 3.0),
  "cycle_time_slope": (-2.0, 2.0),
  "double_support": (0.01, 0.9),
  "double_support_slope": (-1.0, 1.0),
  "clearance": (0.0, 0.1),
  "clearance_slope": (-0.2, 0.2),
  "crouch": (0.0, 0.3),
  "crouch_slope": (-0.5, 0.5),
  "lean": (-0.6, 0.6),
  "stance_y": (0.02, 0.3),
  "zmp_y": (0.0, 0.3),
  "zmp_x": (-0.2, 0.2),
  "roll_gain": (-20.0, 20.0),
  "arm_swing": (0.0, 5.0),
  "elbow": (-1.5, 1.5),
  "harmonics": (1, 50),
  "passes": (0, 50),
  "feedback": (0.0, 2.0),
}


def scaled(robot: robots.Robot) -> Options:
  """The walk of a robot of another size that moves as WildRobot's does.

  Lengths go with those of its legs, and times and speeds with their root; what
  is sideways goes with the distance of its feet.
  """
  base, size, width = Options(), robot.size, robot.width
  time = math.sqrt(size)
  return dataclasses.replace(
    base,
    cycle_time=base.cycle_time * time,
    double_support_slope=base.double_support_slope / time,
    clearance=base.clearance * size,
    clearance_slope=base.clearance_slope * time,
    crouch=base.crouch * size,
    crouch_slope=base.crouch_slope * time,
    stance_y=base.stance_y * width,
    zmp_y=base.zmp_y * width,
    zmp_x=round((robot.toe + robot.heel)[0] / 2, 6),
    roll_gain=base.roll_gain / size,
    arm_swing=base.arm_swing / time,
  )


def max_speed(robot: robots.Robot) -> float:
  """The fastest walk [m/s] that is generated for a robot."""
  return round(MAX_SPEED * math.sqrt(robot.size), 3)
