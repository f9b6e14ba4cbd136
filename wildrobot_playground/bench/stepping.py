"""Steps per second of the environment, and of MuJoCo alone beneath it."""

import time
from typing import Any

import jax
import mujoco
import mujoco_playground
import numpy as np
from ml_collections import config_dict
from mujoco import rollout

from wildrobot_playground import backend
from wildrobot_playground.bench.measuring import Measure

_ENV = "WildRobotWalk"


def environment(
  env_config: config_dict.ConfigDict,
  impl: str,
  num_envs: int,
  control_steps: int,
) -> Measure:
  """Control steps per second of `WildRobotWalk`, compiled already.

  Random actions; every robot starts anew in every measurement.

  Args:
    env_config: the task's configuration.
    impl: physics engine.
    num_envs: robots.
    control_steps: of a measurement.
  """
  env = _load(env_config, impl)
  actions = jax.random.uniform(
    jax.random.PRNGKey(0),
    (control_steps, num_envs, env.action_size),
    minval=-1.0,
    maxval=1.0,
  )

  def unroll(state: Any) -> Any:
    return jax.lax.scan(
      lambda s, a: (jax.vmap(env.step)(s, a), None), state, actions
    )[0].reward

  reset = jax.jit(jax.vmap(env.reset))
  state = reset(jax.random.split(jax.random.PRNGKey(1), num_envs))
  compiled = jax.jit(unroll).lower(state).compile()
  jax.block_until_ready(compiled(state))

  def measure() -> float:
    started = time.perf_counter()
    jax.block_until_ready(compiled(state))
    return num_envs * control_steps / (time.perf_counter() - started)

  return measure


def mujoco_alone(
  env_config: config_dict.ConfigDict, num_envs: int, control_steps: int
) -> Measure:
  """Control steps per second of `mujoco.rollout` on the same robots.

  Args:
    env_config: the task's configuration.
    num_envs: robots.
    control_steps: of a measurement.
  """
  env = _load(env_config, "mujoco")
  model = env.mj_model
  keys = jax.random.split(jax.random.PRNGKey(1), num_envs)
  data = jax.jit(jax.vmap(env.reset))(keys).data
  initial = np.hstack([data.time[:, None], data.qpos, data.qvel])
  # The same random targets as the environment's, held for a control step.
  actions = np.random.default_rng(0).uniform(
    -1, 1, (num_envs, control_steps, model.nu)
  )
  targets = np.clip(
    model.keyframe("walk_ready").qpos[7:]
    + env_config.action_scale * (1 - env_config.action_filter) * actions,
    *model.actuator_ctrlrange.T,
  )
  control = np.repeat(targets, env.n_substeps, axis=1)
  cores = backend.usable_cores()
  pool = rollout.Rollout(nthread=cores)
  datas = [mujoco.MjData(model) for _ in range(cores)]

  def measure() -> float:
    started = time.perf_counter()
    pool.rollout(
      model, datas, initial, control, nstep=control_steps * env.n_substeps
    )
    return num_envs * control_steps / (time.perf_counter() - started)

  return measure


def _load(env_config: config_dict.ConfigDict, impl: str) -> Any:
  return mujoco_playground.registry.load(
    _ENV, config=env_config, config_overrides={"impl": impl}
  )
