"""The contract of a policy: all that a robot must know to run it."""

import dataclasses
import importlib.metadata
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.envs import observation
from wildrobot_playground.policy import controller
from wildrobot_playground.system import files, reading

# m/s². Training steps from one command to the next; on a robot a stand that is
# told to run at once is the one thing that made it fall.
_COMMAND_RATE = 1.0
_PACKAGES = ("wildrobot-playground", "brax", "jax", "mujoco", "playground")


def make(
  env: Any, normalizer: tuple[np.ndarray, np.ndarray] | None
) -> dict[str, Any]:
  """The contract of the policies of an environment, ready for JSON.

  Args:
    env: a `walk.Walk`.
    normalizer: mean and standard deviation, (N,) each, of the observations;
      None when they are not normalised.
  """
  config, noise = env.config, env.config.noise_config
  mean, std = normalizer if normalizer is not None else (None, None)
  return {
    "format": controller.FORMAT,
    "robot": env.robot.name,
    "control_rate": 1.0 / env.dt,
    "observation": _entries(env.robot),
    "history": 1,
    "normalizer": {
      "mean": None if mean is None else np.asarray(mean, float).tolist(),
      "std": None if std is None else np.asarray(std, float).tolist(),
      "where": "inside policy.onnx",
    },
    "command": {
      "name": "forward",
      "unit": "m/s",
      "range": [float(v) for v in config.command_config.lin_vel_x],
      "dead_band": float(config.command_config.dead_band),
      "max_rate": _COMMAND_RATE,
    },
    "joints": _joints(env),
    "action": {
      "meaning": "servo target = default + scale * filtered action, clipped to"
      " lower and upper; filtered = filter * last + (1 - filter) * action",
      "scale": float(config.action_scale),
      "unit": "rad",
      "filter": float(config.action_filter),
    },
    "gait_clock": {
      "frequency": float(config.gait_frequency),
      "unit": "Hz",
      "meaning": "phase = 2 pi frequency t; runs on while standing",
    },
    "fall": {
      "min_height": float(config.min_height),
      "max_height": float(config.max_height),
      "max_tilt": float(config.max_tilt),
      "units": "m above the ground, rad from upright",
    },
    "trained_noise": {
      name: float(noise.level * bound) for name, bound in noise.scales.items()
    },
    "model_hash": robots.model_hash(env.mj_model, env.robot),
    "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
  }


def _joints(env: Any) -> list[dict[str, Any]]:
  """Default pose and range of every joint [rad]."""
  return [
    {
      "name": name,
      "default": float(default),
      "lower": float(lower),
      "upper": float(upper),
      "unit": "rad",
    }
    for name, default, (lower, upper) in zip(
      env.robot.joints, env.default_pose, env.target_range.T, strict=True
    )
  ]


def _entries(robot: robots.RobotDescription) -> list[dict[str, Any]]:
  """The observation's entries with their places."""
  entries, start = [], 0
  for entry in observation.entries(robot):
    entries.append(
      {**dataclasses.asdict(entry), "start": start, "size": entry.size}
    )
    start += entry.size
  return entries


def check_joints(
  contract: Mapping[str, Any], names: set[str], what: str
) -> None:
  """Checks that a robot has the joints of a contract.

  Args:
    contract: of the policy.
    names: of the robot's joints.
    what: the robot, in the message.

  Raises:
    ContractError: naming the joints that it lacks.
  """
  missing = [j["name"] for j in contract["joints"] if j["name"] not in names]
  if missing:
    raise controller.ContractError(
      f"the policy drives {', '.join(missing)}, which {what} does not have:"
      " it is a policy for another robot"
    )


def dumps(contract: Mapping[str, Any]) -> str:
  """The contract as JSON."""
  return json.dumps(contract, indent=2, ensure_ascii=False)


def save(contract: Mapping[str, Any], path: pathlib.Path) -> None:
  """Writes `policy.json`."""
  files.write_text(path, dumps(contract) + "\n")


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
  """Reads a `policy.json`.

  Raises:
    ContractError: for a file that is missing, damaged or not implemented.
  """
  try:
    text = reading.text(path)
  except (OSError, ValueError) as error:
    raise controller.ContractError(f"cannot read {path}: {error}") from error
  return controller.parse(text, path)
