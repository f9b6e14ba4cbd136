"""What a training is made of: robots that reset, a prior that fits, guards."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import mujoco_playground
from brax import envs
from ml_collections import config_dict

from wildrobot_playground.amp import guard, mixing, prior, transitions
from wildrobot_playground.amp.arguments import PPOSettings
from wildrobot_playground.amp.learner import TrainingState
from wildrobot_playground.features.dataset import ReferenceDataset


def wrap(
  environment: Any,
  num_envs: int,
  key: jax.Array,
  wrap_env_fn: Callable[..., Any] | None,
  randomization_fn: Callable[..., Any] | None,
  settings: PPOSettings,
) -> Any:
  """Batches the environment and lets it reset itself, unless it does so."""
  if not settings.wrap_env:
    return environment
  native = isinstance(environment, mujoco_playground.MjxEnv)
  make: Callable[..., Any] = wrap_env_fn or (
    mujoco_playground.wrapper.wrap_for_brax_training
    if native
    else envs.training.wrap
  )
  if randomization_fn is not None:
    randomization_fn = functools.partial(
      randomization_fn, rng=jax.random.split(key, num_envs)
    )
  return make(
    environment,
    episode_length=settings.episode_length,
    action_repeat=settings.action_repeat,
    randomization_fn=randomization_fn,
  )


def check(env: Any, keys: jax.Array, settings: PPOSettings) -> None:
  """Raises ValueError where a wrapped environment lacks what PPO was asked."""
  info = jax.eval_shape(env.reset, keys).info
  name = transitions.TIME_OUT_KEY
  if settings.bootstrap_on_timeout and name not in info:
    raise ValueError(
      f"bootstrap_on_timeout needs an environment that says in info['{name}']"
      " whether an episode ended because its time was up"
    )


def make_prior(
  amp: config_dict.ConfigDict,
  reference: ReferenceDataset | None,
  environment: Any,
  env: Any,
  keys: jax.Array,
) -> prior.MotionPrior:
  """The motion prior, once environment and reference describe the same."""
  if reference is None:
    raise ValueError("amp.weight > 0 needs a reference; pass `reference=`")
  for name in ("dt", "velocity_mode"):
    made_for = getattr(reference, name)
    actual = getattr(environment, name, made_for)
    if actual != made_for:
      raise ValueError(
        f"the reference's {name} is {made_for}, the environment's is {actual};"
        " build the reference for this environment"
      )
  info = jax.eval_shape(env.reset, keys).info
  if "amp_features" not in info:
    raise ValueError(
      "the environment's info has no 'amp_features'; emit the feature vector"
      " in its step, or set amp.weight=0"
    )
  size = info["amp_features"].shape[-1]
  if size != reference.features.shape[1]:
    raise ValueError(
      f"the environment emits {size} features, the reference has"
      f" {reference.features.shape[1]}"
    )
  prior.check_config(amp)
  return prior.make_prior(amp, reference, style_scale(amp, environment))


def style_scale(amp: config_dict.ConfigDict, environment: Any) -> float:
  """What a perfect style pays a control step.

  Raises:
    ValueError: when neither the config nor the environment says.
  """
  per_second = (
    amp.style_reward_scale
    or mixing.MIXINGS[amp.mixing].style_per_second
    or getattr(environment, "max_task_reward", None)
  )
  if not per_second:
    raise ValueError(
      f"amp.mixing={amp.mixing} needs to know the most that the task can pay"
      " per second: set amp.style_reward_scale"
    )
  return per_second * getattr(environment, "dt", 1.0)


def watch(
  guarded: guard.GuardWrapper,
  settings: PPOSettings,
  amp: config_dict.ConfigDict | None,
  state: TrainingState,
) -> guard.Watch:
  """What reads the guards' metrics of robots and learners."""
  names = {
    "robots": guarded.names,
    "updates": guard.update_names(state.params, state.optimizer_state),
  }
  totals = {
    "robots": settings.num_envs,
    "updates": settings.num_updates_per_batch * settings.num_minibatches,
  }
  if amp is not None and state.prior is not None:
    disc = state.prior.discriminator
    names["disc_updates"] = guard.update_names(
      disc.variables["params"], disc.optimizer_state
    )
    totals["disc_updates"] = amp.disc_updates
  return guard.Watch(names, totals)
