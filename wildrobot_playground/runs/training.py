"""A training run from request to evaluated policy: what `train` does."""

import dataclasses
import datetime
import os
import pathlib
import sys
import time
from importlib import metadata
from typing import Any

import jax
import mujoco_playground
from ml_collections import config_dict
from mujoco_playground.config import (
  dm_control_suite_params,
  locomotion_params,
  manipulation_params,
)

import wildrobot_playground
from wildrobot_playground import cli
from wildrobot_playground import config as config_lib
from wildrobot_playground.amp import dataset as dataset_lib
from wildrobot_playground.amp import ppo
from wildrobot_playground.registration import ENV_NAMES
from wildrobot_playground.runs import checkpoint, evaluation, plots, video
from wildrobot_playground.runs import metrics as metrics_lib
from wildrobot_playground.runs import reference as reference_lib

_VERSIONED = (
  "wildrobot-playground",
  "playground",
  "brax",
  "jax",
  "mujoco",
  "mujoco-mjx",
  "flax",
  "optax",
)


@dataclasses.dataclass(frozen=True)
class Request:
  """What the user asked for; None means the preset's or the default's.

  Attributes:
    env: environment name.
    preset: key of `config.PRESETS`, or `auto`.
    amp_weight: share of style in the reward.
    num_timesteps: environment steps.
    seed: of everything random.
    impl: physics engine.
    run_dir: run folder.
    reference: path of a dataset or of a folder of clips.
    domain_randomization: vary friction, masses and servos.
    video: render a video at the end.
    overrides: `--section.key=value` arguments.
  """

  env: str
  preset: str
  amp_weight: float | None
  num_timesteps: int | None
  seed: int
  impl: str | None
  run_dir: str | None
  reference: str | None
  domain_randomization: bool
  video: bool
  overrides: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
  """A request with every default filled in.

  Attributes:
    env_name: environment name.
    preset: key of `config.PRESETS`.
    ppo: PPO arguments.
    amp: see `config.amp_config`.
    env_config: the environment's configuration.
    seed: of everything random.
    run_dir: run folder.
    reference: path of a dataset or of a folder of clips; None for ours.
    domain_randomization: vary friction, masses and servos.
  """

  env_name: str
  preset: str
  ppo: config_dict.ConfigDict
  amp: config_dict.ConfigDict
  env_config: config_dict.ConfigDict
  seed: int
  run_dir: pathlib.Path
  reference: str | None
  domain_randomization: bool


def run(request: Request) -> pathlib.Path:
  """Trains, saves, evaluates, plots and renders; returns the run folder.

  Raises:
    cli.UsageError: for a request that cannot be carried out.
  """
  plan = make_plan(request)
  try:
    environment = mujoco_playground.registry.load(
      plan.env_name, config=plan.env_config
    )
    reference = None
    if plan.env_name in ENV_NAMES:
      reference = reference_lib.find(plan.reference, environment)
    elif plan.amp.weight > 0:
      raise cli.UsageError(
        f"{plan.env_name} emits no AMP features; set --amp_weight=0"
      )
  except ValueError as error:
    raise cli.UsageError(str(error)) from error
  plan.run_dir.mkdir(parents=True, exist_ok=True)
  checkpoint.save_config(plan.run_dir, _describe(plan))
  if reference is not None:
    dataset_lib.save(plan.run_dir / reference_lib.FILE, reference)
  _announce(plan, environment)
  params, records = _train(plan, environment, reference)
  checkpoint.save_policy(
    plan.run_dir,
    params,
    environment.observation_size,
    environment.action_size,
    plan.ppo,
  )
  plots.training_curves(records, plan.run_dir / "training.png")
  print(f"curves   {plan.run_dir / 'training.png'}")
  if plan.env_name in ENV_NAMES:
    _judge(plan, request.video)
  print(f"run      {plan.run_dir}")
  return plan.run_dir


def make_plan(request: Request) -> Plan:
  """Fills in every default and applies preset, flags and overrides, in turn.

  Raises:
    cli.UsageError: naming the nearest valid environment, preset or key.
  """
  env_name = cli.choose(
    "environment", request.env, mujoco_playground.registry.ALL_ENVS
  )
  preset = config_lib.resolve_preset(
    cli.choose("preset", request.preset, ["auto", *config_lib.PRESETS]),
    jax.default_backend(),
  )
  env_config = mujoco_playground.registry.get_default_config(env_name)
  ppo_config = _brax_ppo_config(env_name)
  amp = config_lib.amp_config()
  if env_name in ENV_NAMES:
    sections = {"ppo": ppo_config, "amp": amp, "env_config": env_config}
    config_lib.apply_preset(preset, sections)
  else:
    amp.weight = 0.0  # Playground's own environments emit no features.
  if request.num_timesteps is not None:
    ppo_config.num_timesteps = request.num_timesteps
  if request.amp_weight is not None:
    amp.weight = request.amp_weight
  if request.impl is not None:
    env_config.impl = request.impl
  cli.apply_overrides(
    {"ppo": ppo_config, "amp": amp, "env_config": env_config},
    request.overrides,
  )
  if not 0 <= amp.weight <= 1 and amp.mixing != "sum":
    raise cli.UsageError(
      f"amp_weight {amp.weight} must be between 0 (task) and 1 (style)"
    )
  stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
  default_dir = pathlib.Path("runs") / f"{env_name}-{stamp}"
  return Plan(
    env_name=env_name,
    preset=preset,
    ppo=ppo_config,
    amp=amp,
    env_config=env_config,
    seed=request.seed,
    run_dir=pathlib.Path(request.run_dir or default_dir),
    reference=request.reference,
    domain_randomization=request.domain_randomization,
  )


def _brax_ppo_config(env_name: str) -> config_dict.ConfigDict:
  """The PPO arguments that Playground (or we) tuned for an environment."""
  suites = (
    (mujoco_playground.locomotion, locomotion_params),
    (mujoco_playground.manipulation, manipulation_params),
    (mujoco_playground.dm_control_suite, dm_control_suite_params),
  )
  for suite, params in suites:
    if env_name in suite.ALL_ENVS:
      return params.brax_ppo_config(env_name)
  raise cli.UsageError(f"no PPO configuration for environment '{env_name}'")


def _train(
  plan: Plan,
  environment: Any,
  reference: dataset_lib.ReferenceDataset | None,
) -> tuple[Any, list[dict[str, float]]]:
  """The training itself: final parameters and metric records."""
  arguments = dict(plan.ppo)
  num_timesteps = arguments.pop("num_timesteps")
  arguments.pop("network_factory", None)
  randomize = None
  if plan.domain_randomization:
    randomize = mujoco_playground.registry.get_domain_randomizer(plan.env_name)
  print("compiling ...", end=" ", flush=True)
  log: metrics_lib.MetricsLog | None = None

  def start_log(seconds: float) -> None:
    nonlocal log
    print(f"{seconds:.0f} s", flush=True)
    log = metrics_lib.MetricsLog(plan.run_dir, num_timesteps)

  def progress(steps: int, values: dict[str, float]) -> None:
    if log is not None:
      log(steps, values)

  started = time.monotonic()
  try:
    _, params, _ = ppo.train(
      environment,
      num_timesteps,
      amp=plan.amp,
      reference=reference,
      seed=plan.seed,
      randomization_fn=randomize,
      run_evals=False,
      progress_fn=progress,
      compiled_fn=start_log,
      network_factory=checkpoint.network_factory(plan.ppo),
      **arguments,
    )
  except (TypeError, ValueError) as error:
    raise cli.UsageError(str(error)) from error
  finally:
    if log is not None:
      log.close()
  print(f"trained  {time.monotonic() - started:.0f} s")
  return params, log.records if log is not None else []


def _judge(plan: Plan, with_video: bool) -> None:
  """Evaluates the saved policy at full accuracy; table, JSON and video."""
  report = evaluation.evaluate(plan.run_dir, seed=plan.seed)
  evaluation.save(report, plan.run_dir / "eval.json")
  print(evaluation.table(report))
  if with_video:
    path = plan.run_dir / "rollout.mp4"
    problem = video.render(report.rollouts, report.model, path)
    print(f"video    {problem or path}")


def _announce(plan: Plan, environment: Any) -> None:
  """Says what is about to happen, and how to stop it."""
  steps = plan.ppo.num_timesteps
  impl = getattr(environment, "impl", plan.env_config.get("impl", "?"))
  engine = {"mujoco": "MuJoCo C", "jax": "MJX jax", "warp": "MJX warp"}
  device = jax.devices()[0]
  style = (
    f"{plan.amp.weight:g} ({plan.amp.mixing}) towards"
    f" {plan.reference or 'the shipped reference'}"
    if plan.amp.weight > 0
    else "none"
  )
  print(f"backend  {device.platform} x {jax.local_device_count()}", end="")
  print(f", physics {engine.get(impl, impl)}")
  print(f"task     {plan.env_name}, preset {plan.preset}, seed {plan.seed}")
  print(f"style    {style}")
  print(f"budget   {steps:,} steps with {plan.ppo.num_envs} robots", end="")
  if jax.default_backend() == "cpu" and plan.env_name in ENV_NAMES:
    rate = 6_000 * (os.cpu_count() or 1)
    print(f", about {max(steps / rate / 60, 1):.0f} min", end="")
  print(f"\nprocess  {os.getpid()}; stop it with Ctrl-C")
  sys.stdout.flush()


def _describe(plan: Plan) -> dict[str, Any]:
  """What `config.json` holds."""
  return {
    "env": plan.env_name,
    "preset": plan.preset,
    "seed": plan.seed,
    "reference": plan.reference,
    "domain_randomization": plan.domain_randomization,
    "env_config": plan.env_config.to_dict(),
    "ppo": plan.ppo.to_dict(),
    "amp": plan.amp.to_dict(),
    "command": sys.argv,
    "versions": {
      "wildrobot_playground": wildrobot_playground.__version__,
      **{name: _version(name) for name in _VERSIONED[1:]},
    },
  }


def _version(package: str) -> str:
  try:
    return metadata.version(package)
  except metadata.PackageNotFoundError:
    return "unknown"
