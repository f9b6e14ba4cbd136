import jax
import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground.amp import adversarial

pytestmark = pytest.mark.usefixtures("no_rank_promotion")

NAMES = sorted(adversarial.LOSSES)
# A BCE score beyond a probability of 0.99 earns more than 1, up to 0.9999.
CEILING = {"lsgan": 1.0, "bce": 2.0, "wgan": 1.0}


@pytest.fixture(params=NAMES)
def loss(request):
  return adversarial.LOSSES[request.param]


def softplus(x):
  return np.logaddexp(0.0, x)


def test_every_loss_is_listed_under_its_name():
  assert NAMES == ["bce", "lsgan", "wgan"]
  for name, loss in adversarial.LOSSES.items():
    assert loss.name == name


def test_fake_label_earns_nothing_and_real_label_one(loss):
  scores = jp.array([loss.fake_score, loss.real_score])
  np.testing.assert_allclose(loss.reward(scores), [0.0, 1.0], atol=1e-6)


def test_reward_is_monotone_and_bounded(loss):
  scores = jp.concatenate(
    [jp.array([-jp.inf, -1e6]), jp.linspace(-20.0, 20.0, 2001), jp.array([1e6])]
  )
  rewards = np.asarray(loss.reward(scores))
  assert rewards.shape == scores.shape
  assert np.all(np.isfinite(rewards))
  # A compiled tanh is monotone but for its last bit.
  assert np.all(np.diff(rewards) >= -2e-7)
  assert rewards.min() == pytest.approx(0.0, abs=1e-6)
  assert rewards.max() == pytest.approx(CEILING[loss.name], abs=1e-6)


def test_reward_rises_strictly_between_the_labels(loss):
  low, high = max(loss.fake_score, -6.0), min(loss.real_score, 4.0)
  rewards = loss.reward(jp.linspace(low, high, 101))
  assert np.all(np.diff(rewards) > 0)


@pytest.mark.parametrize(
  ("name", "score", "reward"),
  [
    ("lsgan", 0.5, 0.75),
    ("lsgan", -1.0, 0.0),
    ("lsgan", 3.0, 1.0),
    ("bce", 0.0, np.log(2.0) / np.log(100.0)),
    ("bce", np.log(9.0), 0.5),  # A probability of 0.9.
    ("wgan", 0.0, 0.5),
    ("wgan", np.arctanh(0.5), 0.75),
  ],
)
def test_reward_closed_forms(name, score, reward):
  found = adversarial.LOSSES[name].reward(jp.array(score))
  np.testing.assert_allclose(found, reward, atol=1e-6)


@pytest.mark.parametrize(
  ("name", "expected"),
  [
    ("lsgan", lambda real, fake: np.mean((real - 1) ** 2 + fake**2) / 2),
    ("bce", lambda real, fake: np.mean(softplus(-real) + softplus(fake)) / 2),
    ("wgan", lambda real, fake: np.mean(np.tanh(fake) - np.tanh(real))),
  ],
)
def test_loss_closed_forms(name, expected):
  real, fake = np.random.default_rng(0).normal(size=(2, 7))
  found = adversarial.LOSSES[name].loss(jp.array(real), jp.array(fake), 0.0)
  assert found.shape == ()
  np.testing.assert_allclose(found, expected(real, fake), rtol=1e-5)


def slopes(loss, score, smoothing=0.0):
  """Derivatives of the loss by every real and every fake score (N,)."""
  return jax.grad(loss.loss, argnums=(0, 1))(score, score, smoothing)


def test_gradient_drives_scores_toward_their_labels(loss):
  between = jp.linspace(
    max(loss.fake_score, -4.0) + 0.1, min(loss.real_score, 4.0) - 0.1, 9
  )
  by_real, by_fake = slopes(loss, between)
  assert np.all(by_real < 0), "a real score must rise"
  assert np.all(by_fake > 0), "a fake score must fall"


def test_lsgan_turns_around_at_its_labels():
  lsgan = adversarial.LOSSES["lsgan"]
  scores = jp.array([-1.0, 0.0, 1.0, 2.0])
  by_real, by_fake = slopes(lsgan, scores)
  np.testing.assert_array_equal(np.sign(by_real), [-1, -1, 0, 1])
  np.testing.assert_array_equal(np.sign(by_fake), [-1, 0, 1, 1])
  assert lsgan.loss(jp.ones(3), jp.zeros(3), 0.0) == 0.0


@pytest.mark.parametrize("smoothing", [0.1, 0.3])
def test_smoothing_moves_the_real_label_alone(smoothing):
  lsgan, bce = adversarial.LOSSES["lsgan"], adversarial.LOSSES["bce"]
  logit = np.log((1 - smoothing) / smoothing)
  for loss, minimum in ((lsgan, 1 - smoothing), (bce, logit)):
    scores = jp.array([minimum - 0.1, minimum, minimum + 0.1])
    by_real, by_fake = slopes(loss, scores, smoothing)
    np.testing.assert_allclose(by_real[1], 0.0, atol=1e-6)
    assert by_real[0] < 0 < by_real[2]
    np.testing.assert_array_equal(by_fake, slopes(loss, scores)[1])


def test_smoothed_losses_have_their_closed_forms():
  real, fake = np.random.default_rng(1).normal(size=(2, 7))
  arrays = jp.array(real), jp.array(fake)
  np.testing.assert_allclose(
    adversarial.LOSSES["lsgan"].loss(*arrays, 0.2),
    np.mean((real - 0.8) ** 2 + fake**2) / 2,
    rtol=1e-5,
  )
  np.testing.assert_allclose(
    adversarial.LOSSES["bce"].loss(*arrays, 0.2),
    np.mean(0.8 * softplus(-real) + 0.2 * softplus(real) + softplus(fake)) / 2,
    rtol=1e-5,
  )


def test_a_loss_that_cannot_smooth_says_so():
  scores = jp.linspace(0.5, 2.0, 5)
  for loss in adversarial.LOSSES.values():
    changes = loss.loss(scores, scores, 0.3) != loss.loss(scores, scores, 0.0)
    assert changes == loss.smooths_labels


def test_accuracy_is_the_mean_of_both_shares(loss):
  above, below = loss.threshold + 1.0, loss.threshold - 1.0
  real = jp.array([above, above, above, below])
  fake = jp.array([below, above])
  assert loss.accuracy(real, fake) == pytest.approx(0.5 * (0.75 + 0.5))
  assert loss.accuracy(jp.full(3, above), jp.full(3, below)) == 1.0
  assert loss.accuracy(jp.full(3, below), jp.full(3, above)) == 0.0


def test_equal_scores_are_a_coin_toss(loss):
  for score in (loss.threshold, loss.threshold + 1.0, loss.threshold - 1.0):
    assert loss.accuracy(jp.full(3, score), jp.full(3, score)) == 0.5
