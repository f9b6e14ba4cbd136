"""The walking task's reward, term by term: what of a step each is about."""

from typing import Any

import jax

from wildrobot_playground import features
from wildrobot_playground.envs import base, commands, rewards
from wildrobot_playground.robots import sole as sole_lib


def terms(
  env: base.RobotEnv,
  data: Any,
  feet: sole_lib.FootState,
  slide: jax.Array,
  info: dict[str, Any],
  last_act: jax.Array,
  fallen: jax.Array,
) -> dict[str, jax.Array]:
  """The unscaled reward terms of a step; the keys are those of the scales.

  Args:
    env: a walking task.
    data: after the step.
    feet: the soles then.
    slide: (C,) see `sole.slide` [m/s].
    info: of the episode.
    last_act: (J,) the filtered action of the step before.
    fallen: () 1 where the robot falls.
  """
  config = env.config.reward_config
  joint_pos, joint_vel = data.qpos[env.at.joints], data.qvel[env.at.dofs]
  waist = [i for i, n in enumerate(env.robot.joints) if n == env.robot.waist]
  yaw = features.heading(env.get_quat(data))
  height = env.get_pelvis_height(data)
  terms = {
    # Tracking rewards.
    "tracking_lin_vel": rewards.tracking_lin_vel(
      info["mean_velocity"], info["command"], config.tracking_sigma
    ),
    "tracking_heading": rewards.tracking_heading(
      env.heading_error(data, info["heading_target"]),
      config.heading_sigma,
    ),
    "base_height": rewards.base_height(
      height, config.height_target, config.height_sigma
    ),
    # Base-related costs.
    "orientation": rewards.orientation(env.get_gravity(data)),
    "ang_vel_xy": rewards.ang_vel_xy(env.get_global_angvel(data)),
    "lin_vel_z": rewards.lin_vel_z(env.get_global_linvel(data)),
    # Servo-related costs.
    "torques": rewards.torques(env.get_torques(data)),
    "action_rate": rewards.action_rate(info["last_act"], last_act),
    "joint_limits": rewards.joint_limits(joint_pos, *env.soft_limits),
    # Feet-related costs.
    "foot_slip": rewards.foot_slip(slide),
    "feet_air_time": rewards.feet_air_time(
      info["air_time"],
      env.get_stance(feet),
      info["command"],
      config.air_time_range,
      env.dt,
    ),
    "feet_too_close": rewards.feet_too_close(
      env.get_feet_positions(feet), yaw, config.feet_distance
    ),
    # Pose-related costs.
    "stand_still": rewards.stand_still(
      joint_pos,
      joint_vel,
      env.default_pose,
      commands.is_standing(info["command"]),
    ),
    "waist_yaw": rewards.joint_deviation(joint_pos, env.default_pose, waist),
    "termination": rewards.termination(fallen),
  }
  if env.robot.upper_body:
    terms["arm_deviation"] = rewards.joint_deviation(
      joint_pos, env.default_pose, env.robot.upper_body
    )
  return terms
