"""What an episode remembers from step to step, and forgets when it ends."""

from typing import Any

import jax
import jax.numpy as jp
from ml_collections import config_dict

from wildrobot_playground.envs import commands, curriculum, latency

# What waits to arrive, and is forgotten when an episode ends.
_QUEUES = ("late_targets", "late_signals", "reported")


def first(info: dict[str, Any], drawn: jax.Array) -> dict[str, Any]:
  """What the auto-reset, which restores the first data, must start with again.

  Args:
    info: of the first step; with a curriculum, `command_steps` is changed.
    drawn: (1,) the command that was drawn, which a start may have replaced.
  """
  names = ["command", "mean_velocity", "phase"]
  names += [name for name in _QUEUES if name in info]
  if "command_limit" in info:
    # What was drawn below the first limit would start every episode to come:
    # it goes after a step. The speed of a reference stride stays.
    info["command_steps"] = -(info["command"] == drawn)[0].astype(jp.int32)
    names.append("command_steps")
  return {name: info[name] for name in names}


def advance(
  info: dict[str, Any],
  config: config_dict.ConfigDict,
  dt: float,
  done: jax.Array,
) -> None:
  """Counts steps, draws the next command, forgets what a reset must forget.

  The auto-reset wrapper restores data and observation only, not `info`.

  Args:
    info: of the step just taken; changed in place.
    config: of the task.
    dt: control step [s].
    done: () above 0 where the robot has fallen.
  """
  info["rng"], key = jax.random.split(info["rng"])
  fallen = done > 0
  step = info["step"] + 1
  done = fallen | (step >= config.episode_length)
  steps = info["command_steps"] + 1
  renew = steps * dt >= config.command_config.resampling_time
  if "command_limit" in info:
    renew |= steps == 0  # See `first`.
    info.update(
      curriculum.advance(info, config.command_config, dt, fallen, done | renew)
    )
  command = commands.sample(
    key, config.command_config, info.get("command_limit")
  )
  if "action_delay" in info:
    drawn = latency.sample(
      config.latency_config, jax.random.fold_in(info["rng"], 0)
    )
    info["action_delay"] = jp.where(done, drawn, info["action_delay"])
  info["command"] = jp.where(renew, command, info["command"])
  info["command_steps"] = jp.where(done | renew, 0, steps)
  for name, start in info["first"].items():
    info[name] = jax.tree.map(
      lambda start, now: jp.where(done, start, now), start, info[name]
    )
  info["step"] = jp.where(done, 0, step)
  info["last_act"] = jp.where(done, 0.0, info["last_act"])
  info["air_time"] = jp.where(done, 0.0, info["air_time"])
