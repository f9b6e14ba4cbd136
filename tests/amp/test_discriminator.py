import itertools

import jax
import jax.numpy as jp
import numpy as np
import optax
import pytest
from flax import linen

from tests.amp.discriminators import (
  KEY,
  MEAN,
  PLAIN,
  SIZE,
  STD,
  linear,
  make,
  make_batch,
)
from wildrobot_playground.amp import adversarial, discriminator
from wildrobot_playground.envs import presets as config_lib


@pytest.fixture(scope="module")
def batch():
  return make_batch()


def kernel(state):
  """(5,) weights of a linear discriminator."""
  return np.asarray(state.variables["params"]["Dense_0"]["kernel"])[:, 0]


def penalty(batch, **changes):
  """A linear discriminator's weights, and its penalty."""
  disc = linear(**changes)
  state = disc.init(KEY)
  _, metrics = disc.update(state, *batch, KEY)
  return kernel(state), float(metrics["disc_penalty"])


@pytest.mark.parametrize("kind", ["r1", "r1_both"])
def test_r1_is_half_the_weight_times_the_squared_gradient(batch, kind):
  weights, found = penalty(batch, disc_penalty_type=kind, disc_grad_penalty=5.0)
  assert found == pytest.approx(2.5 * np.sum(weights**2), rel=1e-5)


def test_wgan_gp_is_the_weight_times_the_squared_gap_to_one(batch):
  weights, found = penalty(
    batch, disc_penalty_type="wgan_gp", disc_grad_penalty=15.0
  )
  gap = np.linalg.norm(weights) - 1
  assert abs(gap) > 0.01
  assert found == pytest.approx(15.0 * gap**2, rel=1e-4)


def test_penalties_look_at_the_rows_they_name():
  real, fake = jp.ones((4, 2)), -3.0 * jp.ones((4, 2))

  def score(x):  # Its gradient is x.
    return 0.5 * jp.sum(jp.square(x), axis=-1)

  def value(kind):
    return float(discriminator.PENALTIES[kind](score, real, fake, KEY, 2.0))

  assert value("r1") == pytest.approx(2.0)
  assert value("r1_both") == pytest.approx((2.0 + 18.0) / 2)
  # Between the two, at t = u - 3(1 - u) along the diagonal.
  share = np.asarray(jax.random.uniform(KEY, (4, 1)))[:, 0]
  norm = np.sqrt(2) * np.abs(4 * share - 3)
  assert value("wgan_gp") == pytest.approx(
    2 * np.mean((norm - 1) ** 2), rel=1e-5
  )


def test_penalty_is_on_normalised_inputs(batch):
  config = config_lib.amp_config()
  config.update(PLAIN | {"disc_hidden_layer_sizes": (), "disc_grad_penalty": 2})
  found = []
  for unit in (1.0, 1000.0):
    disc = discriminator.make_discriminator(config, unit * MEAN, unit * STD)
    scaled = jax.tree.map(lambda x, unit=unit: unit * x, batch)
    _, metrics = disc.update(disc.init(KEY), *scaled, KEY)
    found.append(float(metrics["disc_penalty"]))
  assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_plain_update_is_one_adam_step_on_the_adversarial_loss(batch):
  disc = make(disc_lr=1e-3)
  state = disc.init(KEY)
  network = linen.Sequential([linen.Dense(8), linen.elu, linen.Dense(1)])
  params = state.variables["params"]
  params = {"layers_0": params["Dense_0"], "layers_2": params["Dense_1"]}

  def loss(params):
    real, fake = (
      network.apply({"params": params}, (x - MEAN) / STD)[:, 0] for x in batch
    )
    return 0.5 * jp.mean((real - 1) ** 2) + 0.5 * jp.mean(fake**2)

  adam = optax.adam(1e-3)
  updates, _ = adam.update(jax.grad(loss)(params), adam.init(params))
  expected = jax.tree.leaves(optax.apply_updates(params, updates))
  found = jax.tree.leaves(disc.update(state, *batch, KEY)[0].variables)
  for a, b in zip(found, expected, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_windows_are_scored_in_standard_deviations():
  disc = make()
  np.testing.assert_allclose(disc.normalize(MEAN), 0.0, atol=1e-6)
  np.testing.assert_allclose(disc.normalize(MEAN + 2 * STD), 2.0, rtol=1e-5)
  state = disc.init(KEY)
  identity = discriminator.make_discriminator(
    disc.config, jp.zeros(SIZE), jp.ones(SIZE)
  )
  window = jax.random.normal(KEY, (3, 4, SIZE))
  scores = disc.score(state, MEAN + STD * window)
  assert scores.shape == (3, 4)
  np.testing.assert_allclose(
    scores, identity.score(state, window), rtol=1e-4, atol=1e-5
  )


@pytest.mark.parametrize("name", sorted(adversarial.LOSSES))
def test_style_reward_is_the_losss_reward_of_the_score(batch, name):
  disc = make(loss=name)
  state = disc.init(KEY)
  np.testing.assert_array_equal(
    disc.style_reward(state, batch[0]),
    adversarial.LOSSES[name].reward(disc.score(state, batch[0])),
  )


def test_metrics_describe_the_scores_before_the_step(batch):
  disc = make()
  state = disc.init(KEY)
  real, fake = (disc.score(state, x) for x in batch)
  _, metrics = disc.update(state, *batch, KEY)
  assert metrics.pop("skipped") == 0
  expected = {
    "disc_loss": disc.adversarial.loss(real, fake, 0.0),
    "disc_penalty": 0.0,
    "disc_acc": disc.adversarial.accuracy(real, fake),
    "disc_real_mean": np.mean(real),
    "disc_real_std": np.std(real),
    "disc_fake_mean": np.mean(fake),
    "disc_fake_std": np.std(fake),
  }
  assert set(metrics) == set(expected)
  for key, value in expected.items():
    np.testing.assert_allclose(metrics[key], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize("name", sorted(adversarial.LOSSES))
def test_accuracy_rises_on_separable_data(batch, name, spectral_norm):
  disc = make(
    loss=name,
    disc_lr=0.01,
    disc_grad_penalty=0.1,
    spectral_norm=spectral_norm,
  )
  real, fake = batch[0] + STD, batch[1] - STD

  @jax.jit
  def train(state):
    return jax.lax.scan(
      lambda state, key: disc.update(state, real, fake, key),
      state,
      jax.random.split(KEY, 200),
    )

  state, metrics = train(disc.init(KEY))
  assert metrics["disc_acc"][-1] > max(0.95, metrics["disc_acc"][0] + 0.1)
  style = [np.mean(disc.style_reward(state, x)) for x in (real, fake)]
  assert style[0] > style[1] + 0.2


def test_spectral_norm_keeps_and_advances_its_state(batch):
  disc = make(spectral_norm=True)
  states = [disc.init(KEY)]
  for _ in range(2):
    states.append(disc.update(states[-1], *batch, KEY)[0])
  stats = [
    np.concatenate(
      [np.ravel(x) for x in jax.tree.leaves(s.variables["batch_stats"])]
    )
    for s in states
  ]
  for before, after in itertools.pairwise(stats):
    assert np.any(before != after)
  assert "batch_stats" not in make().init(KEY).variables


def test_spectral_norm_bounds_the_gradient_by_one(batch):
  disc = linear(spectral_norm=True, disc_grad_penalty=2.0)
  _, metrics = disc.update(disc.init(KEY), *batch, KEY)
  # The one kernel is a vector, so one power iteration finds its norm.
  assert metrics["disc_penalty"] == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(
  ("option", "nearest"),
  [
    ("loss", "lsgan"),
    ("disc_penalty_type", "wgan_gp"),
    ("disc_activation", "elu"),
    ("disc_optimizer", "adam"),
  ],
)
def test_an_unknown_choice_is_named_with_the_known_ones(option, nearest):
  with pytest.raises(ValueError, match=f"amp.{option} 'none' is unk") as caught:
    make(**{option: "none"})
  assert nearest in str(caught.value)
  assert "\n" not in str(caught.value)


def test_smoothing_labels_that_do_not_exist_is_refused():
  with pytest.raises(ValueError, match="label_smoothing does nothing"):
    make(loss="wgan", disc_label_smoothing=0.1)
