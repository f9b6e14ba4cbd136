"""What becomes of collected transitions, before PPO's losses see them."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jp
from brax.training import types

TIME_OUT_KEY = "time_out"


def bootstrapped(
  data: types.Transition, discounting: float
) -> types.Transition:
  """Pays what an episode that only ran out of time would still have earned."""
  time_out = data.extras["state_extras"][TIME_OUT_KEY]
  value = data.extras["policy_extras"]["value"]
  return data._replace(reward=data.reward + discounting * time_out * value)


def for_the_losses(data: types.Transition) -> types.Transition:
  """Drops what PPO's loss does not read, before it is shuffled about."""
  truncation = data.extras["state_extras"]["truncation"]
  return data._replace(
    extras={**data.extras, "state_extras": {"truncation": truncation}}
  )


def episode_metrics(extras: Mapping[str, Any]) -> dict[str, jax.Array]:
  """Totals over the episodes that ended, for means over many iterations.

  Returns:
    `episode_sum/<name>`: the metric summed over these episodes, and
    `episode_sum/count`: how many they are.
  """
  done = extras["episode_done"]
  totals = {
    f"episode_sum/{name}": jp.where(done > 0, value, 0.0).sum()
    for name, value in extras["episode_metrics"].items()
  }
  return totals | {"episode_sum/count": jp.sum(done)}
