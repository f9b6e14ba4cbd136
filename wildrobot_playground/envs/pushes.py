"""Kicks that change the pelvis's velocity now and then."""

import jax
import jax.numpy as jp
from ml_collections import config_dict


def default_config() -> config_dict.ConfigDict:
  """No pushes."""
  return config_dict.create(
    enable=False,
    interval=3.0,  # s
    magnitude=0.3,  # m/s
  )


def check(config: config_dict.ConfigDict, dt: float) -> None:
  """Raises ValueError for an interval below a control step `dt` [s]."""
  if config.enable and round(config.interval / dt) < 1:
    raise ValueError(
      f"push_config.interval {config.interval:g} s is shorter than a control"
      f" step, {dt:g} s"
    )


def push(
  config: config_dict.ConfigDict,
  rng: jax.Array,
  qvel: jax.Array,
  step: jax.Array,
  dt: float,
) -> jax.Array:
  """(nv,) velocities, kicked in a random direction every `interval`.

  Args:
    config: see `default_config`.
    rng: of the direction.
    qvel: (nv,) the pelvis's world velocity [m/s] comes first.
    step: () control steps of the episode so far.
    dt: control step [s].
  """
  # theta=U(0, 6.28).
  theta = jax.random.uniform(rng, maxval=2 * jp.pi)
  interval = round(config.interval / dt)
  now = (step + 1) % interval == 0
  kick = config.magnitude * jp.array([jp.cos(theta), jp.sin(theta)])
  return qvel.at[:2].add(jp.where(now, kick, jp.zeros(2)))
