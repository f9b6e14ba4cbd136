"""Velocity curriculum: commands grow faster as a robot tracks them.

Every robot has a limit, the top of the fastest bin of speeds that it may be
told. A command of that bin, tracked to its end, raises the limit by one bin;
falls under such commands, one after another, lower it. All of it is a few
numbers in `info`, which outlive the episodes:

- `command_limit` () [m/s].
- `command_error` () [m/s], tracking errors summed since the command settled.
- `command_falls` () falls in the limit's bin since it moved or was mastered.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jp
from ml_collections import config_dict


def default_config() -> config_dict.ConfigDict:
  """When the limit moves, and how often commands test it."""
  return config_dict.create(
    enable=False,
    start=0.4,  # m/s, the first limit and the lowest
    bin_width=0.1,  # m/s
    limit_share=0.5,  # of the draws, from the limit's bin until all is mastered
    success_error=0.1,  # m/s, the most that counts as tracked
    settle_time=2.0,  # s, of every command that are not judged
    judge_time=2.0,  # s beyond, that a command must last to be judged
    falls=3,  # in the limit's bin that lower it
  )


def check(
  config: config_dict.ConfigDict, dt: float, episode_time: float
) -> None:
  """Refuses a curriculum whose limit could never move.

  Args:
    config: of the commands, with the curriculum in it.
    dt: control step [s].
    episode_time: of the longest episode [s].

  Raises:
    ValueError: naming the key, what it is and what it may be.
  """
  if not config.curriculum.enable:
    return
  curriculum = config.curriculum
  lower, upper = config.lin_vel_x
  lasts = min(config.resampling_time, episode_time)
  judged_at = curriculum.settle_time + curriculum.judge_time
  checks = {
    "start": (
      lower < curriculum.start <= upper,
      f"above {lower:g} and up to {upper:g} m/s, command_config.lin_vel_x",
    ),
    "settle_time": (
      curriculum.settle_time >= dt,
      f"at least a control step, {dt:g} s",
    ),
    "judge_time": (
      curriculum.judge_time > 0 and judged_at <= lasts,
      f"above 0 and, with settle_time, up to {lasts:g} s, which commands last",
    ),
  }
  for name, (fine, expected) in checks.items():
    if not fine:
      raise ValueError(
        f"command_config.curriculum.{name} is {curriculum[name]:g}; it must be"
        f" {expected}"
      )


def begin(config: config_dict.ConfigDict) -> dict[str, jax.Array]:
  """A robot's first entries in `info`; none when there is no curriculum."""
  if not config.curriculum.enable:
    return {}
  return {
    "command_limit": jp.array(config.curriculum.start, jp.float32),
    "command_error": jp.zeros(()),
    "command_falls": jp.zeros((), jp.int32),
  }


def bounds(
  rng: jax.Array, limit: jax.Array, config: config_dict.ConfigDict
) -> tuple[jax.Array, jax.Array]:
  """Between which speeds () [m/s] to draw the next command.

  The whole range up to the limit, or its bin alone, so that it gets tested; a
  limit at the range's top need not be.
  """
  lower, upper = (float(x) for x in config.lin_vel_x)
  bin_lower = jp.maximum(limit - config.curriculum.bin_width, lower)
  test = jax.random.bernoulli(rng, config.curriculum.limit_share)
  return jp.where(test & (limit < upper), bin_lower, lower), limit


def advance(
  info: Mapping[str, jax.Array],
  config: config_dict.ConfigDict,
  dt: float,
  fallen: jax.Array,
  ended: jax.Array,
) -> dict[str, jax.Array]:
  """The entries of `info` after a step.

  Args:
    info: of the step, with the command and the counts that it began with.
    config: of the commands, with the curriculum in it.
    dt: control step [s].
    fallen: () bool, whether the robot fell.
    ended: () bool, whether this was the command's last step.
  """
  curriculum = config.curriculum
  limit, speed = info["command_limit"], info["command"][0]
  steps = info["command_steps"] + 1 - round(curriculum.settle_time / dt)
  error = jp.abs(info["mean_velocity"][0] - speed)
  # Every command begins unsettled, and with that the sum begins anew.
  total = jp.where(steps > 0, info["command_error"] + error, 0.0)
  at_limit = (speed > limit - curriculum.bin_width) & (speed <= limit)
  tracked = steps >= round(curriculum.judge_time / dt)
  tracked &= total <= curriculum.success_error * steps
  limit, falls = move(
    limit,
    info["command_falls"],
    at_limit & ended & tracked & ~fallen,
    at_limit & fallen,
    config,
  )
  return {
    "command_limit": limit,
    "command_error": total,
    "command_falls": falls,
  }


def move(
  limit: jax.Array,
  falls: jax.Array,
  success: jax.Array,
  fall: jax.Array,
  config: config_dict.ConfigDict,
) -> tuple[jax.Array, jax.Array]:
  """The next limit () [m/s] and count of falls ().

  Args:
    limit: () [m/s].
    falls: () counted so far.
    success: () bool, whether a command of the limit's bin was just mastered.
    fall: () bool, whether the robot just fell under one.
    config: of the commands, with the curriculum in it.
  """
  curriculum = config.curriculum
  falls = jp.where(success, 0, falls + fall)
  lower = falls >= curriculum.falls
  bins = success.astype(jp.float32) - lower.astype(jp.float32)
  limit = jp.clip(
    limit + bins * curriculum.bin_width, curriculum.start, config.lin_vel_x[1]
  )
  return limit, jp.where(lower, 0, falls)
