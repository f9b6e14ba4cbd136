"""Targets that reach the servos late: a delay of whole control steps."""

from typing import Any

import jax
import jax.numpy as jp
from ml_collections import config_dict


def default_config() -> config_dict.ConfigDict:
  """No delay."""
  return config_dict.create(
    enable=False,
    action_steps=(0, 1),  # control steps, drawn for every episode
  )


def begin(
  config: config_dict.ConfigDict, rng: jax.Array, targets: jax.Array
) -> dict[str, jax.Array]:
  """What `info` keeps: nothing without a delay.

  Args:
    config: see `default_config`.
    rng: of the delay.
    targets: (nu,) that the servos hold.
  """
  if not config.enable:
    return {}
  steps = config.action_steps[1]
  return {
    "action_delay": sample(config, rng),
    "late_targets": jp.tile(targets, (steps, 1)),
  }


def sample(config: config_dict.ConfigDict, rng: jax.Array) -> jax.Array:
  """() a delay in control steps, low and high included."""
  low, high = config.action_steps
  return jax.random.randint(rng, (), low, high + 1)


def delay(info: dict[str, Any], targets: jax.Array) -> jax.Array:
  """(nu,) the targets that arrive now; those just sent are kept in `info`."""
  if "action_delay" not in info:
    return targets
  # Newest first.
  sent = jp.concatenate([targets[None], info["late_targets"]])
  info["late_targets"] = sent[:-1]
  return sent[info["action_delay"]]
