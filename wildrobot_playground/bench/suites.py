"""What `bench` measures: every suite is a list of cases, each in a process."""

import dataclasses
import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from wildrobot_playground.bench import jobs
from wildrobot_playground.system import errors

Row = dict[str, Any]

ENVIRONMENT_ROBOTS = 256
PATIENCE = 180.0  # s, for an engine that does not get to the end of compiling
_TRAINERS = ("amp", "task", "brax")


@dataclasses.dataclass(frozen=True)
class Sizes:
  """How much is measured on a kind of machine.

  Attributes:
    stepping: engine to numbers of robots.
    steps: environment steps of a measurement, by engine.
    training: numbers of robots.
    training_impls: engines that people train with here.
    iterations: of a measurement of training.
    evaluations: of a training that is watched for walking.
  """

  stepping: Mapping[str, tuple[int, ...]]
  steps: Mapping[str, int]
  training: tuple[int, ...]
  training_impls: tuple[str, ...]
  iterations: int = 8
  evaluations: int = 28

  def of(self, impls: tuple[str, ...], robots: tuple[int, ...]) -> "Sizes":
    """Other engines and numbers of robots; empty ones change nothing."""
    stepping = self.stepping
    if impls:
      stepping = {i: self.stepping.get(i, self.training) for i in impls}
    if robots:
      stepping = dict.fromkeys(stepping, robots)
    return dataclasses.replace(
      self,
      stepping=stepping,
      training=robots or self.training,
      training_impls=impls or self.training_impls,
    )


_MANY = (1024, 4096, 8192, 16384, 32768)
# By backend. MJX on a CPU is there for comparison: few robots, few steps.
SIZES = {
  "cpu": Sizes(
    stepping={"mujoco": (16, 64, 256, 512, 1024, 4096), "jax": (64, 512)},
    steps={"mujoco": 20_480, "jax": 2_048, "warp": 2_048},
    training=(256, 512, 1024),
    training_impls=("mujoco",),
    iterations=3,
  ),
  "gpu": Sizes(
    stepping={"jax": _MANY, "warp": _MANY, "mujoco": (512, 4096)},
    steps={"jax": 819_200, "warp": 819_200, "mujoco": 163_840},
    training=_MANY,
    training_impls=("jax", "warp"),
  ),
}


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is asked for.

  Attributes:
    sizes: how much to measure.
    plan: arguments of `plans.make` where a suite does not vary them.
    cores: of this machine.
    num_devices: of jax here.
    is_cpu: whether jax computes on the CPU.
    rounds: measurements of each side.
    seeds: of the trainings that are watched for walking.
    environments: of Playground; all of them when empty.
    environment_robots: how many of each.
    engines: of those that they are stepped on, after the C engine.
  """

  sizes: Sizes
  plan: Mapping[str, Any]
  cores: int
  num_devices: int
  is_cpu: bool
  rounds: int
  seeds: int
  environments: tuple[str, ...] = ()
  environment_robots: int = ENVIRONMENT_ROBOTS
  engines: tuple[str, ...] = ("jax",)


@dataclasses.dataclass(frozen=True)
class Case:
  """One process's part of a suite.

  Attributes:
    label: of the case.
    measure: returns its rows; raises `jobs.JobError`.
  """

  label: str
  measure: Callable[[], list[Row]]


def stepping(settings: Settings) -> Iterator[Case]:
  """Steps/s of the environment against number of robots, for each engine."""
  for impl, numbers in settings.sizes.stepping.items():
    for robots in numbers:
      yield Case(
        f"{impl}, {robots} robots",
        functools.partial(_step, settings, impl, robots),
      )


def threads(settings: Settings) -> Iterator[Case]:
  """Steps/s of the C engine, and of training with it, against cores."""
  plan = {**settings.plan, "impl": "mujoco"}
  for cores in sorted({*_doubling(settings.cores), settings.cores}):
    yield Case(
      f"environment, {cores} cores",
      functools.partial(_step, settings, "mujoco", plan["num_envs"], cores),
    )
    if settings.is_cpu:
      yield Case(
        f"training, {cores} cores",
        functools.partial(
          _train, settings, {"cores": cores}, cores=cores, plan=plan
        ),
      )


def training(settings: Settings) -> Iterator[Case]:
  """Training steps/s with style, without, and of stock Brax, in turn."""
  for impl in settings.sizes.training_impls:
    for robots in settings.sizes.training:
      yield Case(
        f"{impl}, {robots} robots",
        functools.partial(
          _train,
          settings,
          {"engine": impl, "num_envs": robots},
          sides=_TRAINERS,
          plan={**settings.plan, "impl": impl, "num_envs": robots},
        ),
      )


def compiling(settings: Settings) -> Iterator[Case]:
  """Compile time with an empty cache and with a full one; memory."""
  for impl in settings.sizes.training_impls:
    for robots in settings.sizes.training:
      yield Case(
        f"{impl}, {robots} robots",
        functools.partial(_compile, settings, impl, robots),
      )


def scaling(settings: Settings) -> Iterator[Case]:
  """Training steps/s over 1, 2, ... devices, the same robots in all.

  On a CPU jax makes several devices of its cores.
  """
  most = max(settings.num_devices, 2) if settings.is_cpu else 1
  for devices in _doubling(max(most, settings.num_devices)):
    yield Case(
      f"{devices} devices",
      functools.partial(
        _train,
        settings,
        {"devices": devices},
        devices=devices,
        host_devices=most,
      ),
    )


def environments(settings: Settings) -> Iterator[Case]:
  """Steps/s of every environment of Playground, in C and in MJX."""
  names = settings.environments or jobs.run("environments")["names"]
  for name in names:
    yield Case(name, functools.partial(_environment, settings, name))


def kept(settings: Settings, suite: str, rows: Sequence[Row]) -> list[Row]:
  """Earlier rows of a suite that stay: of environments not asked for."""
  if suite != "environments" or not settings.environments:
    return []
  asked = settings.environments
  return [r for r in rows if r.get("name", r.get("case")) not in asked]


def walking(settings: Settings) -> Iterator[Case]:
  """Time to walking with style and without, over seeds."""
  for side, weight in (("amp", None), ("task", 0.0)):
    for seed in range(settings.seeds):
      yield Case(
        f"{side}, seed {seed}",
        functools.partial(_walk, settings, side, weight, seed),
      )


SUITES: dict[str, Callable[[Settings], Iterator[Case]]] = {
  "stepping": stepping,
  "threads": threads,
  "training": training,
  "compiling": compiling,
  "scaling": scaling,
  "walking": walking,
  "environments": environments,
}


def _doubling(most: int) -> list[int]:
  """1, 2, 4, ... up to the most."""
  return [1 << i for i in range(most.bit_length())]


def _step(
  settings: Settings, impl: str, num_envs: int, cores: int | None = None
) -> list[Row]:
  found = jobs.run(
    "stepping",
    cores=cores,
    plan={**settings.plan, "impl": impl, "num_envs": num_envs},
    control_steps=max(settings.sizes.steps[impl] // num_envs, 1),
    rounds=settings.rounds,
  )
  labels = {"num_envs": num_envs} if cores is None else {"cores": cores}
  return [
    {"side": side, "engine": impl, **labels, **found[side]} for side in found
  ]


def _train(
  settings: Settings,
  labels: Row,
  sides: Sequence[str] = ("amp",),
  **arguments: Any,
) -> list[Row]:
  found = jobs.run(
    "training",
    **{
      "plan": settings.plan,
      "sides": sides,
      "iterations": settings.sizes.iterations,
      "rounds": settings.rounds,
      **arguments,
    },
  )
  return [
    {"side": side, **labels, **rate} for side, rate in found["rates"].items()
  ]


def _compile(settings: Settings, impl: str, num_envs: int) -> list[Row]:
  with tempfile.TemporaryDirectory() as cache:
    cold, warm = (
      jobs.run(
        "training",
        cache=cache,
        plan={**settings.plan, "impl": impl, "num_envs": num_envs},
        sides=["amp"],
        iterations=1,
        rounds=1,
      )
      for _ in range(2)
    )
  return [
    {
      "engine": impl,
      "num_envs": num_envs,
      "cold_seconds": cold["compile_seconds"],
      "warm_seconds": warm["compile_seconds"],
      "start_cold_seconds": cold["start_seconds"],
      "start_warm_seconds": warm["start_seconds"],
      "program_bytes": warm["program_bytes"],
      "peak_bytes": warm["peak_bytes"],
    }
  ]


def _environment(settings: Settings, name: str) -> list[Row]:
  """A row an engine; one that is given up has no rate."""
  rows: list[Row] = []
  for impl in ("mujoco", *settings.engines):
    labels = {
      "name": name,
      "engine": impl,
      "num_envs": settings.environment_robots,
    }
    with tempfile.TemporaryDirectory() as cache:
      try:
        found = jobs.run(
          "environment",
          cache=cache,
          patience=PATIENCE,
          name=name,
          impl=impl,
          num_envs=settings.environment_robots,
          rounds=settings.rounds,
        )
      except (jobs.JobError, errors.UsageError) as error:
        if impl == "mujoco":
          raise jobs.JobError(str(error)) from error
        rows.append({**labels, "side": "environment", "said": str(error)})
        continue
    seconds = found["compile_seconds"]
    rows += [
      {**labels, "side": side, "compile_seconds": seconds, **rate}
      for side, rate in found["rates"].items()
    ]
  return rows


def _walk(
  settings: Settings, side: str, weight: float | None, seed: int
) -> list[Row]:
  found = jobs.run(
    "walking",
    plan={**settings.plan, "amp_weight": weight, "seed": seed},
    evaluations=settings.sizes.evaluations,
  )
  return [{"side": side, "seed": seed, **found}]
