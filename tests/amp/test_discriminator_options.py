import jax
import jax.numpy as jp
import numpy as np
import pytest

from tests.amp.discriminators import (
  KEY,
  SGD,
  flat_params,
  make,
  make_batch,
  updated,
)
from wildrobot_playground.amp import discriminator


@pytest.fixture(scope="module")
def batch():
  return make_batch()


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
