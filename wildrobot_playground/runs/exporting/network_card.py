"""What an exported network of Playground's needs to be used, as far as known.

Its environment alone makes its observations, in Python: they are named, not
described. A walking task of ours has a contract instead, and a control loop.
"""

from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.envs import playground_amp
from wildrobot_playground.runs import joystick_evaluation
from wildrobot_playground.runs.exporting.trained import Trained

FORMAT = "playground_network"
METADATA_KEY = "playground"
_VERSION = 1


def describe(trained: Trained) -> dict[str, Any]:
  """Sizes, names and rates; null for what the environment does not say."""
  env = trained.env
  source = type(_bare(env))
  model = env.mj_model
  named = isinstance(env.observation_size, Mapping)
  config = getattr(_bare(env), "_config", {})
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
      "scale": _number(config.get("action_scale")),
      "default": _default(_bare(env), model.nu),
      "meaning": "of `step` there; most often, target = default + scale"
      " * action",
    },
    "command": _commands(env),
    "normalizer": {"where": "inside policy.onnx"},
  }


def _bare(env: Any) -> Any:
  """The environment itself, without the AMP features around it."""
  return env.env if isinstance(env, playground_amp.WithFeatures) else env


def _joint(model: mujoco.MjModel, actuator: int) -> str | None:
  if model.actuator_trntype[actuator] != mujoco.mjtTrn.mjTRN_JOINT.value:
    return None
  return model.joint(model.actuator_trnid[actuator, 0]).name


def _number(value: Any) -> float | None:
  return float(value) if isinstance(value, int | float) else None


def _default(env: Any, size: int) -> list[float] | None:
  """The pose [rad] that actions are added to, where the environment has one."""
  for name in ("_default_pose", "_default_ctrl"):
    pose = np.asarray(getattr(env, name, ()), float)
    if pose.shape == (size,):
      return pose.tolist()
  return None


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
