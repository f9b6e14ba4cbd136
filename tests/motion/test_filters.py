import numpy as np
import pytest

from wildrobot_playground.motion import filters


@pytest.mark.parametrize("filtered", [filters.gaussian, filters.twiced])
def test_a_straight_line_stays_one(filtered):
  line = np.linspace(0, 3, 50)[:, None] * [1.0, -2.0]
  np.testing.assert_allclose(filtered(line, 4.0), line, atol=1e-12)


def test_gaussian_damps_a_wave_by_its_transfer_function():
  """A Gaussian's Fourier transform is a Gaussian."""
  sigma, omega = 3.0, 0.3
  wave = np.sin(omega * np.arange(400))
  gain = np.exp(-0.5 * (sigma * omega) ** 2)
  inside = slice(50, 350)
  np.testing.assert_allclose(
    filters.gaussian(wave, sigma)[inside], gain * wave[inside], atol=1e-3
  )


def test_twicing_keeps_the_curvature_that_a_gaussian_loses():
  parabola = np.linspace(-1, 1, 101) ** 2
  middle = slice(40, 61)
  lost = filters.gaussian(parabola, 8.0) - parabola
  kept = filters.twiced(parabola, 8.0) - parabola
  assert np.max(np.abs(kept[middle])) < 0.01 * np.max(np.abs(lost[middle]))


def test_no_width_is_no_filter():
  values = np.random.default_rng(0).normal(size=(10, 2))
  np.testing.assert_array_equal(filters.gaussian(values, 0.0), values)


def test_sampling_meets_the_samples_and_a_parabola_between_them():
  values = np.arange(8.0) ** 2
  np.testing.assert_allclose(filters.sample(values, np.arange(8.0)), values)
  np.testing.assert_allclose(filters.sample(values, np.array([3.5])), 12.25)


def test_rate_limit_is_kept_and_slow_signals_pass():
  rng = np.random.default_rng(1)
  wild = rng.normal(size=(60, 3))
  tame = filters.rate_limited(wild, 0.2)
  assert np.max(np.abs(np.diff(tame, axis=0))) <= 0.2 + 1e-12
  assert np.all(tame <= wild.max(axis=0)) and np.all(tame >= wild.min(axis=0))
  slow = np.cumsum(rng.uniform(-0.2, 0.2, size=(60, 3)), axis=0)
  np.testing.assert_allclose(filters.rate_limited(slow, 0.2), slow, atol=1e-12)


def test_maximum_sees_both_ways():
  values = np.zeros(9)
  values[4] = 1.0
  np.testing.assert_array_equal(
    filters.maximum(values, 2), [0, 0, 1, 1, 1, 1, 1, 0, 0]
  )
