"""WildRobot v2 as data: seventeen servos, ankles that roll, arms."""

from wildrobot_playground.robots.description import RobotDescription
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.system import assets


def _leg(side: str) -> tuple[str, ...]:
  return *WILDROBOT.legs[side], f"{side}_ankle_roll"


def _arm(side: str) -> tuple[str, ...]:
  joints = "shoulder_pitch", "shoulder_roll", "elbow_pitch"
  return tuple(f"{side}_{joint}" for joint in joints)


WILDROBOT_V2 = RobotDescription(
  name="wildrobot_v2",
  title="WildRobotV2",
  model=assets.xmls() / "wildrobot_v2.xml",
  root="waist",
  imu="chest_imu",
  joints=(
    "waist_yaw",
    *_arm("left"),
    *_leg("left"),
    *_arm("right"),
    *_leg("right"),
  ),
  contacts=WILDROBOT.contacts,
  legs={side: _leg(side) for side in ("left", "right")},
  waist="waist_yaw",
  default_pose="home",
  reference=assets.reference("wildrobot_v2"),
  task={"command_config.lin_vel_x": (0.0, 0.7)},  # m/s
  ppo={"num_timesteps": 6_000_000},  # a quarter of an hour on two cores
  mass=4.128,
)
