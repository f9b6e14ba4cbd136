"""WildRobot as data: nine servos, four sole plates."""

from wildrobot_playground.robots.description import Contact, RobotDescription
from wildrobot_playground.system import assets


def _leg(side: str) -> tuple[str, ...]:
  joints = ("hip_pitch", "hip_roll", "knee_pitch", "ankle_pitch")
  return tuple(f"{side}_{joint}" for joint in joints)


def _plate(side: str, part: str) -> Contact:
  name = f"{side}_{part}"
  return Contact(name, geoms=(name,), sole=(f"{name}_plate",))


WILDROBOT = RobotDescription(
  name="wildrobot",
  title="WildRobot",
  model=assets.xmls() / "wildrobot.xml",
  root="waist",
  imu="chest_imu",
  joints=("waist_yaw", *_leg("left"), *_leg("right")),
  contacts=tuple(
    _plate(side, part) for side in ("left", "right") for part in ("toe", "heel")
  ),
  legs={side: _leg(side) for side in ("left", "right")},
  waist="waist_yaw",
  default_pose="walk_ready",
  reference=assets.reference(),
  mass=3.385,
  task={
    "min_height": 0.2,  # m
    "max_height": 0.7,  # m
    "command_config.lin_vel_x": (0.0, 1.0),  # m/s
    "reward_config.height_target": 0.44,  # m
    "reward_config.height_sigma": 0.002,  # m²
    "reward_config.feet_distance": 0.14,  # m
    "reward_config.scales.torques": -0.002,
  },
)
