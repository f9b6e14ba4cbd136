import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground import features
from wildrobot_playground.features import separability


def _column(*values):
  return np.array(values, float)[:, None]


def test_the_same_values_tell_nothing():
  values = np.random.default_rng(0).normal(size=(50, 3))
  np.testing.assert_allclose(separability.auc(values, values), 0.5)


def test_constants_tell_nothing():
  """All pairs are ties, and a tie counts half."""
  constant = np.full((20, 1), 0.3)
  assert separability.auc(constant, constant[:7])[0] == 0.5


def test_values_that_never_overlap_tell_everything():
  low, high = _column(1, 2, 3), _column(4, 5)
  assert separability.auc(high, low)[0] == 1.0
  assert separability.auc(low, high)[0] == 0.0


def test_every_pair_counts_once():
  """Of the pairs (1|2, 0|1|3): 1>0, 1=1, 1<3, 2>0, 2>1, 2<3."""
  found = separability.auc(_column(1, 2), _column(0, 1, 3))[0]
  assert found == pytest.approx((1 + 0.5 + 0 + 1 + 1 + 0) / 6)


def test_zeros_against_a_coin_tell_half_of_its_ones():
  """P(1 > 0) + P(0 = 0) / 2 for a contact that is down 88% of the time."""
  real = _column(*[1.0] * 88, *[0.0] * 12)
  found = separability.auc(real, np.zeros((10, 1)))[0]
  assert found == pytest.approx(0.88 + 0.12 / 2)


def test_swapping_the_sides_mirrors_it():
  rng = np.random.default_rng(1)
  real, fake = rng.normal(size=(40, 2)), rng.normal(0.5, 1.0, size=(30, 2))
  np.testing.assert_allclose(
    separability.auc(real, fake), 1 - separability.auc(fake, real)
  )


def test_rescaling_a_feature_changes_nothing():
  rng = np.random.default_rng(2)
  real, fake = rng.normal(size=(40, 1)), rng.normal(size=(30, 1))
  np.testing.assert_allclose(
    separability.auc(real, fake),
    separability.auc(np.exp(3 * real), np.exp(3 * fake)),
  )


def test_two_normals_give_the_textbook_value():
  """Φ(d / √2) for unit normals d apart; 0.921 for d = 2."""
  rng = np.random.default_rng(3)
  real = rng.normal(2.0, 1.0, size=(20_000, 1))
  fake = rng.normal(0.0, 1.0, size=(20_000, 1))
  assert separability.auc(real, fake)[0] == pytest.approx(0.9214, abs=0.005)


def test_jax_counts_as_numpy_does():
  rng = np.random.default_rng(4)
  real = rng.integers(0, 5, size=(30, 4)).astype(np.float32)
  fake = rng.integers(0, 5, size=(20, 4)).astype(np.float32)
  np.testing.assert_allclose(
    separability.auc(jp.asarray(real), jp.asarray(fake)),
    separability.auc(real, fake),
    rtol=1e-6,
  )


def test_a_leak_is_named_the_most_telling_one_first():
  rng = np.random.default_rng(5)
  real = rng.normal(size=(200, features.WILDROBOT.size))
  fake = rng.normal(size=(300, features.WILDROBOT.size))
  real[:, features.WILDROBOT.root_height] += 40.0  # A quantity of another kind.
  real[:, 3] -= 3.0
  found = separability.leaks(
    separability.auc(real, fake), features.WILDROBOT.names
  )
  assert [leak.name for leak in found] == [
    "root_height",
    "joint_pos/left_knee_pitch",
  ]
  assert "above policy" in str(found[0])
  assert "below policy" in str(found[1])


def test_no_leak_among_equals():
  rng = np.random.default_rng(6)
  real, fake = rng.normal(size=(2, 500, features.WILDROBOT.size))
  assert (
    separability.leaks(separability.auc(real, fake), features.WILDROBOT.names)
    == []
  )


def test_names_must_fit_the_features():
  with pytest.raises(ValueError, match="3 features, but 2 names"):
    separability.leaks(np.full(3, 0.5), ("a", "b"))
