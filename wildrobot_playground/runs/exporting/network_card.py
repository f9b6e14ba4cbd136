"""What an exported network of Playground's needs to be used, as far as known.

Its environment alone makes its observations, in Python: they are named, not
described. A walking task of ours has a contract instead, and a control loop.
"""

from collections.abc import Mapping
from typing import Any

import mujoco

from wildrobot_playground.envs import playground_amp, registration
from wildrobot_playground.runs import joystick_evaluation
from wildrobot_playground.runs.exporting.trained import Trained

FORMAT = "playground_network"
METADATA_KEY = "playground"
_VERSION = 1


def describe(trained: Trained) -> dict[str, Any]:
  """Sizes, names and rates; null for what the environment does not say."""
  env = trained.env
  wrapped = isinstance(env, playground_amp.WithFeatures)
  bare = env.env if wrapped else env
  source = type(bare)
  scale, default = registration.action_of(bare)
  model = env.mj_model
  named = isinstance(env.observation_size, Mapping)
  return {
    "format": FORMAT,
    "version": _VERSION,
    "environment": trained.config["env"],
    "control_rate": 1.0 / env.dt,
    "observation": {
      "size": trained.observation_size,
      "name": trained.observed if named else None,
      "made_by": f"{source.__module__}.{source.__qualname__}",
      "noise": "what its config's noise_config says, in training",
    },
    "action": {
      "size": env.action_size,
      "range": [-1.0, 1.0],
      "actuators": [model.actuator(i).name for i in range(model.nu)],
      "joints": [_joint(model, i) for i in range(model.nu)],
      "scale": scale,
      "default": default,
      "meaning": "of `step` there; most often, target = default + scale"
      " * action",
    },
    "command": _commands(env),
    "normalizer": {"where": "inside policy.onnx"},
  }


def _joint(model: mujoco.MjModel, actuator: int) -> str | None:
  if model.actuator_trntype[actuator] != mujoco.mjtTrn.mjTRN_JOINT.value:
    return None
  return model.joint(model.actuator_trnid[actuator, 0]).name


def _commands(env: Any) -> dict[str, Any] | None:
  """What the task is told, and how much of it."""
  ends = joystick_evaluation.command_range(env)
  if ends is None:
    return None
  return {
    "parts": ["forward [m/s]", "left [m/s]", "turn [rad/s]"],
    "low": ends[0].tolist(),
    "high": ends[1].tolist(),
  }
