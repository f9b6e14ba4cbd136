"""Adversarial losses, each locked together with its style reward.

One object holds labels, loss and reward, so that they cannot drift apart: a
score at the fake label earns 0, at the real label 1.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jp

_BCE_FLOOR = 1e-4  # Bounds the reward of a sample taken for surely real.
_BCE_REAL = 0.99  # Probability that earns a style reward of 1.


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
  """How a discriminator is trained and what its score pays.

  Attributes:
    name: key in `LOSSES`.
    loss: (real scores (N,), fake scores (N,), label smoothing) -> () loss.
    reward: scores (...) -> style rewards (...), 0 at `fake_score`, 1 at
      `real_score`, monotone between.
    fake_score: the score that means "surely fake".
    real_score: the score that means "surely real".
    threshold: scores above count as real in the accuracy.
    smooths_labels: whether `loss` knows label smoothing.
  """

  name: str
  loss: Callable[[jax.Array, jax.Array, float], jax.Array]
  reward: Callable[[jax.Array], jax.Array]
  fake_score: float
  real_score: float
  threshold: float
  smooths_labels: bool = True

  def accuracy(self, real: jax.Array, fake: jax.Array) -> jax.Array:
    """() mean of the shares of real and of fake scores told apart rightly."""
    return 0.5 * jp.mean(real > self.threshold) + 0.5 * jp.mean(
      fake <= self.threshold
    )


def _lsgan_loss(
  real: jax.Array, fake: jax.Array, smoothing: float
) -> jax.Array:
  """Least squares to the labels 1 - smoothing and 0 (arXiv:1611.04076)."""
  real_error = jp.mean(jp.square(real - (1.0 - smoothing)))
  return 0.5 * real_error + 0.5 * jp.mean(jp.square(fake))


def _lsgan_reward(score: jax.Array) -> jax.Array:
  """clip(1 - (1 - D)², 0, 1), never falling beyond the real label."""
  return jp.clip(1.0 - jp.square(jp.clip(1.0 - score, min=0.0)), 0.0, 1.0)


def _bce_loss(real: jax.Array, fake: jax.Array, smoothing: float) -> jax.Array:
  """Cross-entropy of logits with the labels 1 - smoothing and 0."""
  label = 1.0 - smoothing
  real_loss = -label * jax.nn.log_sigmoid(real) - smoothing * (
    jax.nn.log_sigmoid(-real)
  )
  return 0.5 * jp.mean(real_loss) - 0.5 * jp.mean(jax.nn.log_sigmoid(-fake))


def _bce_reward(score: jax.Array) -> jax.Array:
  """-log(1 - sigmoid(D)), scaled to 1 where the probability is 0.99."""
  fake_probability = jp.maximum(jax.nn.sigmoid(-score), _BCE_FLOOR)
  return jp.log(fake_probability) / jp.log(1.0 - _BCE_REAL)


def _wgan_loss(real: jax.Array, fake: jax.Array, smoothing: float) -> jax.Array:
  """Critic loss on scores bounded by tanh (after arXiv:1701.07875)."""
  del smoothing  # A critic has no labels.
  return jp.mean(jp.tanh(fake)) - jp.mean(jp.tanh(real))


def _wgan_reward(score: jax.Array) -> jax.Array:
  """The bounded score, shifted to 0..1."""
  return 0.5 * (jp.tanh(score) + 1.0)


LOSSES = {
  "lsgan": AdversarialLoss(
    "lsgan", _lsgan_loss, _lsgan_reward, 0.0, 1.0, threshold=0.5
  ),
  "bce": AdversarialLoss(
    "bce",
    _bce_loss,
    _bce_reward,
    fake_score=-float("inf"),
    real_score=4.59511985013459,  # logit of 0.99
    threshold=0.0,
  ),
  "wgan": AdversarialLoss(
    "wgan",
    _wgan_loss,
    _wgan_reward,
    fake_score=-float("inf"),
    real_score=float("inf"),
    threshold=0.0,
    smooths_labels=False,
  ),
}
