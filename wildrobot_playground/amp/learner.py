"""One training iteration: collect, reward, discriminate, optimise.

The PPO half does what `brax.training.agents.ppo.train` does, key for key, out
of Brax's own parts; without a motion prior it yields the same parameters.
"""

import functools
from typing import Any

import jax
import jax.numpy as jp
import optax
from brax.envs.base import Env, State
from brax.training import acting, gradients, types
from brax.training.acme import running_statistics, specs
from brax.training.agents.ppo import losses, networks
from flax import struct

from wildrobot_playground.amp import (
  guard,
  history,
  optimizing,
  pixels,
  transitions,
)
from wildrobot_playground.amp import prior as prior_lib
from wildrobot_playground.amp.arguments import PPOSettings

AXIS_NAME = "i"  # The device axis.

_FIELDS = (
  "truncation",
  "episode_metrics",
  "episode_done",
  guard.NONFINITE_KEY,
)


Metrics = dict[str, jax.Array]


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
    self.make_policy = networks.make_inference_fn(
      self._networks,
      compute_value=settings.needs_values,
      use_distributional_critic=settings.use_distributional_critic,
    )
    self._optimizer = optimizing.make(settings)
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
        clipping_epsilon_value=settings.clipping_epsilon_value,
        use_distributional_critic=settings.use_distributional_critic,
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
      normalizer_params=running_statistics.init_state(
        pixels.without(observation),
        std_eps=self._settings.normalize_observations_std_eps,
        mode=self._settings.normalize_observations_mode,
      ),
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
    metrics = transitions.episode_metrics(extras)
    metrics |= guard.count(extras[guard.NONFINITE_KEY], "robots", AXIS_NAME)
    prior_state = training_state.prior
    if self._prior is not None and prior_state is not None:
      data, prior_state, prior_metrics = _imitate(
        self._prior, prior_state, data, jax.random.fold_in(key, 1)
      )
      skipped = prior_metrics.pop("skipped")
      metrics |= {f"amp/{k}": v for k, v in prior_metrics.items()}
      metrics |= guard.count(skipped, "disc_updates", AXIS_NAME)
    if self._settings.bootstrap_on_timeout:
      data = transitions.bootstrapped(data, self._settings.discounting)
    data = transitions.for_the_losses(data)
    normalizer_params = training_state.normalizer_params
    if not self._settings.adapts_learning_rate:
      normalizer_params = self._normalizer(normalizer_params, data)
    (optimizer_state, params, _), loss_metrics = jax.lax.scan(
      functools.partial(self._pass, data, normalizer_params),
      (training_state.optimizer_state, training_state.params, key_sgd),
      (),
      length=self._settings.num_updates_per_batch,
    )
    if self._settings.adapts_learning_rate:
      # Later, for the losses compare with what the policy did as it was.
      normalizer_params = self._normalizer(normalizer_params, data)
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

  def _normalizer(
    self,
    state: running_statistics.RunningStatisticsState,
    data: types.Transition,
  ) -> running_statistics.RunningStatisticsState:
    """The running statistics, with the data's observations."""
    return running_statistics.update(
      state,
      pixels.without(data.observation),
      pmap_axis_name=AXIS_NAME,
      until_count=self._settings.normalize_until_count,
    )

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
    if settings.bootstrap_on_timeout:
      fields += (transitions.TIME_OUT_KEY,)
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
    if self._settings.augment_pixels:
      key, key_shift = jax.random.split(key)
      data = data._replace(
        observation=pixels.shifted(data.observation, key_shift),
        next_observation=pixels.shifted(data.next_observation, key_shift),
      )

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
    optimizer_state, rate = optimizing.adapt(
      self._settings, optimizer_state, metrics["kl_mean"], AXIS_NAME
    )
    params, optimizer_state, skipped = guard.apply_if_finite(
      self._optimizer, grads, optimizer_state, params
    )
    metrics |= {"learning_rate": rate, "skipped": skipped}
    return (optimizer_state, params, key), metrics


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
