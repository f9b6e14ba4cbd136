import numpy as np

from wildrobot_playground.motion import fourier


def test_a_sum_of_harmonics_is_reproduced_between_samples():
  def signal(phase):
    return 1 + np.cos(2 * np.pi * phase) - 0.5 * np.sin(6 * np.pi * phase)

  fit = fourier.fit(signal(np.linspace(0, 1, 31)), harmonics=5)
  phase = np.array([0.013, 0.5, 0.777, 1.777])
  np.testing.assert_allclose(fit(phase)[:, 0], signal(phase), atol=1e-12)


def test_advance_is_added_every_cycle():
  samples = np.linspace(0, 2, 21) + np.sin(np.linspace(0, 2 * np.pi, 21))
  fit = fourier.fit(samples, harmonics=4, advance=2.0)
  np.testing.assert_allclose(fit(1.3) - fit(0.3), 2.0, atol=1e-12)


def test_rate_is_the_derivative():
  rng = np.random.default_rng(0)
  fit = fourier.fit(rng.normal(size=(25, 2)), harmonics=6, advance=0.3)
  numeric = (fit(0.4 + 1e-6) - fit(0.4 - 1e-6)) / 2e-6
  np.testing.assert_allclose(fit.rate(0.4), numeric, rtol=1e-6)
