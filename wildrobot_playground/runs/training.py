"""A training run from request to evaluated policy: what `train` does."""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Iterator
from typing import Any

from wildrobot_playground.features.dataset import ReferenceDataset
from wildrobot_playground.policy.metrics import episodes, joystick, scorecard
from wildrobot_playground.runs import (
  announcement,
  evaluation,
  joystick_evaluation,
  preflight,
  reporting,
  video,
)
from wildrobot_playground.runs.logs import curves
from wildrobot_playground.runs.plan import Plan, Request
from wildrobot_playground.runs.session import Session
from wildrobot_playground.runs.store import checkpoint, claiming
from wildrobot_playground.system import cli, distributed, errors, stopping


def run(request: Request) -> pathlib.Path:
  """Trains, saves, evaluates, plots and renders; returns the run folder.

  Stopped by a signal, it saves a checkpoint and the policy and leaves the rest.
  Of several processes (see `distributed`), the first one writes all of this.

  Raises:
    UsageError: for a request that cannot be carried out.
    RunFailedError: for a training that goes on failing.
  """
  with contextlib.ExitStack() as claims:
    return _run(request, claims)


def _run(request: Request, claims: contextlib.ExitStack) -> pathlib.Path:
  """See `run`; the run folder stays this run's while `claims` lasts."""
  plan, goes_on = preflight.plan_of(request, claims)
  try:
    preflight.ensure_reference(plan)
    environment = preflight.environment_of(plan)
    reference = preflight.reference_of(
      plan, environment, request, goes_on is not None
    )
  except ValueError as error:
    raise errors.UsageError(str(error)) from error
  if goes_on is None:
    plan = preflight.fit_memory(plan, environment, request)
    if request.check and reference is not None:
      preflight.check(plan, environment, reference)
    is_named = request.run_dir is not None
    run_dir = claiming.claim_new(plan.run_dir, is_named, claims)
    plan = dataclasses.replace(plan, run_dir=run_dir)
  claiming.write_down(plan, reference, goes_on is not None)
  announcement.announce(plan, environment)
  session = Session(plan, environment, reference, goes_on, request)
  try:
    _finish(plan, environment, session, request.video)
  except OSError as error:
    raise errors.RunFailedError(
      f"{error.filename or plan.run_dir} cannot be written ({error.strerror});"
      f" {session.checkpoints.last_good()}"
    ) from error
  finally:
    session.log.sinks.finish()
  print(f"run      {plan.run_dir}")
  return plan.run_dir


def _finish(plan: Plan, environment: Any, session: Session, film: bool) -> None:
  """Trains to the end, and leaves behind what a run leaves behind."""
  with session.checkpoints.stop:
    params, finished = session.run()
    if distributed.is_primary():
      checkpoint.save_policy(
        plan.run_dir,
        params,
        environment.observation_size,
        environment.action_size,
        plan.ppo,
      )
    stopping.now_saved(
      f"stopped  checkpoints and policy are saved in {plan.run_dir}"
    )
  if distributed.is_primary():
    _leave_behind(
      plan, environment, session, params if finished else None, film
    )


def _leave_behind(
  plan: Plan, environment: Any, session: Session, params: Any, film: bool
) -> None:
  """Curves, evaluation, video and report; `params` is None when stopped."""
  curves.training_curves(session.log.records, plan.run_dir / "training.png")
  print(f"curves   {plan.run_dir / 'training.png'}")
  judged = None
  if params is None:
    print(f"stopped  go on with --resume={plan.run_dir}")
  elif session.checkpoints.stop.requested:
    print(f"stopped  before the evaluation of {plan.run_dir}")
  else:
    policy = checkpoint.make_policy(
      params, environment.observation_size, environment.action_size, plan.ppo
    )
    if plan.is_ours:
      judged, path = _judge(plan, policy, film)
      session.log.sinks.finish(judged, path)
    else:
      _judge_theirs(plan, policy, session.reference, film)
  page = reporting.write(plan.run_dir, judged)
  print(f"report   {page}")
  steps = [("open", str(page))]
  if params is not None:
    steps.append(("export", f"--checkpoint={plan.run_dir}"))
  cli.say_next(*steps)


def _judge(
  plan: Plan, policy: Any, with_video: bool
) -> tuple[scorecard.Report, pathlib.Path | None]:
  """Evaluates the policy at full accuracy; table, JSON and video."""
  with _doing("evaluating"):
    fastest = float(plan.env_config.command_config.lin_vel_x[1])
    judged = evaluation.evaluate(
      plan.run_dir,
      commands=episodes.grid(fastest),
      seed=plan.seed,
      policy=policy,
    )
  scorecard.save(judged, plan.run_dir / "eval.json")
  print(scorecard.table(judged))
  if not with_video:
    return judged, None
  path = plan.run_dir / "rollout.mp4"
  with _doing("filming (--novideo leaves it out)"):
    problem = video.render(judged.rollouts, judged.robot, path)
  print(f"video    {problem or path}")
  return judged, None if problem else path


def _judge_theirs(
  plan: Plan, policy: Any, reference: ReferenceDataset | None, film: bool
) -> None:
  """The same for an environment of Playground, by its own commands."""
  with _doing("evaluating"):
    env = joystick_evaluation.environment(plan)
    judged = joystick_evaluation.judge(env, policy, reference, seed=plan.seed)
  joystick.save(judged.report, plan.run_dir / "eval.json")
  print(joystick.table(judged.report))
  if film:
    path = plan.run_dir / "rollout.mp4"
    with _doing("filming (--novideo leaves it out)"):
      problem = judged.film(path)
    print(f"video    {problem or path}")


@contextlib.contextmanager
def _doing(what: str) -> Iterator[None]:
  """Says what takes so long, and afterwards how long it took."""
  started = time.monotonic()
  print(f"{what} ...", end=" ", flush=True)
  try:
    yield
  except BaseException:
    print()
    raise
  print(f"{time.monotonic() - started:.0f} s")
