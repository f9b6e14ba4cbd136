"""Forward-velocity commands: drawn at random, zero for standing episodes."""

from typing import Any

import jax
import jax.numpy as jp
from ml_collections import config_dict

from wildrobot_playground.envs import curriculum


def default_config() -> config_dict.ConfigDict:
  """Range and timing of the commands."""
  return config_dict.create(
    lin_vel_x=(0.0, 1.0),  # m/s
    standing_probability=0.1,
    dead_band=0.05,  # m/s, slower commands become zero
    resampling_time=5.0,  # s
    curriculum=curriculum.default_config(),
  )


def sample(
  rng: jax.Array,
  config: config_dict.ConfigDict,
  limit: jax.Array | None = None,
) -> jax.Array:
  """Draws a forward speed (1,) [m/s]: zero, or uniform over the range.

  Args:
    rng: of the draw.
    config: see `default_config`.
    limit: () [m/s] of the robot's curriculum; None without one.
  """
  lower, upper = config.lin_vel_x
  if limit is not None:
    rng, key = jax.random.split(rng)
    lower, upper = curriculum.bounds(key, limit, config)
  key_speed, key_standing = jax.random.split(rng)
  # v=U(lower, upper), zero with the standing probability.
  speed = jax.random.uniform(key_speed, (1,), minval=lower, maxval=upper)
  stand = jax.random.bernoulli(key_standing, config.standing_probability)
  return jp.where(stand | (speed < config.dead_band), 0.0, speed)


def style_share(
  speed: Any, speed_range: tuple[float, float], speed_fade: float
) -> Any:
  """How much style counts at commanded speeds, 0..1.

  Args:
    speed: (...) [m/s], a numpy or a jax array.
    speed_range: from where to where it counts fully [m/s].
    speed_fade: above, over which it ceases to count [m/s].
  """
  xp = speed.__array_namespace__()
  slowest, fastest = speed_range
  fade = xp.clip((speed - fastest) / speed_fade, 0.0, 1.0)
  return xp.where(speed >= slowest, 1.0 - fade, 0.0)


def is_standing(command: jax.Array) -> jax.Array:
  """() 1.0 when the command (1,) asks to stand, else 0.0."""
  return (command[0] == 0.0).astype(jp.float32)
