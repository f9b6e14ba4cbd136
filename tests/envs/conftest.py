"""One compiled environment for all tests of the folder."""

from typing import NamedTuple

import jax
import jax.numpy as jp
import pytest

from wildrobot_playground.envs import walk

# C, whatever the machine; starts near the default pose, not inside a stride.
OVERRIDES = {"impl": "mujoco", "reset_config.reference_probability": 0.0}


class Compiled(NamedTuple):
  """An environment under the C engine with its jitted functions."""

  env: walk.Walk
  reset: jax.stages.Wrapped  # (rng) -> State
  step: jax.stages.Wrapped  # (State, (9,) action) -> State


@pytest.fixture(scope="session")
def compiled() -> Compiled:
  env = walk.Walk(config_overrides=OVERRIDES)
  return Compiled(env, jax.jit(env.reset), jax.jit(env.step))


@pytest.fixture(scope="session")
def env(compiled) -> walk.Walk:
  return compiled.env


@pytest.fixture(scope="session")
def first(compiled):
  """The state after a reset, and none of its arrays to be changed."""
  return compiled.reset(jax.random.key(0))


@pytest.fixture
def info(first):
  """A copy of the first state's `info`, free to be changed."""
  return jax.tree.map(jp.copy, first.info)
