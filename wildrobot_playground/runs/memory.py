"""How many robots fit into a device's memory, estimated from the arrays."""

from typing import Any

import jax
import numpy as np
from ml_collections import config_dict

_USABLE = 0.7  # share of the free memory that a run may take
# Copies of what a step leaves in an unroll: collected, shuffled, in flight.
# An iteration's measured memory is 0.9 of what three make.
_COPIES = 3


def bytes_needed(
  environment: Any, ppo: config_dict.ConfigDict, num_devices: int = 1
) -> int:
  """Bytes of a device that an iteration takes, about.

  The states of the robots with their first ones, and the steps of an unroll.

  Args:
    environment: a WildRobot environment.
    ppo: with `num_envs`, `batch_size`, `num_minibatches`, `unroll_length`.
    num_devices: that the robots are split over.
  """
  state = jax.eval_shape(environment.reset, jax.random.PRNGKey(0))
  robots = ppo.num_envs // num_devices
  steps = ppo.batch_size * ppo.num_minibatches * ppo.unroll_length
  # Both observations, features, and some scalars a step.
  step = 2 * _bytes(state.obs) + _bytes(state.info["amp_features"])
  step += _bytes(state.metrics) + 4 * (3 * environment.action_size + 16)
  return 2 * robots * _bytes(state) + _COPIES * steps // num_devices * step


def fitting(
  environment: Any,
  ppo: config_dict.ConfigDict,
  free: float,
  num_devices: int = 1,
) -> dict[str, int]:
  """`num_envs` and `batch_size` that fit: as they are, or halved until they do.

  Args:
    environment: a WildRobot environment.
    ppo: see `bytes_needed`; stays as it is.
    free: memory of a device [bytes].
    num_devices: that the robots are split over.
  """
  found = config_dict.ConfigDict(ppo)
  while (
    bytes_needed(environment, found, num_devices) > _USABLE * free
    and found.num_envs % (2 * num_devices) == 0
    and found.batch_size % (2 * num_devices) == 0
  ):
    found.num_envs //= 2
    found.batch_size //= 2
  return {"num_envs": found.num_envs, "batch_size": found.batch_size}


def _bytes(tree: Any) -> int:
  return sum(
    int(np.prod(leaf.shape)) * leaf.dtype.itemsize
    for leaf in jax.tree.leaves(tree)
  )
