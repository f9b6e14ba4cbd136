"""Steps per second of the environment, and of MuJoCo alone beneath it."""

import time
from typing import Any

import jax
import mujoco
import numpy as np
from mujoco import rollout

from wildrobot_playground.bench import plans
from wildrobot_playground.bench.measuring import Measure
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.system import backend


def environment(plan: plan_lib.Plan, control_steps: int) -> Measure:
  """Control steps per second of `WildRobotWalk`, compiled already.

  Random actions; every robot starts anew in every measurement.

  Args:
    plan: with the environment's configuration and the number of robots.
    control_steps: of a measurement.
  """
  env, num_envs = plans.environment(plan), plan.ppo.num_envs
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


def mujoco_alone(plan: plan_lib.Plan, control_steps: int) -> Measure:
  """Control steps per second of `mujoco.rollout` on the same robots.

  Args:
    plan: with the environment's configuration and the number of robots.
    control_steps: of a measurement.
  """
  env, num_envs = plans.environment(plan), plan.ppo.num_envs
  model, config = env.mj_model, plan.env_config
  keys = jax.random.split(jax.random.PRNGKey(1), num_envs)
  data = jax.jit(jax.vmap(env.reset))(keys).data
  initial = np.hstack([data.time[:, None], data.qpos, data.qvel])
  # The same random targets as the environment's, held for a control step.
  actions = np.random.default_rng(0).uniform(
    -1, 1, (num_envs, control_steps, model.nu)
  )
  targets = np.clip(
    env.default_pose
    + config.action_scale * (1 - config.action_filter) * actions,
    *env.target_range,
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
