"""The walking task's configuration, as large as its robot."""

import fnmatch
import math
from typing import Any

from ml_collections import config_dict

from wildrobot_playground import robots
from wildrobot_playground.envs import (
  commands,
  latency,
  pushes,
  randomize,
  servo,
  signals,
  starts,
)

_TORQUE = 4.0  # N·m, of the servos that the cost of torques was chosen for
_SIZED = frozenset(
  (
    "min_height",
    "max_height",
    "command_config.lin_vel_x",
    "reward_config.height_target",
    "reward_config.height_sigma",
    "reward_config.feet_distance",
    "reward_config.scales.torques",
  )
)


def default_config(
  robot: robots.RobotDescription = robots.WILDROBOT,
) -> config_dict.ConfigDict:
  """The task's default configuration for a robot; units in the comments.

  What must be as large as the robot is: lengths, speeds and torques scale with
  it, unless its description sets them.
  """
  config = config_dict.create(
    ctrl_dt=0.02,  # s
    sim_dt=0.002,  # s
    episode_length=500,  # control steps
    action_repeat=1,
    action_scale=0.5,  # rad
    action_filter=0.3,  # share of the last filtered action that stays
    held_joints="",  # that hold the default pose: names, * for any, commas
    gait_frequency=1.3,  # Hz, of the observed clock
    velocity_mode="direction",  # of the AMP features
    amp_speed_range=(0.05, 0.6),  # m/s, commands at which style counts fully
    amp_speed_fade=0.4,  # m/s above, over which it ceases to count
    velocity_time_constant=0.4,  # s, of the mean that the command asks for
    soft_joint_pos_limit_factor=0.95,
    min_height=0.2,  # m
    max_height=0.7,  # m
    max_tilt=1.05,  # rad
    command_config=commands.default_config(),
    noise_config=config_dict.create(
      level=1.0,  # 0 to disable
      scales=config_dict.create(
        joint_pos=0.01,  # rad, about the joints' backlash
        joint_vel=0.3,  # rad/s
        gyro=0.1,  # rad/s
        gravity=0.02,
        heading=0.02,  # rad
      ),
    ),
    reset_config=starts.default_config(),
    reward_config=config_dict.create(
      scales=config_dict.create(
        tracking_lin_vel=5.0,
        tracking_heading=1.0,
        base_height=0.3,
        feet_air_time=2.0,
        orientation=-3.0,
        ang_vel_xy=-0.02,
        lin_vel_z=-0.2,
        torques=-0.002,
        action_rate=-0.02,
        joint_limits=-1.0,
        foot_slip=-0.1,
        feet_too_close=-10.0,
        stand_still=-0.3,
        waist_yaw=-0.5,
        termination=-50.0,
      ),
      tracking_sigma=0.25,  # m/s
      heading_sigma=0.1,  # rad²
      height_target=0.44,  # m
      height_sigma=0.002,  # m²
      feet_distance=0.14,  # m
      air_time_range=(0.2, 0.45),  # s, swings from no reward to the most
    ),
    push_config=pushes.default_config(),
    latency_config=latency.default_config(),
    signal_config=signals.default_config(),
    servo_config=servo.default_config(),
    # Drawn from with domain randomisation only.
    randomize_config=randomize.default_config(),
    impl="auto",
    solver=config_dict.create(
      iterations=100,
      ls_iterations=50,
      cone="pyramidal",
    ),
    naconmax=8 * 8192,
    njmax=64,
  )
  if robot.upper_body:
    # Arms are paid for, else nothing keeps them from straining at a limit.
    config.reward_config.scales.arm_deviation = -0.2
  config.update_from_flattened_dict({**_sized(robot), **robot.task})
  return config


def _sized(robot: robots.RobotDescription) -> dict[str, Any]:
  """Keys whose value is a length, a speed or a torque of the robot."""
  if robot.task.keys() >= _SIZED:
    return {}
  compiled = robots.of(robot)
  height, size = compiled.default_height, compiled.size
  return {
    # The root's frame may be anywhere; how far it may sink is the legs' matter.
    "min_height": height - 0.25 * size,
    "max_height": height + 0.25 * size,
    # At equal Froude numbers.
    "command_config.lin_vel_x": (0.0, round(math.sqrt(size), 2)),
    "reward_config.height_target": height - 0.013 * size,
    "reward_config.height_sigma": 0.002 * size**2,
    "reward_config.feet_distance": 0.78 * compiled.stance_width,
    "reward_config.scales.torques": -0.002
    * (_TORQUE / compiled.max_torque) ** 2,
  }


def held_joints(
  robot: robots.RobotDescription, config: config_dict.ConfigDict
) -> list[int]:
  """Places of the joints that hold the default pose.

  Raises:
    ValueError: for a name that no joint of the robot has.
  """
  joints, held = robot.joints, set()
  for name in filter(None, config.held_joints.split(",")):
    found = fnmatch.filter(joints, name.strip())
    if not found:
      raise ValueError(
        f"held_joints: {robot.name} has no joint '{name.strip()}'; it"
        f" has {', '.join(joints)}"
      )
    held |= set(found)
  return [i for i, name in enumerate(joints) if name in held]
