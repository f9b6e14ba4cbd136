import jax
import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground.envs import commands

KEYS = jax.random.split(jax.random.key(0), 4000)


def draw(**changes):
  """(4000,) speeds from the default configuration with `changes`."""
  config = commands.default_config()
  config.update(changes)
  return np.asarray(jax.vmap(lambda k: commands.sample(k, config))(KEYS))[:, 0]


def test_speeds_are_uniform_over_the_range():
  speed = draw(lin_vel_x=(0.2, 0.6), standing_probability=0.0)
  assert np.all((speed >= 0.2) & (speed < 0.6))
  counts, _ = np.histogram(speed, 8, (0.2, 0.6))
  # Six standard deviations of a binomial count.
  np.testing.assert_allclose(counts, 500, atol=130)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_share_of_standing_is_its_probability(probability):
  speed = draw(lin_vel_x=(0.5, 1.0), standing_probability=probability)
  tolerance = 6 * np.sqrt(probability * (1 - probability) / len(speed))
  assert np.mean(speed == 0) == pytest.approx(probability, abs=tolerance)


def test_speeds_within_the_dead_band_become_zero():
  speed = draw(lin_vel_x=(0.0, 1.0), standing_probability=0.0, dead_band=0.1)
  assert np.mean(speed == 0) == pytest.approx(0.1, abs=0.03)
  assert np.min(speed[speed > 0]) >= 0.1


def test_same_key_gives_the_same_command():
  config = commands.default_config()
  np.testing.assert_array_equal(
    commands.sample(KEYS[0], config), commands.sample(KEYS[0], config)
  )


def test_only_zero_is_standing():
  assert commands.is_standing(jp.zeros(1)) == 1.0
  assert commands.is_standing(jp.array([0.1])) == 0.0
  assert commands.is_standing(jp.array([-0.1])) == 0.0


def test_task_asks_for_up_to_one_metre_per_second():
  assert tuple(commands.default_config().lin_vel_x) == (0.0, 1.0)
