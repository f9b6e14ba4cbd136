"""Before a training: its plan, what it learns from, and what would fail."""

import contextlib
import dataclasses
import pathlib
import sys
from typing import Any

import jax
import mujoco_playground
from ml_collections import config_dict

from wildrobot_playground.envs import playground_amp, registration
from wildrobot_playground.features.dataset import ReferenceDataset
from wildrobot_playground.robots import catalog, playground
from wildrobot_playground.runs import memory, reference
from wildrobot_playground.runs.doctor import checks, finding
from wildrobot_playground.runs.plan import Plan, Request, make_plan
from wildrobot_playground.runs.store import claiming, resume
from wildrobot_playground.system import backend, distributed, errors


def plan_of(
  request: Request, claims: contextlib.ExitStack
) -> tuple[Plan, resume.Resume | None]:
  """The plan, and what it goes on with, which is claimed then."""
  goes_on = None
  if request.resume:
    goes_on = resume.find(request.resume, request.run_dir)
  found = None if goes_on is None else str(goes_on.folder)
  if found != distributed.from_primary(found):
    raise errors.UsageError(
      f"--resume={request.resume}: this process finds {found or 'no run'}, the"
      f" first one another: {resume.SHARED}"
    )
  if goes_on is None:
    plan = make_plan(request)
    # Its default tells the time, which is every process's own.
    run_dir = pathlib.Path(distributed.from_primary(str(plan.run_dir)))
    return dataclasses.replace(plan, run_dir=run_dir), None
  run_dir = goes_on.folder
  claiming.claim(run_dir, claims)
  saved = resume.read_config(run_dir)
  plan = make_plan(dataclasses.replace(request, run_dir=str(run_dir)), saved)
  resume.check(plan, saved, request.resume_override)
  return plan, goes_on


def ensure_reference(plan: Plan) -> None:
  """Makes the reference of a robot that somebody brings, by one process."""
  if not plan.is_ours or plan.reference is not None:
    return
  if distributed.is_primary():
    reference.ensure(catalog.of_environment(plan.env)[0])
  distributed.from_primary(None)  # The others wait for it.


def environment_of(plan: Plan) -> Any:
  """The environment; one of Playground's with AMP features, where it must.

  Raises:
    UsageError: for one that can have no motion prior, and must.
    ValueError: for what it cannot be made of.
  """
  if plan.is_ours:
    return mujoco_playground.registry.load(plan.env, config=plan.env_config)
  env = playground.load(plan.env, config=plan.env_config)
  if plan.amp.weight == 0:
    return env
  try:
    robot = playground_amp.robot_of(env, plan.env)
  except errors.UsageError as error:
    raise errors.UsageError(
      f"{plan.env} can have no motion prior (--amp_weight=0 goes without):"
      f" {error}"
    ) from error
  if plan.reference is None:
    if distributed.is_primary():
      reference.ensure(robot)
    distributed.from_primary(None)
  clips = reference.clips_of(plan.reference) if plan.reference else robot.clips
  return registration.with_features(env, robot, plan.amp.playground, clips)


def reference_of(
  plan: Plan,
  environment: Any,
  request: Request,
  goes_on: bool,
) -> ReferenceDataset | None:
  """What the run learns from, and is measured against.

  A resumed run keeps the features that it has, whatever became of their source.
  """
  if not plan.is_ours and plan.amp.weight == 0:
    return None
  if goes_on and "reference" not in request.resume_override:
    return reference.of_run(plan.run_dir)
  return reference.find(plan.reference, environment)


def fit_memory(plan: Plan, environment: Any, request: Request) -> Plan:
  """A plan whose robots fit into memory; what was asked for stays, warned of.

  Of several processes all follow the first one.
  """
  free = distributed.from_primary(backend.free_bytes())
  if not plan.is_ours or free is None:
    return plan
  fitting = memory.fitting(environment, plan.ppo, free, jax.device_count())
  if fitting["num_envs"] == plan.ppo.num_envs:
    return plan
  needed = memory.bytes_needed(environment, plan.ppo, jax.device_count())
  said = (
    f"{plan.ppo.num_envs:,} robots take about {needed / 1e9:.1f} GB a device,"
    f" {free / 1e9:.1f} GB are free"
  )
  flags = [f"--ppo.{name}=" for name in fitting]
  if any(text.startswith(tuple(flags)) for text in request.overrides):
    less = " ".join(f"--ppo.{name}={n}" for name, n in fitting.items())
    print(f"warning: {said}; {less} would fit", file=sys.stderr)
    return plan
  print(f"note: {said}; training with {fitting['num_envs']:,}", file=sys.stderr)
  ppo_config = config_dict.ConfigDict(plan.ppo)
  ppo_config.update(fitting)
  return dataclasses.replace(plan, ppo=ppo_config)


def check(
  plan: Plan,
  environment: Any,
  dataset: ReferenceDataset,
) -> None:
  """The quick part of the doctor: a leak costs seconds here, hours later.

  Raises:
    UsageError: when something fails with which style cannot be learnt.
  """
  if plan.amp.weight == 0:
    return
  findings = checks.quick(
    environment, dataset, reference.clips_of(plan.reference)
  )
  failed = [f for f in findings if f.verdict == finding.FAIL]
  for found in findings:
    if found.verdict == finding.WARN:
      print(f"warning: {found.check}: {found.detail}", file=sys.stderr)
  if failed:
    raise errors.UsageError(
      "; ".join(f"{f.check}: {f.detail}; {f.remedy}" for f in failed)
      + " (--nocheck trains all the same)"
    )
