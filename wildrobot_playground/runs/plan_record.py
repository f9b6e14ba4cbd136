"""A plan as `config.json` holds it, and in what two of them differ."""

import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from ml_collections import config_dict

import wildrobot_playground
from wildrobot_playground.config import ranges
from wildrobot_playground.runs import ppo_config
from wildrobot_playground.runs.plan import SECTIONS, Plan

_PLAIN_FIELDS = (
  "env",
  "robot",
  "preset",
  "seed",
  "reference",
  "domain_randomization",
  "init_from",
)
_VERSIONED = (
  "playground",
  "brax",
  "jax",
  "mujoco",
  "mujoco-mjx",
  "flax",
  "optax",
)


def describe(plan: Plan) -> dict[str, Any]:
  """What `config.json` holds."""
  return {
    **{name: getattr(plan, name) for name in _PLAIN_FIELDS},
    **{name: getattr(plan, name).to_dict() for name in SECTIONS},
    "command": sys.argv,
    "versions": {
      "wildrobot-playground": wildrobot_playground.__version__,
      **{name: _version(name) for name in _VERSIONED},
    },
  }


def differences(plan: Plan, saved: Mapping[str, Any]) -> dict[str, str]:
  """Keys in which a plan differs from a saved one, to `saved -> planned`.

  What of PPO a run of an earlier version does not say was as it is by default.
  """
  usual = ppo_config.find(plan.env)
  ours = flat(describe(plan))
  theirs = {f"ppo.{k}": usual[k] for k in ppo_config.OPTIONS} | flat(saved)
  return {
    key: f"{theirs.get(key)!r} -> {ours.get(key)!r}"
    for key in sorted(ours.keys() | theirs.keys())
    if plain(ours.get(key)) != plain(theirs.get(key))
  }


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
  """The comparable part of a `config.json`, with dotted keys."""
  plain = {name: config.get(name) for name in _PLAIN_FIELDS}
  for name in SECTIONS:
    section = config_dict.ConfigDict(config.get(name, {}))
    plain |= {f"{name}.{k}": v for k, v in ranges.flatten(section).items()}
  return plain


def plain(value: Any) -> Any:
  """JSON knows lists only."""
  return list(value) if isinstance(value, tuple) else value


def _version(package: str) -> str:
  try:
    return metadata.version(package)
  except metadata.PackageNotFoundError:
    return "unknown"
