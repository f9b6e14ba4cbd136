"""A training run from request to evaluated policy: what `train` does."""

import contextlib
import dataclasses
import math
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import mujoco_playground
import tqdm
from ml_collections import config_dict

from wildrobot_playground.amp import guard, ppo
from wildrobot_playground.envs import randomize
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy.metrics import scorecard
from wildrobot_playground.robots import catalog
from wildrobot_playground.runs import (
  duration,
  evaluation,
  memory,
  reporting,
  video,
)
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs.doctor import checks, finding
from wildrobot_playground.runs.logs import costs, curves, events, wandb_sink
from wildrobot_playground.runs.logs import metrics_log as metrics_lib
from wildrobot_playground.runs.logs import sinks as sinks_lib
from wildrobot_playground.runs.store import checkpoint, claiming, snapshots
from wildrobot_playground.runs.store import resume as resume_lib
from wildrobot_playground.system import (
  assets,
  backend,
  cli,
  distributed,
  errors,
  stopping,
)

_CHECKPOINTS_PER_RUN = 20
_EVALUATIONS_PER_RUN = 5
_STOPPING = (
  "\nstopping: this iteration ends and is saved; once more stops at once"
)


def run(request: plan_lib.Request) -> pathlib.Path:
  """Trains, saves, evaluates, plots and renders; returns the run folder.

  Stopped by a signal, it saves a checkpoint and the policy and leaves the rest.
  Of several processes (see `distributed`), the first one writes all of this.

  Raises:
    UsageError: for a request that cannot be carried out.
    RunFailedError: for a training that goes on failing.
  """
  with contextlib.ExitStack() as claims:
    return _run(request, claims)


def _run(
  request: plan_lib.Request, claims: contextlib.ExitStack
) -> pathlib.Path:
  """See `run`; the run folder stays this run's while `claims` lasts."""
  plan, goes_on = _plan(request, claims)
  try:
    _ensure_reference(plan)
    environment = mujoco_playground.registry.load(
      plan.env, config=plan.env_config
    )
    reference = _reference(plan, environment, request, goes_on is not None)
  except ValueError as error:
    raise errors.UsageError(str(error)) from error
  if goes_on is None:
    plan = _fit_memory(plan, environment, request)
    if request.check and reference is not None:
      _check(plan, environment, reference)
  if goes_on is None:
    is_named = request.run_dir is not None
    run_dir = claiming.claim_new(plan.run_dir, is_named, claims)
    plan = dataclasses.replace(plan, run_dir=run_dir)
  claiming.write_down(plan, reference, goes_on is not None)
  _announce(plan, environment)
  training = _Training(plan, environment, reference, goes_on, request)
  try:
    _finish(plan, environment, training, request.video)
  except OSError as error:
    raise errors.RunFailedError(
      f"{error.filename or plan.run_dir} cannot be written ({error.strerror});"
      f" {training.last_good()}"
    ) from error
  finally:
    training.sinks.finish()
  print(f"run      {plan.run_dir}")
  return plan.run_dir


def _finish(
  plan: plan_lib.Plan, environment: Any, training: "_Training", film: bool
) -> None:
  """Trains to the end, and leaves behind what a run leaves behind."""
  with training.stop:
    params, finished = training.run()
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
  if not distributed.is_primary():
    return
  curves.training_curves(training.records, plan.run_dir / "training.png")
  print(f"curves   {plan.run_dir / 'training.png'}")
  judged = None
  if not finished:
    print(f"stopped  go on with --resume={plan.run_dir}")
  elif training.stop.requested:
    print(f"stopped  before the evaluation of {plan.run_dir}")
  elif plan.is_ours:
    policy = checkpoint.make_policy(
      params, environment.observation_size, environment.action_size, plan.ppo
    )
    judged, path = _judge(plan, policy, film)
    training.sinks.finish(judged, path)
  page = reporting.write(plan.run_dir, judged)
  print(f"report   {page}")
  steps = [("open", str(page))]
  if finished and plan.is_ours:
    steps.append(("export", f"--checkpoint={plan.run_dir}"))
  cli.say_next(*steps)


class _Training:
  """The training itself, with its log and its checkpoints.

  Attributes:
    records: of the metrics, so far.
    sinks: where they go as well.
    stop: whether someone asked to stop; in force around `run`.
  """

  def __init__(
    self,
    plan: plan_lib.Plan,
    environment: Any,
    reference: dataset_lib.ReferenceDataset | None,
    goes_on: tuple[pathlib.Path, int | None] | None,
    request: plan_lib.Request,
  ):
    self.sinks = sinks_lib.Sinks({})
    self._wandb = request.wandb
    self._evaluate: evaluation.QuickEvaluation | None = None
    self._speaks = distributed.is_primary()
    wanted = request.evaluate and self._speaks
    if wanted and plan.is_ours and reference is not None:
      self._evaluate = _quick_evaluation(plan, environment, reference)
    self._plan = plan
    self._environment = environment
    self._reference = reference
    self._goes_on = goes_on
    self._snapshots = snapshots.Snapshots(plan.run_dir)
    self._log: metrics_lib.MetricsLog | None = None
    self._events: events.EventLog | None = None
    self._costs = costs.Costs()
    self._measured = duration.Measurement(plan.ppo.num_timesteps)
    self._first_steps = 0
    self._saved_steps = 0
    self.stop = stopping.StopRequest(_STOPPING)
    self._vote = distributed.Vote()
    self._stopped = False

  @property
  def records(self) -> list[dict[str, float]]:
    return self._log.records if self._log is not None else []

  def run(self) -> tuple[Any, bool]:
    """Final parameters, and whether training went to its end."""
    plan = self._plan
    randomizer = None
    if plan.domain_randomization:
      randomizer = _randomizer(plan)
    print("compiling ...", end=" ", flush=True)
    try:
      _, params, _ = ppo.train(
        self._environment,
        amp=plan.amp,
        reference=self._reference,
        seed=plan.seed,
        randomization_fn=randomizer,
        run_evals=False,
        progress_fn=self._progress,
        event_fn=self._tell,
        compiled_fn=self._start_log,
        restore_params=self._first_params(),
        restore_fn=self._restore,
        state_fn=self._keep,
        stop_fn=lambda: self._stopped,
        **checkpoint.train_arguments(plan.ppo),
      )
    except (TypeError, ValueError) as error:
      raise errors.UsageError(str(error)) from error
    except jax.errors.JaxRuntimeError as error:
      if "RESOURCE_EXHAUSTED" not in str(error):
        raise
      raise errors.RunFailedError(
        f"the device's memory is not enough for {plan.ppo.num_envs:,} robots"
        f" and batches of {plan.ppo.batch_size:,}: halve --ppo.num_envs and"
        f" --ppo.batch_size; {self.last_good()}"
      ) from error
    except guard.TrainingFailedError as error:
      self._snapshots.wait()
      raise errors.RunFailedError(f"{error}; {self.last_good()}") from error
    finally:
      self._snapshots.wait()
      if self._log is not None:
        self._log.close()
    print(f"trained  {self._costs}")
    return params, not self._stopped

  def _first_params(self) -> Any:
    """The networks to start from; None for fresh ones, or to resume."""
    plan, environment = self._plan, self._environment
    if plan.init_from is None or self._goes_on is not None:
      return None
    return checkpoint.params_to_start_from(
      assets.find_policy(plan.init_from),
      environment.observation_size,
      environment.action_size,
      plan.ppo,
    )

  def last_good(self) -> str:
    """Where to go on from, in words."""
    steps = self._snapshots.steps()
    if not steps:
      return "there is no checkpoint yet"
    return f"its last checkpoint is of {steps[-1]:,} steps"

  def _start_log(self, compiled: ppo.Compiled) -> None:
    needs = ""
    if compiled.bytes is not None:
      needs = f", {compiled.bytes / 1e9:.2f} GB a device"
    # The evaluation was compiled as well.
    print(f"{self._costs.total:.0f} s{needs}", flush=True)
    if not self._speaks:
      return
    run_dir, first_steps = self._plan.run_dir, self._first_steps
    earlier = metrics_lib.records_until(run_dir, first_steps)
    config = plan_lib.describe(self._plan)
    self.sinks = sinks_lib.Sinks(
      {
        sinks_lib.METRICS_FILE: lambda: sinks_lib.JsonLines(run_dir, earlier),
        "TensorBoard": lambda: sinks_lib.TensorBoard(run_dir, first_steps),
        "Weights & Biases": lambda: wandb_sink.make(
          self._wandb, run_dir, config
        ),
      }
    )
    self._log = metrics_lib.MetricsLog(
      self.sinks, self._plan.ppo.num_timesteps, first_steps, earlier
    )
    self._events = events.EventLog(run_dir, first_steps)

  def _progress(self, steps: int, values: dict[str, float]) -> None:
    if self._log is not None and values:
      with self._costs.of("logging"):
        self._log(steps, values)
      if told := self._measured(steps):
        tqdm.tqdm.write(f"time     {told}")

  def _tell(self, event: ppo.Event) -> None:
    if self._events is not None:
      self._events(event)

  def _restore(self, state: ppo.RunState) -> tuple[ppo.RunState, ppo.Memory]:
    if self._evaluate is not None:  # Compiles it, for training not to wait.
      self._evaluate(ppo.policy_params(state.training_state))
    if self._goes_on is None:
      return state, {}
    folder, steps = self._goes_on
    store = snapshots.Snapshots(folder)
    state, memory, notes = resume_lib.restore(state, store, steps)
    self._first_steps = self._saved_steps = store.restored_steps
    if self._speaks:
      for path in store.set_aside_after(store.restored_steps):
        notes.append(f"a later checkpoint is now {path}")
    print(f"resumed at {self._first_steps:,} steps ...", end=" ", flush=True)
    for note in notes:
      print(f"\nwarning: {note}", file=sys.stderr)
    return state, memory

  def _keep(
    self, steps: int, state: ppo.RunState, memory: Callable[[], ppo.Memory]
  ) -> None:
    """Saves a checkpoint where one is due, and before stopping."""
    total = self._plan.ppo.num_timesteps
    due = steps - self._saved_steps >= total / _CHECKPOINTS_PER_RUN
    self._stopped = self._vote(self.stop.requested) and steps < total
    if due or self._stopped or steps >= total:
      jax.block_until_ready(state)  # So that its time is nobody else's.
      with self._costs.of("evaluation"):
        judged = self._judge(steps, state)
      self._saved_steps = steps
      meta = {
        "steps": steps,
        "num_devices": state.device_keys.shape[0],
        "memory": memory(),
      }
      with self._costs.of("checkpoints"):
        arrays = distributed.fetch(state)
        if self._speaks:
          self._snapshots.save(steps, arrays, meta | judged)

  def _judge(self, steps: int, state: ppo.RunState) -> dict[str, float]:
    """What a checkpoint costs, where it is its turn to be evaluated."""
    share = _EVALUATIONS_PER_RUN / self._plan.ppo.num_timesteps
    if self._evaluate is None or int(steps * share) == int(
      self._saved_steps * share
    ):
      return {}
    found = self._evaluate(ppo.policy_params(state.training_state))
    if self._log is not None:
      self._log.add(found)
    # Without a speed, for all fell at once, it is nobody's best.
    cost = found["eval/cost"]
    return {"cost": cost} if math.isfinite(cost) else {}


def _randomizer(plan: plan_lib.Plan) -> Callable[..., Any] | None:
  """Ours with the configured ranges, or Playground's for its environment."""
  if plan.is_ours:
    return randomize.make(plan.env_config.randomize_config)
  return mujoco_playground.registry.get_domain_randomizer(plan.env)


def _quick_evaluation(
  plan: plan_lib.Plan,
  environment: Any,
  reference: dataset_lib.ReferenceDataset,
) -> evaluation.QuickEvaluation:
  """What judges the checkpoints of a run."""
  return evaluation.QuickEvaluation(
    plan.env_config,
    lambda params: checkpoint.make_policy(
      params, environment.observation_size, environment.action_size, plan.ppo
    ),
    reference,
    environment.robot,
  )


def _plan(
  request: plan_lib.Request, claims: contextlib.ExitStack
) -> tuple[plan_lib.Plan, tuple[pathlib.Path, int | None] | None]:
  """The plan, and what it goes on with, which is claimed then."""
  goes_on = None
  if request.resume:
    goes_on = resume_lib.find(request.resume, request.run_dir)
  found = None if goes_on is None else str(goes_on[0])
  if found != distributed.from_primary(found):
    raise errors.UsageError(
      f"--resume={request.resume}: this process finds {found or 'no run'}, the"
      f" first one another: {resume_lib.SHARED}"
    )
  if goes_on is None:
    plan = plan_lib.make_plan(request)
    # Its default tells the time, which is every process's own.
    run_dir = pathlib.Path(distributed.from_primary(str(plan.run_dir)))
    return dataclasses.replace(plan, run_dir=run_dir), None
  run_dir, _ = goes_on
  claiming.claim(run_dir, claims)
  saved = resume_lib.read_config(run_dir)
  plan = plan_lib.make_plan(
    dataclasses.replace(request, run_dir=str(run_dir)), saved
  )
  resume_lib.check(plan, saved, request.resume_override)
  return plan, goes_on


def _ensure_reference(plan: plan_lib.Plan) -> None:
  """Makes the reference of a robot that somebody brings, by one process."""
  if not plan.is_ours or plan.reference is not None:
    return
  if distributed.is_primary():
    reference_lib.ensure(catalog.of_environment(plan.env)[0])
  distributed.from_primary(None)  # The others wait for it.


def _reference(
  plan: plan_lib.Plan,
  environment: Any,
  request: plan_lib.Request,
  goes_on: bool,
) -> dataset_lib.ReferenceDataset | None:
  """What the run learns from, and is measured against.

  A resumed run keeps the features that it has, whatever became of their source.
  """
  if goes_on and plan.is_ours and "reference" not in request.resume_override:
    return reference_lib.of_run(plan.run_dir)
  if plan.is_ours:
    return reference_lib.find(plan.reference, environment)
  if plan.amp.weight > 0:
    raise errors.UsageError(
      f"{plan.env} emits no AMP features; set --amp_weight=0"
    )
  return None


def _fit_memory(
  plan: plan_lib.Plan, environment: Any, request: plan_lib.Request
) -> plan_lib.Plan:
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


def _check(
  plan: plan_lib.Plan,
  environment: Any,
  reference: dataset_lib.ReferenceDataset,
) -> None:
  """The quick part of the doctor: a leak costs seconds here, hours later.

  Raises:
    UsageError: when something fails with which style cannot be learnt.
  """
  if plan.amp.weight == 0:
    return
  findings = checks.quick(
    environment, reference, reference_lib.clips_of(plan.reference)
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


def _judge(
  plan: plan_lib.Plan, policy: Any, with_video: bool
) -> tuple[scorecard.Report, pathlib.Path | None]:
  """Evaluates the policy at full accuracy; table, JSON and video."""
  with _doing("evaluating"):
    judged = evaluation.evaluate(plan.run_dir, seed=plan.seed, policy=policy)
  scorecard.save(judged, plan.run_dir / "eval.json")
  print(scorecard.table(judged))
  if not with_video:
    return judged, None
  path = plan.run_dir / "rollout.mp4"
  with _doing("filming (--novideo leaves it out)"):
    problem = video.render(judged.rollouts, judged.robot, path)
  print(f"video    {problem or path}")
  return judged, None if problem else path


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


def _accuracy(config: config_dict.ConfigDict) -> str:
  """Time step and solver in words; nothing for who has none of ours."""
  if "solver" not in config:
    return ""
  return (
    f", {1000 * config.sim_dt:g} ms, {config.solver.iterations} solver"
    " iterations"
  )


def _announce(plan: plan_lib.Plan, environment: Any) -> None:
  """Says what is about to happen, and how to stop it."""
  impl = getattr(environment, "impl", plan.env_config.get("impl", "?"))
  engine = {"mujoco": "MuJoCo C", "jax": "MJX jax", "warp": "MJX warp"}
  style = "none"
  if plan.amp.weight > 0:
    target = plan.reference or "the shipped reference"
    style = f"{plan.amp.weight:g} ({plan.amp.mixing}) towards {target}"
  budget = f"{plan.ppo.num_timesteps:,} steps with {plan.ppo.num_envs} robots"
  seconds = duration.guess(plan, plan.ppo.num_timesteps)
  if seconds is not None:
    budget += f", {duration.said(seconds)} of training at a guess"
  print(
    f"backend  {backend.describe()}\n"
    f"physics  {engine.get(impl, impl)}{_accuracy(plan.env_config)}\n"
    f"task     {plan.env}, preset {plan.preset}, seed {plan.seed}\n"
    f"style    {style}\n"
    f"budget   {budget}\n"
    f"folder   {plan.run_dir}\n"
    f"process  {os.getpid()}; stop it with Ctrl-C or kill {os.getpid()}, it"
    " saves first",
    flush=True,
  )
