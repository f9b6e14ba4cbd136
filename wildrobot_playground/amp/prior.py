"""The adversarial motion prior as one object: style rewards and update."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jp
import numpy as np
from flax import struct
from ml_collections import config_dict

from wildrobot_playground.amp import discriminator as discriminator_lib
from wildrobot_playground.amp import mixing, tuning
from wildrobot_playground.amp import replay as replay_lib
from wildrobot_playground.features import distance, separability, windows
from wildrobot_playground.features.dataset import ReferenceDataset


@struct.dataclass
class PriorState:
  """What the prior learns and keeps.

  Attributes:
    discriminator: parameters and optimiser state.
    replay: past policy windows, split over the devices; None without replay.
    tuned: the discriminator's settings; None where they are the config's.
  """

  discriminator: discriminator_lib.DiscriminatorState
  replay: replay_lib.ReplayBuffer | None
  tuned: tuning.Settings | None


@dataclasses.dataclass(frozen=True)
class MotionPrior:
  """Pure functions of a prior with a fixed configuration and reference.

  Attributes:
    discriminator: scores windows.
    mix: joins task and style reward.
    config: the `amp` configuration.
    style_scale: what a perfect style pays a control step.
    windows: (M, F) reference windows.
    cumulative: (M,) cumulative sampling weights, the last one 1.
    reference_quantiles: (Q, F) of single feature vectors.
    feature_std: (F,) the reference's standard deviations, floored.
    feature_names: of the F features.
  """

  discriminator: discriminator_lib.Discriminator
  mix: mixing.MixFn
  config: config_dict.ConfigDict
  style_scale: float
  windows: jax.Array
  cumulative: jax.Array
  reference_quantiles: jax.Array
  feature_std: jax.Array
  feature_names: tuple[str, ...]

  def init(self, rng: jax.Array) -> PriorState:
    """A fresh state; the same on every device for the same key."""
    replay = None
    if self.config.replay_size > 0:
      replay = replay_lib.create(
        self.config.replay_size, self.windows.shape[-1]
      )
    tuned = None
    if self.config.auto_tune:
      tuned = tune(tuning.Settings.of(self.config))
    return PriorState(self.discriminator.init(rng), replay, tuned)

  def reward(
    self,
    state: PriorState,
    task: jax.Array,
    window: jax.Array,
    gate: jax.Array,
  ) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Mixes the style reward in.

    Args:
      state: before this iteration's update.
      task: (B, T) task rewards.
      window: (B, T, F) policy windows of the same steps.
      gate: (B, T) 0..1, how much style counts.

    Returns:
      (B, T) rewards, and metrics of the style reward where it counts.
    """
    style = self.discriminator.style_reward(state.discriminator, window)
    total = jp.maximum(jp.sum(gate), 1.0)
    mean = jp.sum(gate * style) / total
    variance = jp.sum(gate * jp.square(style - mean)) / total
    mixed = self.mix(task, style, gate, self.config.weight, self.style_scale)
    return mixed, {
      "style_reward": mean,
      "style_reward_std": jp.sqrt(variance),
      "task_reward": jp.mean(task),
    }

  def update(
    self,
    state: PriorState,
    window: jax.Array,
    gate: jax.Array,
    rng: jax.Array,
    axis_name: str | None = None,
  ) -> tuple[PriorState, dict[str, jax.Array]]:
    """All of an iteration's discriminator updates.

    Args:
      state: before the updates.
      window: (N, F) policy windows.
      gate: (N,) 0..1, how much style counts, and how often to sample.
      rng: for sampling and noise.
      axis_name: device axis, if any.

    Returns:
      The state after the updates, the updates' mean metrics, and `skipped`
      (U,) of each.
    """
    config, tuned = self.config, state.tuned
    key_fake, key_real, key_replay, key_loss = jax.random.split(rng, 4)
    most = config.disc_updates
    if tuned is not None:
      most = max(most, tuning.HIGHEST.disc_updates)
    shape = (most, config.disc_batch_size)
    # A floor lets an iteration without any gated step sample something.
    cumulative = jp.cumsum(gate + 1e-6)
    fake = window[_choose(key_fake, cumulative / cumulative[-1], shape)]
    real = self.windows[_choose(key_real, self.cumulative, shape)]
    replay, trained_on = self._replay(state.replay, fake, key_replay)

    def step(disc, batch):
      return self.discriminator.update(
        disc, *batch, axis_name=axis_name, tuned=tuned
      )

    keys = jax.random.split(key_loss, most)
    disc, metrics = _scan(
      step, state.discriminator, (real, trained_on, keys), tuned
    )
    metrics |= self._nearness(window, gate, key_fake)
    return PriorState(disc, replay, tuned), metrics

  def _replay(
    self,
    buffer: replay_lib.ReplayBuffer | None,
    fake: jax.Array,
    rng: jax.Array,
  ) -> tuple[replay_lib.ReplayBuffer | None, jax.Array]:
    """Remembers `fake` (U, N, F) and mixes remembered windows into it."""
    if buffer is None:
      return None, fake
    rows = fake.reshape(-1, fake.shape[-1])
    mixed = replay_lib.mix(buffer, rows, rng).reshape(fake.shape)
    return replay_lib.insert(buffer, rows[: buffer.data.shape[0]]), mixed

  def _nearness(
    self, window: jax.Array, gate: jax.Array, rng: jax.Array
  ) -> dict[str, jax.Array]:
    """How far the newest feature vectors are from the reference's.

    `style_distance` () in all, and `auc/<feature>` () of every single one.
    """
    cumulative = jp.cumsum(gate + 1e-6)
    index = _choose(rng, cumulative / cumulative[-1], (distance.NUM_QUANTILES,))
    newest = window[index][:, -self.feature_std.shape[0] :]
    aucs = separability.auc(self.reference_quantiles, newest)
    return {
      "style_distance": jp.mean(
        distance.wasserstein(newest, self.reference_quantiles, self.feature_std)
      ),
      **{f"auc/{name}": aucs[i] for i, name in enumerate(self.feature_names)},
    }


def _scan(
  step: Any,
  disc: discriminator_lib.DiscriminatorState,
  batches: Any,
  tuned: tuning.Settings | None,
) -> tuple[discriminator_lib.DiscriminatorState, dict[str, jax.Array]]:
  """All updates, or as many as are `tuned`; means of their metrics.

  `skipped` (U,) is not averaged.
  """
  if tuned is None:
    disc, metrics = jax.lax.scan(step, disc, batches)
    skipped = metrics.pop("skipped")
    return disc, {**jax.tree.map(jp.mean, metrics), "skipped": skipped}
  first = jax.tree.map(lambda x: x[0], batches)
  shapes = jax.eval_shape(step, disc, first)[1]

  def maybe(disc, indexed):
    index, batch = indexed
    nothing = jax.tree.map(lambda x: jp.zeros(x.shape, x.dtype), shapes)
    return jax.lax.cond(
      index < tuned.disc_updates,
      step,
      lambda disc, _: (disc, nothing),
      disc,
      batch,
    )

  most = jax.tree.leaves(batches)[0].shape[0]
  disc, metrics = jax.lax.scan(maybe, disc, (jp.arange(most), batches))
  skipped = metrics.pop("skipped")
  means = jax.tree.map(lambda x: jp.sum(x) / tuned.disc_updates, metrics)
  return disc, {**means, "skipped": skipped}


def tune(settings: tuning.Settings) -> tuning.Settings:
  """Settings as arrays, for a `PriorState`."""
  return tuning.Settings(
    jp.asarray(settings.disc_lr, jp.float32),
    jp.asarray(settings.disc_updates, jp.int32),
    jp.asarray(settings.disc_grad_penalty, jp.float32),
    jp.asarray(settings.disc_input_noise, jp.float32),
  )


def _choose(
  rng: jax.Array, cumulative: jax.Array, shape: tuple[int, ...]
) -> jax.Array:
  """Indices of the given shape, drawn by cumulative probability (N,)."""
  index = jp.searchsorted(cumulative, jax.random.uniform(rng, shape))
  return jp.minimum(index, cumulative.shape[0] - 1)


def check_config(config: config_dict.ConfigDict) -> None:
  """Raises ValueError, naming the known ones, for an unknown `mixing`."""
  if config.mixing not in mixing.MIXINGS:
    raise ValueError(
      f"amp.mixing '{config.mixing}' is unknown; choose one of"
      f" {', '.join(mixing.MIXINGS)}"
    )


def make_prior(
  config: config_dict.ConfigDict,
  reference: ReferenceDataset,
  style_scale: float,
) -> MotionPrior:
  """Builds the prior that `config` describes.

  Args:
    config: see `config.amp_config`.
    reference: the features to imitate.
    style_scale: what a perfect style pays a control step.

  Raises:
    ValueError: for a configuration or a reference that cannot be used.
  """
  check_config(config)
  rows, weights = windows.of_dataset(reference, config.history)
  mean, std = (
    jp.asarray(np.tile(x, config.history), jp.float32)
    for x in (reference.mean, reference.std)
  )
  cumulative = np.cumsum(weights, dtype=np.float64)
  return MotionPrior(
    discriminator=discriminator_lib.make_discriminator(config, mean, std),
    mix=mixing.MIXINGS[config.mixing].mix,
    config=config,
    style_scale=style_scale,
    windows=jp.asarray(rows, jp.float32),
    cumulative=jp.asarray(cumulative / cumulative[-1], jp.float32),
    reference_quantiles=jp.asarray(
      distance.quantiles(reference.features, reference.weights),
      jp.float32,
    ),
    feature_std=jp.asarray(reference.std, jp.float32),
    feature_names=reference.layout.names,
  )
