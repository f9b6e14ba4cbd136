"""Adam for policy and value, at a fixed rate or one that follows the KL."""

from typing import Any

import jax
import jax.numpy as jp
import optax
from brax.training.agents.ppo import optimizer as brax_optimizer

from wildrobot_playground.amp.arguments import PPOSettings


def make(settings: PPOSettings) -> optax.GradientTransformation:
  """The optimiser of these settings; Brax's."""
  adam = optax.adam
  if settings.adapts_learning_rate:
    adam = optax.inject_hyperparams(optax.adam)
  optimizer = adam(learning_rate=settings.learning_rate)
  if settings.max_grad_norm is None:
    return optimizer
  return optax.chain(
    optax.clip_by_global_norm(settings.max_grad_norm), optimizer
  )


def adapt(
  settings: PPOSettings, state: optax.OptState, kl: jax.Array, axis_name: str
) -> tuple[Any, jax.Array]:
  """The optimiser's state with the next learning rate, and that rate.

  Args:
    settings: PPO's.
    state: of an optimiser of `make`.
    kl: () divergence of the policy from the one that collected the data.
    axis_name: device axis over which it is averaged.
  """
  if not settings.adapts_learning_rate:
    return state, jp.array(settings.learning_rate)
  return brax_optimizer.adaptive_kl_learning_rate(
    state,
    jax.lax.pmean(kl, axis_name),
    settings.desired_kl,
    min_learning_rate=settings.learning_rate_schedule_min_lr,
    max_learning_rate=settings.learning_rate_schedule_max_lr,
  )
