"""One training iteration: collect, reward, discriminate, optimise.

The PPO half does what `brax.training.agents.ppo.train` does, key for key, out
of Brax's own parts; without a motion prior it yields the same parameters.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jp
import optax
from brax.envs.base import Env, State
from brax.training import acting, gradients, types
from brax.training.acme import running_statistics, specs
from brax.training.agents.ppo import losses, networks
from flax import struct

from wildrobot_playground.amp import guard, history
from wildrobot_playground.amp import prior as prior_lib

AXIS_NAME = "i"  # The device axis.

_FIELDS = (
  "truncation",
  "episode_metrics",
  "episode_done",
  guard.NONFINITE_KEY,
)

Metrics = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class PPOSettings:
  """Brax's PPO arguments, with Brax's names, meanings and defaults."""

  num_envs: int = 1
  episode_length: int = 1000
  action_repeat: int = 1
  learning_rate: float = 1e-4
  entropy_cost: float = 1e-4
  discounting: float = 0.9
  unroll_length: int = 10
  batch_size: int = 32
  num_minibatches: int = 16
  num_updates_per_batch: int = 2
  num_evals: int = 1
  num_resets_per_eval: int = 0
  normalize_observations: bool = False
  reward_scaling: float = 1.0
  clipping_epsilon: float = 0.3
  gae_lambda: float = 0.95
  max_grad_norm: float | None = None
  normalize_advantage: bool = True
  vf_loss_coefficient: float = 0.5
  network_factory: Callable[..., networks.PPONetworks] = (
    networks.make_ppo_networks
  )

  @property
  def steps_per_iteration(self) -> int:
    """Environment steps that one iteration collects, over all devices."""
    samples = self.batch_size * self.num_minibatches
    return samples * self.unroll_length * self.action_repeat


@struct.dataclass
class TrainingState:
  """All that is learnt; the same on every device, but for the replay buffer.

  Attributes:
    optimizer_state: of policy and value.
    params: policy and value parameters.
    normalizer_params: running statistics of the observations.
    env_steps: environment steps taken.
    prior: the motion prior's state; None without one.
  """

  optimizer_state: optax.OptState
  params: losses.PPONetworkParams
  normalizer_params: running_statistics.RunningStatisticsState
  env_steps: types.UInt64
  prior: prior_lib.PriorState | None


class Learner:
  """Initial state and iteration of PPO with an optional motion prior."""

  def __init__(
    self,
    env: Env,
    observation_size: types.ObservationSize,
    settings: PPOSettings,
    prior: prior_lib.MotionPrior | None,
  ):
    """Builds networks, optimiser and loss.

    Args:
      env: batched, auto-resetting environment.
      observation_size: shapes of the observations, without batch axes.
      settings: PPO's arguments.
      prior: the motion prior, or None for plain PPO.
    """
    self._env = env
    self._observation_size = observation_size
    self._settings = settings
    self._prior = prior
    normalize = (
      running_statistics.normalize
      if settings.normalize_observations
      else types.identity_observation_preprocessor
    )
    self._networks = settings.network_factory(
      observation_size,
      env.action_size,
      preprocess_observations_fn=normalize,
    )
    self.make_policy = networks.make_inference_fn(self._networks)
    self._optimizer = optax.adam(settings.learning_rate)
    if settings.max_grad_norm is not None:
      self._optimizer = optax.chain(
        optax.clip_by_global_norm(settings.max_grad_norm), self._optimizer
      )
    self._loss_and_grad = gradients.loss_and_pgrad(
      functools.partial(
        losses.compute_ppo_loss,
        ppo_network=self._networks,
        entropy_cost=settings.entropy_cost,
        discounting=settings.discounting,
        reward_scaling=settings.reward_scaling,
        gae_lambda=settings.gae_lambda,
        clipping_epsilon=settings.clipping_epsilon,
        normalize_advantage=settings.normalize_advantage,
        vf_coefficient=settings.vf_loss_coefficient,
      ),
      pmap_axis_name=AXIS_NAME,
      has_aux=True,
    )

  def init(self, rng: jax.Array) -> TrainingState:
    """A fresh training state; Brax's for the same key."""
    key_policy, key_value = jax.random.split(rng)
    params = losses.PPONetworkParams(
      policy=self._networks.policy_network.init(key_policy),
      value=self._networks.value_network.init(key_value),
    )
    observation = jax.tree.map(
      lambda shape: specs.Array(shape, jp.dtype("float32")),
      self._observation_size,
      is_leaf=lambda x: isinstance(x, tuple),
    )
    prior_state = None
    if self._prior is not None:
      prior_state = self._prior.init(jax.random.fold_in(rng, 1))
    return TrainingState(
      optimizer_state=self._optimizer.init(params),
      params=params,
      normalizer_params=running_statistics.init_state(observation),
      env_steps=types.UInt64(hi=0, lo=0),
      prior=prior_state,
    )

  def iterate(
    self, training_state: TrainingState, env_state: State, key: jax.Array
  ) -> tuple[TrainingState, State, jax.Array, Metrics]:
    """One iteration on one device's robots; call it under `AXIS_NAME`.

    Args:
      training_state: the same on every device.
      env_state: of this device's robots.
      key: this device's.

    Returns:
      The three arguments after the iteration, and metrics averaged over the
      devices.
    """
    key_sgd, key_unroll, new_key = jax.random.split(key, 3)
    env_state, data = self._collect(training_state, env_state, key_unroll)
    extras = data.extras["state_extras"]
    metrics = _episode_metrics(extras)
    metrics |= guard.count(extras[guard.NONFINITE_KEY], "robots", AXIS_NAME)
    prior_state = training_state.prior
    if self._prior is not None and prior_state is not None:
      data, prior_state, prior_metrics = _imitate(
        self._prior, prior_state, data, jax.random.fold_in(key, 1)
      )
      skipped = prior_metrics.pop("skipped")
      metrics |= {f"amp/{k}": v for k, v in prior_metrics.items()}
      metrics |= guard.count(skipped, "disc_updates", AXIS_NAME)
    data = _for_the_losses(data)
    normalizer_params = running_statistics.update(
      training_state.normalizer_params,
      data.observation,
      pmap_axis_name=AXIS_NAME,
    )
    (optimizer_state, params, _), loss_metrics = jax.lax.scan(
      functools.partial(self._pass, data, normalizer_params),
      (training_state.optimizer_state, training_state.params, key_sgd),
      (),
      length=self._settings.num_updates_per_batch,
    )
    skipped = loss_metrics.pop("skipped")
    metrics |= {f"training/{k}": jp.mean(v) for k, v in loss_metrics.items()}
    metrics |= guard.count(skipped, "updates", AXIS_NAME)
    training_state = TrainingState(
      optimizer_state=optimizer_state,
      params=params,
      normalizer_params=normalizer_params,
      env_steps=training_state.env_steps + self._settings.steps_per_iteration,
      prior=prior_state,
    )
    metrics = jax.lax.pmean(metrics, AXIS_NAME)
    return training_state, env_state, new_key, metrics

  def _collect(
    self, training_state: TrainingState, env_state: State, key: jax.Array
  ) -> tuple[State, types.Transition]:
    """Unrolls the policy; transitions lead with (batch, unroll_length)."""
    settings = self._settings
    policy = self.make_policy(
      (
        training_state.normalizer_params,
        training_state.params.policy,
        training_state.params.value,
      )
    )
    fields = _FIELDS
    if self._prior is not None:
      # The environment's own gate, if it has one, says where style counts.
      gate = ("amp_gate",) if "amp_gate" in env_state.info else ()
      fields += (history.WINDOW_KEY,) + gate

    def unroll(carry, _):
      state, current_key = carry
      current_key, next_key = jax.random.split(current_key)
      state, data = acting.generate_unroll(
        self._env,
        state,
        policy,
        current_key,
        settings.unroll_length,
        extra_fields=fields,
      )
      return (state, next_key), data

    (env_state, _), data = jax.lax.scan(
      unroll,
      (env_state, key),
      (),
      length=settings.batch_size
      * settings.num_minibatches
      // settings.num_envs,
    )
    data = jax.tree.map(lambda x: jp.swapaxes(x, 1, 2), data)
    return env_state, jax.tree.map(
      lambda x: jp.reshape(x, (-1,) + x.shape[2:]), data
    )

  def _pass(
    self,
    data: types.Transition,
    normalizer_params: running_statistics.RunningStatisticsState,
    carry: tuple[Any, Any, jax.Array],
    _: Any,
  ) -> tuple[tuple[Any, Any, jax.Array], Metrics]:
    """One pass over the shuffled data, a minibatch at a time."""
    optimizer_state, params, key = carry
    key, key_perm, key_grad = jax.random.split(key, 3)

    def shuffle(x: jax.Array) -> jax.Array:
      x = jax.random.permutation(key_perm, x)
      return jp.reshape(x, (self._settings.num_minibatches, -1) + x.shape[1:])

    (optimizer_state, params, _), metrics = jax.lax.scan(
      functools.partial(self._minibatch, normalizer_params),
      (optimizer_state, params, key_grad),
      jax.tree.map(shuffle, data),
      length=self._settings.num_minibatches,
    )
    return (optimizer_state, params, key), metrics

  def _minibatch(
    self,
    normalizer_params: running_statistics.RunningStatisticsState,
    carry: tuple[Any, Any, jax.Array],
    data: types.Transition,
  ) -> tuple[tuple[Any, Any, jax.Array], Metrics]:
    """One optimiser step of policy and value."""
    optimizer_state, params, key = carry
    key, key_loss = jax.random.split(key)
    (_, metrics), grads = self._loss_and_grad(
      params, normalizer_params, data, key_loss
    )
    params, optimizer_state, skipped = guard.apply_if_finite(
      self._optimizer, grads, optimizer_state, params
    )
    return (optimizer_state, params, key), {**metrics, "skipped": skipped}


def _imitate(
  prior: prior_lib.MotionPrior,
  state: prior_lib.PriorState,
  data: types.Transition,
  key: jax.Array,
) -> tuple[types.Transition, prior_lib.PriorState, Metrics]:
  """Pays style by the discriminator as it is, then updates it."""
  extras = data.extras["state_extras"]
  window = extras[history.WINDOW_KEY]
  gate = extras.get("amp_gate", jp.ones_like(data.reward))
  reward, reward_metrics = prior.reward(state, data.reward, window, gate)
  state, update_metrics = prior.update(
    state,
    window.reshape(-1, window.shape[-1]),
    gate.ravel(),
    key,
    AXIS_NAME,
  )
  return data._replace(reward=reward), state, reward_metrics | update_metrics


def _for_the_losses(data: types.Transition) -> types.Transition:
  """Drops what PPO's loss does not read, before it is shuffled about."""
  truncation = data.extras["state_extras"]["truncation"]
  return data._replace(
    extras={**data.extras, "state_extras": {"truncation": truncation}}
  )


def _episode_metrics(extras: Mapping[str, Any]) -> Metrics:
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
