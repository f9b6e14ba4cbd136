"""Forward-velocity commands: drawn at random, zero for standing episodes."""

import jax
import jax.numpy as jp
from ml_collections import config_dict


def default_config() -> config_dict.ConfigDict:
  """Range and timing of the commands."""
  return config_dict.create(
    lin_vel_x=(0.0, 1.0),  # m/s
    standing_probability=0.1,
    dead_band=0.05,  # m/s, slower commands become zero
    resampling_time=5.0,  # s
  )


def sample(rng: jax.Array, config: config_dict.ConfigDict) -> jax.Array:
  """Draws a forward speed (1,) [m/s]: zero, or uniform over the range."""
  key_speed, key_standing = jax.random.split(rng)
  lower, upper = config.lin_vel_x
  # v=U(lower, upper), zero with the standing probability.
  speed = jax.random.uniform(key_speed, (1,), minval=lower, maxval=upper)
  stand = jax.random.bernoulli(key_standing, config.standing_probability)
  return jp.where(stand | (speed < config.dead_band), 0.0, speed)


def is_standing(command: jax.Array) -> jax.Array:
  """() 1.0 when the command (1,) asks to stand, else 0.0."""
  return (command[0] == 0.0).astype(jp.float32)
