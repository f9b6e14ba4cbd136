"""The arguments of `ppo.train`: known by name, in range, divisible."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

from wildrobot_playground.amp.learner import PPOSettings
from wildrobot_playground.config import key_ranges, ranges


def settings_of(ppo: Mapping[str, Any]) -> PPOSettings:
  """The settings of keyword arguments; names the nearest for an unknown one."""
  known = [f.name for f in dataclasses.fields(PPOSettings)]
  for name in ppo:
    if name not in known:
      near = difflib.get_close_matches(name, known, n=1)
      hint = f"; did you mean '{near[0]}'?" if near else ""
      raise TypeError(f"train() has no argument '{name}'{hint}")
  return PPOSettings(**ppo)


def check_ranges(
  num_timesteps: int,
  seed: int,
  num_eval_envs: int,
  amp: config_dict.ConfigDict | None,
  ppo: Mapping[str, Any],
) -> None:
  """Raises ValueError for an argument outside of its range."""
  if num_timesteps:  # None at all gives the first parameters, as in Brax.
    key_ranges.check("ppo", {"num_timesteps": num_timesteps})
  key_ranges.check("", {"seed": seed})
  given = {**ppo, "num_eval_envs": num_eval_envs}
  given.pop("network_factory", None)
  if given.get("max_grad_norm", 0.0) is None:
    del given["max_grad_norm"]
  key_ranges.check("ppo", given)
  if amp is not None:
    key_ranges.check_prior(amp)
    key_ranges.check("amp", ranges.flatten(amp))


def check_sizes(
  settings: PPOSettings, replay_size: int, num_devices: int
) -> None:
  """Raises ValueError for sizes that do not divide."""
  key_ranges.check_batches(vars(settings))
  for name, size in (
    ("num_envs", settings.num_envs),
    ("batch_size", settings.batch_size),
    ("amp.replay_size", replay_size),
  ):
    if size % num_devices:
      raise ValueError(
        f"{name} {size} must be a multiple of the {num_devices} devices"
      )
