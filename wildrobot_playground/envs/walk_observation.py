"""What the walking task lets a policy and its critic see."""

from typing import Any

import jax
import jax.numpy as jp

from wildrobot_playground import features
from wildrobot_playground.envs import base, commands, observation
from wildrobot_playground.robots import sole as sole_lib


def observe(
  env: base.RobotEnv,
  data: Any,
  feet: sole_lib.FootState,
  info: dict[str, Any],
) -> dict[str, jax.Array]:
  """`state`: what the robot measures; `privileged_state`: what is there.

  Args:
    env: a walking task.
    data: of the engine.
    feet: the soles in it.
    info: of the episode; its `rng` moves on.
  """
  layout = observation.entries(env.robot)
  noise = env.config.noise_config
  info["rng"], *keys = jax.random.split(info["rng"], 6)

  def noisy(key: jax.Array, value: jax.Array, name: str) -> jax.Array:
    # +U(-scale, scale).
    bound = noise.level * noise.scales[name]
    return value + bound * jax.random.uniform(key, value.shape, minval=-1.0)

  true = env.get_signals(data)
  seen = info.get("reported", true)
  heading_error = features.heading(seen["orientation"]) - info["heading_target"]
  measured_heading = noisy(keys[0], heading_error, "heading")
  moving = 1.0 - commands.is_standing(info["command"])
  joint_pos = seen["joint_pos"] - env.default_pose
  entries = {
    "gyro": noisy(keys[1], seen["gyro"], "gyro"),
    "gravity": noisy(keys[2], seen["gravity"], "gravity"),
    "heading_sin": jp.sin(measured_heading),
    "heading_cos": jp.cos(measured_heading),
    "joint_pos": noisy(keys[3], joint_pos, "joint_pos"),
    "joint_vel": noisy(keys[4], seen["joint_vel"], "joint_vel"),
    "last_action": info["last_act"],
    "command": info["command"],
    "clock_sin": moving * jp.sin(info["phase"]),
    "clock_cos": moving * jp.cos(info["phase"]),
  }
  state = jp.hstack(observation.parts(layout, entries))
  privileged_state = jp.hstack(
    [
      state,
      true["gyro"],
      true["gravity"],
      true["joint_pos"] - env.default_pose,
      true["joint_vel"],
      env.get_local_linvel(data),
      env.heading_velocity(data, info["heading_target"]),
      info["mean_velocity"],
      info["air_time"],
      env.get_global_angvel(data),
      env.get_torques(data),
      env.get_pelvis_height(data),
      env.get_feet_positions(feet)[:, 2],
      env.get_feet_linvel(data).ravel(),
      env.get_contact_readings(data),
    ]
  )
  return {"state": state, "privileged_state": privileged_state}
