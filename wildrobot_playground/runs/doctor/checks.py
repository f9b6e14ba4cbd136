"""What the doctor checks, and its quick part, which training runs first."""

import pathlib
from typing import Any

import mujoco_playground
import numpy as np
from ml_collections import config_dict

import wildrobot_playground  # noqa: F401  (registers the environments)
from wildrobot_playground import robots
from wildrobot_playground.envs import presets as config_lib
from wildrobot_playground.envs import walk
from wildrobot_playground.features import separability
from wildrobot_playground.features.dataset import DatasetError, ReferenceDataset
from wildrobot_playground.motion.clip import ClipError
from wildrobot_playground.policy import rollout as rollout_lib
from wildrobot_playground.robots import catalog
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs import robot_option, saved_config
from wildrobot_playground.runs.doctor import (
  feature_checks,
  reference_checks,
  robot_checks,
  system_checks,
)
from wildrobot_playground.runs.doctor.finding import FAIL, OK, WARN, Finding
from wildrobot_playground.runs.store import checkpoint as checkpoint_lib

_EPISODES, _STEPS = 8, 150  # of the checkpoint's rollouts
_SPEEDS = 3


def quick(
  environment: Any,
  reference: ReferenceDataset,
  clips: pathlib.Path | None = None,
) -> list[Finding]:
  """What must hold before training: no leak, and features that agree.

  Args:
    environment: a WildRobot environment.
    reference: what it is to imitate.
    clips: folder of the reference's clips; the shipped ones when None.
  """
  findings = [
    system_checks.model(environment),
    *feature_checks.check(environment, reference, clips),
    *reference_checks.leaks(reference, environment),
  ]
  if isinstance(environment, walk.Walk):  # Others are told more than a speed.
    findings.append(reference_checks.coverage(reference, environment))
  return findings


def full(
  reference: str | None = None,
  run_dir: pathlib.Path | None = None,
  robot: robots.RobotDescription = robots.WILDROBOT,
) -> list[Finding]:
  """Everything but the versions.

  Args:
    reference: path of a dataset or of a folder of clips; None for the run's, or
      else for the shipped one.
    run_dir: run folder to check as well.
    robot: where no run says which.

  Raises:
    CheckpointError: for a path that is no run folder.
    ConfigFileError: for one whose configuration cannot be used.
  """
  run = None
  if run_dir is not None:
    run = checkpoint_lib.load_config(run_dir)
    path = run_dir / saved_config.FILE
    saved_config.require(run, path, "env", *saved_config.SECTIONS)
    robot, _ = robot_option.of_run(run, path)
  if run is None and reference is None:
    reference_lib.ensure(robot)
  environment, ppo = _environment(run, run_dir, robot)
  findings = [
    system_checks.backend(),
    system_checks.memory(environment, ppo),
    system_checks.rendering(environment.mj_model),
  ]
  if environment.robot not in catalog.SHIPPED:
    findings += robot_checks.check(robots.of(environment.robot))
  try:
    dataset = _dataset(reference, run_dir, environment)
  except (DatasetError, ClipError) as error:
    return [
      *findings,
      system_checks.model(environment),
      Finding("reference", FAIL, str(error), "see --reference"),
    ]
  findings += quick(environment, dataset, reference_lib.clips_of(reference))
  if run_dir is not None and run is not None:
    findings += _checkpoint(run_dir, run, dataset)
  return findings


def _environment(
  run: dict[str, Any] | None,
  run_dir: pathlib.Path | None,
  robot: robots.RobotDescription,
) -> tuple[Any, config_dict.ConfigDict]:
  """The environment and PPO arguments of a run, or those of the defaults."""
  preset = config_lib.resolve_preset("auto")
  name = run["env"] if run is not None else robot.environments[0]
  env_config = mujoco_playground.registry.get_default_config(name)
  ppo = config_lib.brax_ppo_config(name)
  sections = {
    "ppo": ppo,
    "amp": config_lib.amp_config(),
    "env_config": env_config,
  }
  config_lib.apply_preset(preset, sections)
  if run is not None and run_dir is not None:
    path = run_dir / saved_config.FILE
    saved_config.fill(env_config, run, "env_config", path)
    saved_config.fill(ppo, run, "ppo", path)
  return mujoco_playground.registry.load(name, config=env_config), ppo


def _dataset(
  reference: str | None, run_dir: pathlib.Path | None, environment: Any
) -> ReferenceDataset:
  if reference is None and run_dir is not None:
    return reference_lib.of_run(run_dir)
  return reference_lib.find(reference, environment)


def _checkpoint(
  run_dir: pathlib.Path, run: dict[str, Any], dataset: ReferenceDataset
) -> list[Finding]:
  """Whether a run's policy loads, and what gives its motion away."""
  try:
    policy = checkpoint_lib.load_policy(run_dir)
  except checkpoint_lib.CheckpointError as error:
    return [Finding("policy", FAIL, str(error), "name a finished run")]
  env_config = mujoco_playground.registry.get_default_config(run["env"])
  path = run_dir / saved_config.FILE
  saved_config.fill(env_config, run, "env_config", path)
  robot, _ = robot_option.of_run(run, path)
  environment = rollout_lib.evaluation_env(env_config, "mujoco", robot)
  speeds = np.unique(dataset.clip_speeds[dataset.clip_speeds > 0])
  chosen = speeds[
    np.unique(np.linspace(0, len(speeds) - 1, _SPEEDS).astype(int))
  ]
  rollouts = rollout_lib.rollout_commands(
    environment, policy, chosen.tolist(), _EPISODES, _STEPS
  )
  rows = np.concatenate([r.features[r.alive] for r in rollouts])
  loads = Finding("policy", OK, f"loads and ran {len(rows):,} control steps")
  amp = config_lib.amp_config()
  saved_config.fill(amp, run, "amp", path)
  return [loads, _separability(dataset, rows, amp.weight)]


def _separability(
  dataset: ReferenceDataset, rows: np.ndarray, weight: float
) -> Finding:
  """Single features that tell the policy (N, F) from the reference."""
  if len(rows) == 0:
    return Finding(
      "separability", WARN, "every robot fell at once", "train it longer"
    )
  probability = dataset.weights / np.sum(dataset.weights)
  drawn = np.random.default_rng(0).choice(
    len(probability), 10 * len(probability), p=probability
  )
  aucs = separability.auc(dataset.features[drawn], rows)
  leaks = separability.leaks(aucs, dataset.layout.names)
  if not leaks:
    worst = float(np.max(np.maximum(aucs, 1 - aucs)))
    return Finding(
      "separability", OK, f"no feature alone above AUC {worst:.2f}"
    )
  return Finding(
    "separability",
    FAIL if weight > 0 else WARN,
    f"one feature alone tells it from the policy: {', '.join(map(str, leaks))}",
    "look at that feature in both before tuning anything",
  )
