"""The PPO arguments that an environment's training starts from."""

import mujoco_playground
from ml_collections import config_dict
from mujoco_playground.config import (
  dm_control_suite_params,
  locomotion_params,
  manipulation_params,
)

from wildrobot_playground.amp.arguments import PPOSettings
from wildrobot_playground.system import errors

# What of Brax's PPO no environment's tuned arguments set, and a flag may.
OPTIONS = (
  "normalize_observations_mode",
  "normalize_observations_std_eps",
  "normalize_until_count",
  "clipping_epsilon_value",
  "bootstrap_on_timeout",
  "learning_rate_schedule",
  "learning_rate_schedule_min_lr",
  "learning_rate_schedule_max_lr",
  "desired_kl",
)
# Brax's own, where an environment's tuned arguments name none.
_NETWORKS = {
  "policy_hidden_layer_sizes": (32,) * 4,
  "value_hidden_layer_sizes": (256,) * 5,
  "policy_obs_key": "state",
  "value_obs_key": "state",
}


def find(env: str) -> config_dict.ConfigDict:
  """What Playground (or we) tuned, and Brax's defaults of the other options.

  Args:
    env: name of an environment.

  Raises:
    UsageError: for one without PPO arguments.
  """
  config = _tuned(env)
  usual = vars(PPOSettings())
  with config.unlocked():
    if "network_factory" not in config:
      config.network_factory = config_dict.create(**_NETWORKS)
    for name in OPTIONS:
      if name not in config:
        config[name] = usual[name]
  return config


def _tuned(env: str) -> config_dict.ConfigDict:
  suites = (
    (mujoco_playground.locomotion, locomotion_params),
    (mujoco_playground.manipulation, manipulation_params),
    (mujoco_playground.dm_control_suite, dm_control_suite_params),
  )
  for suite, params in suites:
    if env in suite.ALL_ENVS:
      return params.brax_ppo_config(env)
  raise errors.UsageError(f"no PPO configuration for environment '{env}'")
