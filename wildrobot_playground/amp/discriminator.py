"""The discriminator: network, penalties and its update."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jp
import optax
from flax import linen, struct
from ml_collections import config_dict

from wildrobot_playground.amp import adversarial, guard, tuning

Params = Mapping[str, Any]

ACTIVATIONS = {
  "elu": linen.elu,
  "relu": linen.relu,
  "swish": linen.swish,
  "tanh": linen.tanh,
}
OPTIMIZERS = {"adam": optax.adam, "sgd": optax.sgd}


class DiscriminatorNetwork(linen.Module):
  """A perceptron from a feature window (..., F) to a score (...).

  Attributes:
    hidden_layer_sizes: widths of the hidden layers.
    activation: between the layers.
    spectral_norm: bounds every layer's gain; its state is in `batch_stats`.
  """

  hidden_layer_sizes: Sequence[int]
  activation: Callable[[jax.Array], jax.Array]
  spectral_norm: bool

  @linen.compact
  def __call__(self, window: jax.Array, update_stats: bool) -> jax.Array:
    """Scores windows; `update_stats` advances the spectral norm's state."""
    x = window
    for size in self.hidden_layer_sizes:
      x = self.activation(self._dense(size, x, update_stats))
    return self._dense(1, x, update_stats)[..., 0]

  def _dense(self, size: int, x: jax.Array, update_stats: bool) -> jax.Array:
    layer = linen.Dense(size)
    if self.spectral_norm:
      return linen.SpectralNorm(layer)(x, update_stats=update_stats)
    return layer(x)


@struct.dataclass
class DiscriminatorState:
  """What the discriminator learns and keeps.

  Attributes:
    variables: `params`, and `batch_stats` under spectral norm.
    optimizer_state: of its own optimiser, never the policy's.
  """

  variables: Params
  optimizer_state: optax.OptState


@dataclasses.dataclass(frozen=True)
class Discriminator:
  """Pure functions of a discriminator with a fixed configuration.

  Attributes:
    network: maps normalised windows to scores.
    adversarial: loss and style reward.
    optimizer: of the discriminator alone.
    config: the `amp` configuration.
    mean: (F,) subtracted from a window.
    std: (F,) divides it then.
  """

  network: DiscriminatorNetwork
  adversarial: adversarial.AdversarialLoss
  optimizer: optax.GradientTransformation
  config: config_dict.ConfigDict
  mean: jax.Array
  std: jax.Array

  def init(self, rng: jax.Array) -> DiscriminatorState:
    """Fresh parameters and optimiser state."""
    variables = self.network.init(rng, self.mean, update_stats=False)
    return DiscriminatorState(
      variables, self.optimizer.init(variables["params"])
    )

  def normalize(self, window: jax.Array) -> jax.Array:
    """Windows (..., F) in the reference's standard deviations."""
    return (window - self.mean) / self.std

  def score(self, state: DiscriminatorState, window: jax.Array) -> jax.Array:
    """Scores (...) of windows (..., F) in physical units."""
    return self._apply(state.variables, self.normalize(window))

  def style_reward(
    self, state: DiscriminatorState, window: jax.Array
  ) -> jax.Array:
    """Style rewards (...), 0 to about 1, of windows (..., F)."""
    return self.adversarial.reward(self.score(state, window))

  def update(
    self,
    state: DiscriminatorState,
    real: jax.Array,
    fake: jax.Array,
    rng: jax.Array,
    axis_name: str | None = None,
    tuned: tuning.Settings | None = None,
  ) -> tuple[DiscriminatorState, dict[str, jax.Array]]:
    """One optimiser step.

    Args:
      state: before the step.
      real: (N, F) reference windows, physical units.
      fake: (N, F) policy windows.
      rng: for the input noise and the penalty's interpolation.
      axis_name: device axis over which gradients and metrics are averaged.
      tuned: rate, penalty and noise to use in place of the config's.

    Returns:
      The state after the step, and `disc_*` metrics of the step; `skipped` is
      not 0 when a gradient was not finite and the step was left out.
    """
    variables = self._refresh_stats(state.variables, fake)
    static = {k: v for k, v in variables.items() if k != "params"}
    optimizer = self.optimizer
    penalty = self.config.disc_grad_penalty
    noise = self.config.disc_input_noise
    if tuned is not None:
      penalty, noise = tuned.disc_grad_penalty, tuned.disc_input_noise
      # The last thing that the optimiser does is to multiply by its rate.
      optimizer = _rescaled(optimizer, tuned.disc_lr / self.config.disc_lr)

    def loss(params: Params) -> tuple[jax.Array, dict[str, jax.Array]]:
      variables = {"params": params, **static}
      return self._loss(variables, real, fake, rng, penalty, noise)

    grads, metrics = jax.grad(loss, has_aux=True)(variables["params"])
    if axis_name is not None:
      grads, metrics = jax.lax.pmean((grads, metrics), axis_name)
    params, optimizer_state, skipped = guard.apply_if_finite(
      optimizer, grads, state.optimizer_state, variables["params"]
    )
    return DiscriminatorState({"params": params, **static}, optimizer_state), {
      **metrics,
      "skipped": skipped,
    }

  def _apply(self, variables: Params, normalized: jax.Array) -> jax.Array:
    scores = self.network.apply(variables, normalized, update_stats=False)
    return cast(jax.Array, scores)

  def _refresh_stats(self, variables: Params, fake: jax.Array) -> Params:
    """Advances the spectral norm's power iteration, if there is one."""
    if not self.config.spectral_norm:
      return variables
    _, stats = self.network.apply(
      variables,
      self.normalize(fake),
      update_stats=True,
      mutable=["batch_stats"],
    )
    return {**variables, **stats}

  def _loss(
    self,
    variables: Params,
    real: jax.Array,
    fake: jax.Array,
    rng: jax.Array,
    penalty_weight: Any,
    noise: Any,
  ) -> tuple[jax.Array, dict[str, jax.Array]]:
    config = self.config
    key_real, key_fake, key_penalty = jax.random.split(rng, 3)
    real, fake = self.normalize(real), self.normalize(fake)
    if config.auto_tune or noise > 0:
      real += noise * jax.random.normal(key_real, real.shape)
      fake += noise * jax.random.normal(key_fake, fake.shape)
    real_score = self._apply(variables, real)
    fake_score = self._apply(variables, fake)
    loss = self.adversarial.loss(
      real_score, fake_score, config.disc_label_smoothing
    )
    penalty = PENALTIES[config.disc_penalty_type](
      lambda x: self._apply(variables, x),
      real,
      fake,
      key_penalty,
      penalty_weight,
    )
    total = loss + penalty
    if config.disc_logit_reg > 0:
      total += config.disc_logit_reg * _last_kernel_norm(variables["params"])
    return total, {
      "disc_loss": loss,
      "disc_penalty": penalty,
      "disc_acc": self.adversarial.accuracy(real_score, fake_score),
      "disc_real_mean": jp.mean(real_score),
      "disc_real_std": jp.std(real_score),
      "disc_fake_mean": jp.mean(fake_score),
      "disc_fake_std": jp.std(fake_score),
    }


def _rescaled(
  optimizer: optax.GradientTransformation, factor: Any
) -> optax.GradientTransformation:
  """The optimiser with its updates multiplied by `factor` ()."""

  def update(grads: Any, state: Any, params: Any = None) -> Any:
    updates, state = optimizer.update(grads, state, params)
    return jax.tree.map(lambda x: factor * x, updates), state

  return optax.GradientTransformation(optimizer.init, update)


ScoreFn = Callable[[jax.Array], jax.Array]


def _squared_gradient(score: ScoreFn, x: jax.Array) -> jax.Array:
  """(N,) squared norm of the score's gradient at every row of x (N, F)."""
  gradient = jax.grad(lambda rows: jp.sum(score(rows)))(x)
  return jp.sum(jp.square(gradient), axis=-1)


def _r1(
  score: ScoreFn,
  real: jax.Array,
  fake: jax.Array,
  rng: jax.Array,
  weight: Any,
) -> jax.Array:
  """Weight / 2 · E|∇D(real)|² (arXiv:1801.04406)."""
  del fake, rng
  return 0.5 * weight * jp.mean(_squared_gradient(score, real))


def _r1_both(
  score: ScoreFn,
  real: jax.Array,
  fake: jax.Array,
  rng: jax.Array,
  weight: Any,
) -> jax.Array:
  """The mean of R1 on the real and on the fake rows."""
  del rng
  rows = jp.concatenate([real, fake])
  return 0.5 * weight * jp.mean(_squared_gradient(score, rows))


def _wgan_gp(
  score: ScoreFn,
  real: jax.Array,
  fake: jax.Array,
  rng: jax.Array,
  weight: Any,
) -> jax.Array:
  """Weight · E(|∇D| - 1)² between real and fake rows (arXiv:1704.00028)."""
  share = jax.random.uniform(rng, (real.shape[0], 1))
  squared = _squared_gradient(score, share * real + (1 - share) * fake)
  norm = jp.sqrt(jp.maximum(squared, 1e-12))
  return weight * jp.mean(jp.square(norm - 1.0))


PENALTIES = {"r1": _r1, "r1_both": _r1_both, "wgan_gp": _wgan_gp}


def _last_kernel_norm(params: Params) -> jax.Array:
  """Squared norm of the output layer's kernel: the only one that is (_, 1)."""
  (kernel,) = [x for x in jax.tree.leaves(params) if x.shape[1:] == (1,)]
  return jp.sum(jp.square(kernel))


def make_discriminator(
  config: config_dict.ConfigDict, mean: jax.Array, std: jax.Array
) -> Discriminator:
  """Builds the discriminator that `config` describes.

  Args:
    config: see `config.amp_config`.
    mean: (F,) mean of a window.
    std: (F,) standard deviation, floored.

  Raises:
    ValueError: for an unknown choice, naming the known ones, and for label
      smoothing with a loss that has no labels.
  """
  for key, known in (
    ("loss", adversarial.LOSSES),
    ("disc_penalty_type", PENALTIES),
    ("disc_activation", ACTIVATIONS),
    ("disc_optimizer", OPTIMIZERS),
  ):
    if config[key] not in known:
      raise ValueError(
        f"amp.{key} '{config[key]}' is unknown; choose one of"
        f" {', '.join(known)}"
      )
  loss = adversarial.LOSSES[config.loss]
  if config.disc_label_smoothing > 0 and not loss.smooths_labels:
    raise ValueError(
      f"amp.disc_label_smoothing does nothing with amp.loss={config.loss};"
      " set it to 0"
    )
  optimizer = OPTIMIZERS[config.disc_optimizer](config.disc_lr)
  if config.disc_weight_decay > 0:
    optimizer = optax.chain(
      optax.add_decayed_weights(config.disc_weight_decay), optimizer
    )
  network = DiscriminatorNetwork(
    tuple(config.disc_hidden_layer_sizes),
    ACTIVATIONS[config.disc_activation],
    config.spectral_norm,
  )
  return Discriminator(network, loss, optimizer, config, mean, std)
