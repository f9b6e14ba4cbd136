import itertools

import jax
import jax.numpy as jp
import numpy as np
import optax
import pytest
from flax import linen

from wildrobot_playground import config as config_lib
from wildrobot_playground.amp import adversarial, discriminator

SIZE = 5
MEAN, STD = jp.linspace(-1.0, 1.0, SIZE), jp.linspace(0.5, 2.0, SIZE)
KEY = jax.random.PRNGKey(0)

# Nothing but the adversarial loss.
PLAIN = {
  "disc_hidden_layer_sizes": (8,),
  "disc_grad_penalty": 0.0,
  "disc_input_noise": 0.0,
}

# A step as long as its gradient.
SGD = {"disc_optimizer": "sgd", "disc_lr": 0.1}


def make(**changes):
  config = config_lib.amp_config()
  config.update(PLAIN | changes)
  return discriminator.make_discriminator(config, MEAN, STD)


def linear(**changes):
  """A discriminator whose gradient is the same everywhere."""
  return make(disc_hidden_layer_sizes=(), **changes)


@pytest.fixture(scope="module")
def batch():
  """Real and fake windows (32, 5), in physical units."""
  real, fake = jax.random.normal(jax.random.PRNGKey(1), (2, 32, SIZE))
  return MEAN + STD * (real + 0.5), MEAN + STD * (fake - 0.5)


def flat_params(state):
  return np.concatenate(
    [np.ravel(x) for x in jax.tree.leaves(state.variables["params"])]
  )


def updated(disc, batch, steps=1, state=None):
  """The parameters after some updates, flat."""
  state = disc.init(KEY) if state is None else state
  for i in range(steps):
    state, _ = disc.update(state, *batch, jax.random.fold_in(KEY, i))
  return flat_params(state)


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


CHANGES = {
  "r1": {"disc_grad_penalty": 5.0},
  "r1_both": {"disc_grad_penalty": 5.0, "disc_penalty_type": "r1_both"},
  "wgan_gp": {"disc_grad_penalty": 5.0, "disc_penalty_type": "wgan_gp"},
  "input noise": {"disc_input_noise": 0.1},
  "label smoothing": {"disc_label_smoothing": 0.1},
  "logit regularisation": {"disc_logit_reg": 0.1},
  "weight decay": {"disc_weight_decay": 0.1},
  "adam": {"disc_optimizer": "adam"},
  "bce": {"loss": "bce"},
  "wgan": {"loss": "wgan"},
  "activation": {"disc_activation": "tanh"},
}


def test_every_option_changes_the_update_and_no_two_alike(batch):
  # SGD, for Adam's steps hardly depend on the size of a gradient.
  found = {"plain": updated(make(**SGD), batch)} | {
    name: updated(make(**SGD | change), batch)
    for name, change in CHANGES.items()
  }
  names = list(found)
  for i, one in enumerate(names):
    for other in names[:i]:
      gap = np.max(np.abs(found[one] - found[other]))
      assert gap > 1e-7, f"{one} and {other} do the same"


def test_spectral_norm_changes_the_update(batch):
  plain, normed = make(), make(spectral_norm=True)
  start = plain.init(KEY)
  variables = normed.init(KEY).variables | {
    "params": _like(normed.init(KEY).variables["params"], start)
  }
  state = normed.init(KEY).replace(variables=variables)
  gap = updated(normed, batch, 2, state) - updated(plain, batch, 2, start)
  assert np.max(np.abs(gap)) > 1e-7


def _like(tree, state):
  """The parameters of `state`, in the tree of another network."""
  return jax.tree.unflatten(
    jax.tree.structure(tree), jax.tree.leaves(state.variables["params"])
  )


@pytest.mark.parametrize("kind", sorted(discriminator.PENALTIES))
def test_a_penalty_of_weight_zero_is_no_penalty(batch, kind):
  np.testing.assert_array_equal(
    updated(make(disc_penalty_type=kind), batch), updated(make(), batch)
  )


@pytest.mark.parametrize(
  ("option", "tiny"),
  [
    ("disc_input_noise", 1e-9),
    ("disc_label_smoothing", 1e-9),
    ("disc_logit_reg", 1e-9),
    ("disc_weight_decay", 1e-9),
    ("disc_grad_penalty", 1e-9),
  ],
)
def test_options_fade_out_toward_zero(batch, option, tiny):
  np.testing.assert_allclose(
    updated(make(**SGD, **{option: tiny}), batch),
    updated(make(**SGD), batch),
    atol=1e-6,
  )


def test_weight_decay_pulls_parameters_toward_zero(batch):
  before = flat_params(make().init(KEY))
  plain, decayed = (
    updated(make(**SGD, disc_weight_decay=decay), batch) for decay in (0, 0.2)
  )
  np.testing.assert_allclose(decayed, plain - 0.1 * 0.2 * before, atol=1e-6)


def test_logit_regularisation_pulls_the_last_kernel_alone(batch):
  start = make(**SGD).init(KEY)
  plain, pulled = (
    make(**SGD, disc_logit_reg=reg).update(start, *batch, KEY)[0].variables
    for reg in (0.0, 0.3)
  )
  last = start.variables["params"]["Dense_1"]["kernel"]
  for layer, part in (
    ("Dense_0", "kernel"),
    ("Dense_0", "bias"),
    ("Dense_1", "kernel"),
    ("Dense_1", "bias"),
  ):
    pull = pulled["params"][layer][part] - plain["params"][layer][part]
    expected = -0.1 * 0.3 * 2 * last if pull.shape == last.shape else 0.0
    np.testing.assert_allclose(
      pull, jp.broadcast_to(expected, pull.shape), atol=1e-6
    )


def test_input_noise_follows_its_key_alone(batch):
  disc = make(disc_input_noise=0.3)
  start = disc.init(KEY)
  one, same, other = (
    flat_params(disc.update(start, *batch, jax.random.PRNGKey(i))[0])
    for i in (1, 1, 2)
  )
  np.testing.assert_array_equal(one, same)
  assert np.any(one != other)


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
