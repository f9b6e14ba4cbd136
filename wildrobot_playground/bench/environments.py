"""Steps per second of Playground's environments, and of what is beneath them.

All sides start where the environment's own resets put the robots and do the
same for half a second: few fall in it, so that all simulate the same.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax
import mujoco_playground
import numpy as np
from mujoco import batch as mujoco_batch
from mujoco_playground import registry

from wildrobot_playground.bench.measuring import Measure
from wildrobot_playground.robots import catalog, playground
from wildrobot_playground.system import backend

_SECONDS = 0.5  # of an unroll, simulated
_LEAST = 1.0  # s that a measurement lasts
_EPISODE_STEPS = 1000


def names() -> list[str]:
  """Playground's own environments, by suite and name."""
  ours = set(catalog.environments())
  return [name for name in registry.ALL_ENVS if name not in ours]


@dataclasses.dataclass(frozen=True)
class Stepped:
  """An environment that is compiled.

  Attributes:
    measure: its rate [steps/s].
    compile_seconds: what compiling an unroll of its `step` took.
    env: as loaded.
    initial: its state after `reset`, of every robot.
    controls: (T, N, nu) what its servos were told.
  """

  measure: Measure
  compile_seconds: float
  env: Any
  initial: Any
  controls: np.ndarray


def environment(name: str, impl: str, num_envs: int) -> Stepped:
  """An environment under random actions, wrapped as for a training.

  Args:
    name: in Playground's registry.
    impl: the engine.
    num_envs: N, robots.

  Raises:
    UsageError: when it cannot be loaded.
  """
  env = playground.load(name, {"impl": impl})
  wrapped = mujoco_playground.wrapper.wrap_for_brax_training(
    env, episode_length=_EPISODE_STEPS, action_repeat=1
  )
  actions = _actions(env, num_envs)

  def unroll(state: Any) -> Any:
    def step(state: Any, action: jax.Array) -> Any:
      state = wrapped.step(state, action)
      return state, (state.reward, state.data.ctrl)

    return jax.lax.scan(step, state, actions)[1]

  keys = jax.random.split(jax.random.PRNGKey(1), num_envs)
  state = jax.jit(wrapped.reset)(keys)
  started = time.perf_counter()
  compiled = jax.jit(unroll).lower(state).compile()
  compile_seconds = time.perf_counter() - started
  controls = np.asarray(compiled(state)[1])

  def run() -> float:
    started = time.perf_counter()
    jax.block_until_ready(compiled(state))
    return time.perf_counter() - started

  return Stepped(
    _rate(run, num_envs * len(actions)), compile_seconds, env, state, controls
  )


def mujoco_alone(stepped: Stepped) -> Measure:
  """The same robots under the same controls in a bare loop over MuJoCo C."""
  env, data = stepped.env, stepped.initial.data
  batch = mujoco_batch.Batch(
    env.mj_model, len(data.qpos), min(backend.usable_cores(), len(data.qpos))
  )
  start = batch.state.copy()
  fields = {n: batch.bind(n) for n in ("qpos", "qvel", "ctrl")}
  qpos, qvel = np.asarray(data.qpos), np.asarray(data.qvel)

  def run() -> float:
    batch.state[:] = start
    fields["qpos"][...], fields["qvel"][...] = qpos, qvel
    started = time.perf_counter()
    for control in stepped.controls:
      fields["ctrl"][...] = control
      batch.step(nstep=env.n_substeps)
    return time.perf_counter() - started

  return _rate(run, len(qpos) * len(stepped.controls))


def envpool(name: str, stepped: Stepped) -> Measure | None:
  """EnvPool's own port of the environment, where that is installed and has it.

  Args:
    name: in Playground's registry.
    stepped: the environment, for its size.
  """
  try:
    import envpool as pool  # pyright: ignore[reportMissingImports]
  except ImportError:
    return None
  known = f"MuJoCoPlayground/{name}-v1"
  if known not in pool.list_all_envs():
    return None
  num_envs = len(stepped.initial.done)
  envs = pool.make(
    known,
    env_type="gymnasium",
    num_envs=num_envs,
    num_threads=backend.usable_cores(),
  )
  actions = np.asarray(_actions(stepped.env, num_envs), envs.action_space.dtype)

  def run() -> float:
    envs.reset()
    started = time.perf_counter()
    for action in actions:
      envs.step(action)
    return time.perf_counter() - started

  return _rate(run, num_envs * len(actions))


def _actions(env: Any, num_envs: int) -> jax.Array:
  """(T, N, A) half a second of random ones."""
  shape = (max(round(_SECONDS / env.dt), 1), num_envs, env.action_size)
  return jax.random.uniform(jax.random.PRNGKey(0), shape, minval=-1.0)


def _rate(run: Callable[[], float], steps: int) -> Measure:
  """Runs until a second is full; `run` tells how much of it it used."""

  def measure() -> float:
    runs, spent = 0, 0.0
    while spent < _LEAST:
      spent += run()
      runs += 1
    return runs * steps / spent

  return measure
