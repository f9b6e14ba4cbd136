import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground.features import distance

STD = np.array([0.5, 2.0, 3.0])


@pytest.fixture(scope="module")
def values():
  return np.random.default_rng(0).normal(size=(distance.NUM_QUANTILES, 3)) * STD


@pytest.fixture(scope="module")
def quantiles(values):
  return distance.quantiles(values, np.ones(len(values)))


def test_as_many_quantiles_as_equal_rows_are_the_sorted_rows(values, quantiles):
  np.testing.assert_array_equal(quantiles, np.sort(values, axis=0))


def test_quantiles_lie_at_the_centres_of_equal_bins():
  ramp = np.arange(1000.0)[:, None]
  found = distance.quantiles(ramp, np.ones(1000), count=4)
  np.testing.assert_allclose(found[:, 0], [125, 375, 625, 875], atol=1)


def test_a_weight_counts_like_that_many_rows():
  rows = np.array([[3.0], [1.0], [2.0]])
  weighted = distance.quantiles(rows, np.array([1.0, 3.0, 2.0]), count=6)
  np.testing.assert_array_equal(weighted[:, 0], [1, 1, 1, 2, 2, 3])


def test_scale_of_the_weights_does_not_matter(values):
  weights = np.random.default_rng(1).uniform(size=len(values))
  np.testing.assert_array_equal(
    distance.quantiles(values, weights, 50),
    distance.quantiles(values, 8 * weights, 50),
  )


def test_rows_without_weight_do_not_count():
  rows = np.array([[100.0], [1.0], [-100.0]])
  found = distance.quantiles(rows, np.array([0.0, 1.0, 0.0]), count=8)
  np.testing.assert_array_equal(found, 1.0)


def test_identical_samples_are_at_distance_zero(values, quantiles):
  shuffled = np.random.default_rng(2).permutation(values)
  np.testing.assert_allclose(
    distance.wasserstein(shuffled, quantiles, STD), 0.0, atol=1e-12
  )


@pytest.mark.parametrize("shift", [-1.0, 0.5, 1.0])
def test_a_shift_by_one_std_is_at_distance_one(values, quantiles, shift):
  np.testing.assert_allclose(
    distance.wasserstein(values + shift * STD, quantiles, STD), abs(shift)
  )


def test_features_do_not_mix(values, quantiles):
  moved = values + np.array([0.0, 2.0, 0.0])
  np.testing.assert_allclose(
    distance.wasserstein(moved, quantiles, STD), [0.0, 1.0, 0.0], atol=1e-12
  )


def test_a_wider_spread_is_at_its_mean_quantile_gap(quantiles, values):
  found = distance.wasserstein(2 * values, quantiles, STD)
  np.testing.assert_allclose(found, np.mean(np.abs(values), axis=0) / STD)


def test_numpy_and_jax_agree(values, quantiles):
  sample = (values + 0.1).astype(np.float32)
  expected = distance.wasserstein(sample, quantiles.astype(np.float32), STD)
  found = distance.wasserstein(
    jp.asarray(sample), jp.asarray(quantiles, jp.float32), jp.asarray(STD)
  )
  np.testing.assert_allclose(found, expected, rtol=1e-5)
