"""Steps per second: environment against its engines, trainer against Brax's.

  python benchmarks/throughput.py

Every comparison alternates its sides in one process and prints the ratio of
their medians: on a shared machine only ratios mean anything.
"""

import dataclasses
import functools
import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from absl import flags

from wildrobot_playground import cli

_NUM_ENVS = flags.DEFINE_integer("num_envs", 512, "Robots.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Measurements of each side.")
_MJX_ENVS = flags.DEFINE_integer("mjx_envs", 512, "Robots under MJX jax.")
_TRAINER_ITERATIONS = flags.DEFINE_integer(
  "trainer_iterations", 8, "Training iterations a measurement."
)

_CONTROL_STEPS = 40

Measure = Callable[[], float]


@dataclasses.dataclass(frozen=True)
class Comparison:
  """One side against another.

  Attributes:
    name: of the first side.
    against: name of the second side.
    rate: median of the first side [steps/s].
    base_rate: median of the second side [steps/s].
    wanted: the ratio that we hold ourselves to.
  """

  name: str
  against: str
  rate: float
  base_rate: float
  wanted: float

  def __str__(self) -> str:
    """One line of the report."""
    return (
      f"{self.name:34s} {self.rate:9,.0f}   {self.against:34s}"
      f" {self.base_rate:9,.0f}   {self.rate / self.base_rate:6.2f}"
      f"   (at least {self.wanted:g})"
    )


def compare(
  sides: Mapping[str, Measure], wanted: float, rounds: int
) -> Comparison:
  """Measures two sides in turn, `rounds` times each."""
  rates: dict[str, list[float]] = {name: [] for name in sides}
  for _ in range(rounds):
    for name, measure in sides.items():
      rates[name].append(measure())
  (name, first), (against, second) = rates.items()
  return Comparison(
    name, against, statistics.median(first), statistics.median(second), wanted
  )


def environment(impl: str, num_envs: int, control_steps: int) -> Measure:
  """Control steps per second of `WildRobotWalk` under an engine.

  Random actions; every robot starts anew in every measurement.
  """
  import jax
  from mujoco_playground import registry

  env = registry.load("WildRobotWalk", config_overrides={"impl": impl})
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


def plain_rollout(num_envs: int, control_steps: int) -> Measure:
  """Control steps per second of `mujoco.rollout` on the same robots."""
  import jax
  import mujoco
  import numpy as np
  from mujoco import rollout
  from mujoco_playground import registry

  env = registry.load("WildRobotWalk", config_overrides={"impl": "mujoco"})
  model = env.mj_model
  keys = jax.random.split(jax.random.PRNGKey(1), num_envs)
  data = jax.jit(jax.vmap(env.reset))(keys).data
  initial = np.hstack([data.time[:, None], data.qpos, data.qvel])
  steps = control_steps * env.n_substeps
  # The same random targets as the environment's, held for a control step.
  actions = np.random.default_rng(0).uniform(
    -1, 1, (num_envs, control_steps, model.nu)
  )
  targets = np.clip(
    model.keyframe("walk_ready").qpos[7:]
    + env.config.action_scale * (1 - env.config.action_filter) * actions,
    *model.actuator_ctrlrange.T,
  )
  control = np.repeat(targets, env.n_substeps, axis=1)
  cores = len(os.sched_getaffinity(0))
  pool = rollout.Rollout(nthread=cores)
  datas = [mujoco.MjData(model) for _ in range(cores)]

  def measure() -> float:
    started = time.perf_counter()
    pool.rollout(model, datas, initial, control, nstep=steps)
    return num_envs * control_steps / (time.perf_counter() - started)

  return measure


def our_trainer(iterations: int) -> Measure:
  """Training steps per second of our PPO with the motion prior."""
  from wildrobot_playground import assets
  from wildrobot_playground import config as config_lib
  from wildrobot_playground.amp import dataset as dataset_lib
  from wildrobot_playground.amp import ppo

  settings, train_arguments = _settings()
  reference = dataset_lib.load(assets.reference() / "wildrobot_walk.npz")

  def measure() -> float:
    started, stopped, steps = 0.0, 0.0, 0

    def compiled(seconds: float) -> None:
      nonlocal started
      del seconds
      started = time.perf_counter()

    def progress(num_steps: int, metrics: Mapping[str, float]) -> None:
      nonlocal stopped, steps
      del metrics
      stopped, steps = time.perf_counter(), num_steps

    ppo.train(
      _load(),
      iterations * settings,
      amp=config_lib.amp_config(),
      reference=reference,
      run_evals=False,
      compiled_fn=compiled,
      progress_fn=progress,
      **train_arguments,
    )
    return steps / (stopped - started)

  return measure


def brax_trainer(iterations: int) -> Measure:
  """Training steps per second of stock Brax PPO, same settings."""
  from brax.training.agents.ppo import train as brax_ppo
  from mujoco_playground import wrapper

  settings, train_arguments = _settings()

  def measure() -> float:
    rates: list[float] = []

    def progress(num_steps: int, metrics: Mapping[str, float]) -> None:
      del num_steps
      if "training/sps" in metrics:
        rates.append(float(metrics["training/sps"]))

    brax_ppo.train(
      environment=_load(),
      num_timesteps=3 * iterations * settings,
      wrap_env_fn=wrapper.wrap_for_brax_training,
      progress_fn=progress,
      num_eval_envs=1,
      **{**train_arguments, "num_evals": 4},
    )
    return max(rates)  # Epochs that compile something are slower.

  return measure


def _load() -> Any:
  from mujoco_playground import registry

  return registry.load("WildRobotWalk")


def _settings() -> tuple[int, dict[str, Any]]:
  """Steps an iteration, and the arguments that both trainers take."""
  from brax.training.agents.ppo import networks

  from wildrobot_playground import config as config_lib

  arguments = dict(config_lib.brax_ppo_config("WildRobotWalk"))
  arguments.pop("num_timesteps")
  factory = arguments.pop("network_factory")
  arguments["network_factory"] = functools.partial(
    networks.make_ppo_networks, **factory
  )
  steps = (
    arguments["batch_size"]
    * arguments["num_minibatches"]
    * arguments["unroll_length"]
  )
  return steps, arguments


def main(rest: list[str]) -> int:
  """Prints the three comparisons."""
  if rest:
    raise cli.UsageError(f"unknown argument '{rest[0]}'")
  num_envs, rounds = _NUM_ENVS.value, _ROUNDS.value
  iterations = _TRAINER_ITERATIONS.value
  print(
    "steps per second, medians of"
    f" {rounds}; {num_envs} robots, 2 ms x 10, 100 solver iterations,"
    f" {os.cpu_count()} cores"
  )
  ours = environment("mujoco", num_envs, _CONTROL_STEPS)
  jobs = (
    (
      {
        "environment, MuJoCo C": ours,
        "mujoco.rollout alone": plain_rollout(num_envs, _CONTROL_STEPS),
      },
      0.9,
    ),
    (
      {
        "environment, MuJoCo C": ours,
        "environment, MJX jax": environment("jax", _MJX_ENVS.value, 4),
      },
      8.0,
    ),
    (
      {
        "training with AMP": our_trainer(iterations),
        "brax ppo.train, no AMP": brax_trainer(iterations),
      },
      0.9,
    ),
  )
  for sides, wanted in jobs:
    print(compare(sides, wanted, rounds), flush=True)
  return 0


if __name__ == "__main__":
  cli.run(main)
