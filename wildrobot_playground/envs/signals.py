"""What a real robot's wires do: offsets, play of the gears, late and lost data.

All of it is at the level of signals, so every engine has it, and the physics
model stays what it is.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jp
from ml_collections import config_dict

_PLAY_TORQUE = (
  0.05  # N·m that push a gear from the middle of its play to a side
)

Signals = dict[str, jax.Array]


def default_config() -> config_dict.ConfigDict:
  """A robot without any of it."""
  return config_dict.create(
    enable=False,
    gyro_bias=0.0,  # rad/s, drawn up to this for every axis and episode
    joint_offset=0.0,  # rad, between a servo's zero and ours, likewise
    backlash=0.0,  # rad, play of the gears to either side
    delay_steps=(0, 0),  # control steps that readings are late, both included
    drop_probability=0.0,  # of a step whose readings are lost
  )


def begin(
  config: config_dict.ConfigDict, rng: jax.Array, signals: Signals
) -> dict[str, Any]:
  """What `info` keeps of an episode: nothing where all is perfect.

  Args:
    config: see `default_config`.
    rng: of the episode's offsets and delay.
    signals: at its start: `gyro` (3,), `joint_pos` (nu,) and others.
  """
  if not config.enable:
    return {}
  nu = signals["joint_pos"].shape[0]
  drawn = draw(config, rng, nu)
  reported = _offset(signals, drawn, jp.zeros(nu))
  return {
    "wires": drawn,
    "reported": reported,
    "late_signals": {
      name: jp.tile(value, (config.delay_steps[1], 1))
      for name, value in reported.items()
    },
  }


def draw(
  config: config_dict.ConfigDict, rng: jax.Array, nu: int
) -> dict[str, jax.Array]:
  """An episode's offsets: `gyro` (3,), `joint` (nu,), and `delay` ()."""
  key_gyro, key_joint, key_delay = jax.random.split(rng, 3)
  low, high = config.delay_steps
  return {
    # =U(-bias, bias), =U(-offset, offset).
    "gyro": config.gyro_bias * jax.random.uniform(key_gyro, (3,), minval=-1.0),
    "joint": config.joint_offset
    * jax.random.uniform(key_joint, (nu,), minval=-1.0),
    "delay": jax.random.randint(key_delay, (), low, high + 1),
  }


def report(
  config: config_dict.ConfigDict,
  info: dict[str, Any],
  rng: jax.Array,
  signals: Signals,
  torque: jax.Array,
) -> Signals:
  """What the robot's computer gets to see now; `info` remembers the rest.

  Args:
    config: see `default_config`.
    info: with what `begin` gave; changed in place.
    rng: of this step.
    signals: as they are.
    torque: (nu,) of the servos [N·m], which decides the side of the play.
  """
  if "wires" not in info:
    return signals
  newest = _offset(signals, info["wires"], _play(config, torque))
  lost = jax.random.bernoulli(rng, config.drop_probability)
  late, reported = {}, {}
  for name, value in newest.items():
    queue = jp.concatenate([value[None], info["late_signals"][name]])
    late[name] = queue[:-1]
    arriving = queue[info["wires"]["delay"]]
    reported[name] = jp.where(lost, info["reported"][name], arriving)
  info["late_signals"], info["reported"] = late, reported
  return reported


def reach(
  config: config_dict.ConfigDict,
  info: Mapping[str, Any],
  targets: jax.Array,
  torque: jax.Array,
) -> jax.Array:
  """(nu,) the angles that the links are really driven to by `targets`."""
  if "wires" not in info:
    return targets
  return targets - info["wires"]["joint"] - _play(config, torque)


def _play(config: config_dict.ConfigDict, torque: jax.Array) -> jax.Array:
  """(nu,) how far the servo is ahead of its link within the play [rad]."""
  return config.backlash * jp.clip(torque / _PLAY_TORQUE, -1.0, 1.0)


def _offset(
  signals: Signals, drawn: Mapping[str, jax.Array], play: jax.Array
) -> Signals:
  return {
    **signals,
    "gyro": signals["gyro"] + drawn["gyro"],
    "joint_pos": signals["joint_pos"] + drawn["joint"] + play,
  }
