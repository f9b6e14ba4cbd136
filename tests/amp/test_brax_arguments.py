"""Every argument of Brax's `ppo.train` means here what it means there."""

import functools
import inspect

import jax.numpy as jp
import numpy as np
import pytest
from brax import envs
from brax.training.agents.ppo import (
  networks,
  networks_vision,
  optimizer,
)
from brax.training.agents.ppo import train as stock

from wildrobot_playground.amp import arguments, ppo

STEPS = 80  # Of an iteration of `ppo_settings`.


@pytest.fixture(scope="module")
def timed(point_mass):
  """A point mass that says whether its time was up."""

  class Timed(point_mass):
    def _info(self, physics, action):
      info = super()._info(physics, action)
      return info | {"time_out": (jp.abs(physics[0]) > 1.0) * 1.0}

  return Timed()


@pytest.fixture(autouse=True, scope="module")
def optimized(users_compiler):
  """Compiles as a user's process does: two programs, optimised apart."""


NETWORKS = functools.partial(
  networks.make_ppo_networks,
  policy_hidden_layer_sizes=(8, 8),
  value_hidden_layer_sizes=(8, 8),
)
ADAPTIVE = {
  "learning_rate_schedule": "ADAPTIVE_KL",
  "desired_kl": 0.02,
  "learning_rate_schedule_min_lr": 1e-4,
  "learning_rate_schedule_max_lr": 2e-3,
}


@pytest.mark.parametrize(
  "changes",
  [
    {**ADAPTIVE, "clipping_epsilon_value": 0.1},
    pytest.param(
      {"bootstrap_on_timeout": True, "max_grad_norm": None},
      marks=pytest.mark.slow,
    ),
    {
      **ADAPTIVE,
      "learning_rate_schedule": optimizer.LRSchedule.ADAPTIVE_KL,
      "use_distributional_critic": True,
      "clipping_epsilon_value": 1.0,
      "bootstrap_on_timeout": True,
      "network_factory": functools.partial(
        NETWORKS, use_distributional_critic=True, distribution_type="normal"
      ),
    },
    {
      "normalize_observations_mode": "ema",
      "normalize_observations_std_eps": 0.01,
      "normalize_until_count": 400,
    },
    pytest.param(
      {"use_pmap_on_reset": True, "max_devices_per_host": 1},
      marks=pytest.mark.slow,
    ),
  ],
)
def test_parameters_equal_brax(
  timed, ppo_settings, assert_equal_trees, changes
):
  settings = {**ppo_settings, **changes}
  _, expected, _ = stock.train(timed, 20 * STEPS, **settings)
  _, found, _ = ppo.train(timed, 20 * STEPS, **settings)
  assert_equal_trees(found, expected)


@pytest.mark.slow
def test_images_are_shifted_as_in_brax(ppo_settings, assert_equal_trees):
  environment = envs.get_environment(
    "fast", pixel_obs=True, obs_mode="dict_pixels_state"
  )
  settings = {
    **ppo_settings,
    "augment_pixels": True,
    "vision": True,
    "network_factory": functools.partial(
      networks_vision.make_ppo_networks_vision,
      policy_hidden_layer_sizes=(8,),
      value_hidden_layer_sizes=(8,),
    ),
  }
  _, expected, _ = stock.train(environment, 2 * STEPS, **settings)
  _, found, _ = ppo.train(environment, 2 * STEPS, **settings)
  assert_equal_trees(found, expected)
  assert set(found[0].mean) == {"state"}


def test_an_environment_wrapped_already_is_left_as_it_is(
  point_mass, ppo_settings, assert_equal_trees
):
  settings = {**ppo_settings, "wrap_env": False}

  def wrapped():
    return envs.training.wrap(point_mass(), episode_length=12)

  _, expected, _ = ppo.train(point_mass(), 4 * STEPS, **ppo_settings)
  _, found, _ = ppo.train(wrapped(), 4 * STEPS, **settings)
  assert_equal_trees(found, expected)


def test_the_value_function_can_start_afresh(
  point_mass, ppo_settings, assert_equal_trees
):
  _, trained, _ = ppo.train(point_mass(), 2 * STEPS, **ppo_settings)
  _, fresh, _ = ppo.train(point_mass(), 0, seed=3, **ppo_settings)
  _, found, _ = ppo.train(
    point_mass(),
    0,
    seed=3,
    restore_params=trained,
    restore_value_fn=False,
    **ppo_settings,
  )
  assert_equal_trees(found, (trained[0], trained[1], fresh[2]))


def test_progress_is_told_at_evaluations_and_where_asked_between(
  point_mass, ppo_settings
):
  told = []

  def train(**changes):
    told.clear()
    settings = {**ppo_settings, "num_evals": 3, **changes}
    ppo.train(
      point_mass(),
      8 * STEPS,
      num_eval_envs=4,
      progress_fn=lambda steps, metrics: told.append((steps, metrics)),
      **settings,
    )
    return [steps // STEPS for steps, _ in told]

  assert train(run_evals=True) == [0, 4, 8]
  assert all("eval/episode_reward" in metrics for _, metrics in told)
  assert train() == [4, 8]
  between = train(log_training_metrics=True, training_metrics_steps=3 * STEPS)
  assert between == [3, 4, 6, 8]
  metrics = told[2][1]
  assert 0 < metrics["episode/length"] <= 12
  assert np.isfinite(
    [metrics[f"episode/{k}"] for k in ("sum_reward", "speed", "v_loss", "sps")]
  ).all()


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"use_distributional_critic": True}, "needs clipping_epsilon_value"),
    ({"bootstrap_on_timeout": True}, r"needs an .* info\['time_out'\]"),
    ({"vision": True, "action_repeat": 2}, "inside of the environment"),
    ({"max_devices_per_host": 0}, "max_devices_per_host is 0"),
    ({"learning_rate_schedule": "COSINE"}, "one of NONE, ADAPTIVE_KL"),
    ({"normalize_observations_mode": "mean"}, "one of welford, ema"),
  ],
)
def test_what_cannot_be_is_told(point_mass, ppo_settings, changes, message):
  with pytest.raises(ValueError, match=message):
    ppo.train(point_mass(), STEPS, **{**ppo_settings, **changes})


def test_no_argument_of_brax_is_unknown():
  brax = set(inspect.signature(stock.train).parameters)
  ours = set(inspect.signature(ppo.train).parameters)
  ours |= set(inspect.signature(arguments.PPOSettings).parameters)
  assert brax - ours == {"save_checkpoint_path", "restore_checkpoint_path"}
  with pytest.raises(TypeError, match="save them in policy_params_fn"):
    ppo.train(None, 0, save_checkpoint_path="here")
