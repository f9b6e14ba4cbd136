"""The training itself, with its log and its checkpoints."""

from collections.abc import Callable
from typing import Any

import jax
import mujoco_playground
import tqdm

from wildrobot_playground.amp import guard, ppo
from wildrobot_playground.amp.hooks import Hooks
from wildrobot_playground.amp.programs import Compiled
from wildrobot_playground.envs import randomize
from wildrobot_playground.features.dataset import ReferenceDataset
from wildrobot_playground.runs import duration, evaluation, plan, plan_record
from wildrobot_playground.runs.checkpointing import Checkpointing
from wildrobot_playground.runs.logs.costs import Costs
from wildrobot_playground.runs.logs.run_log import RunLog
from wildrobot_playground.runs.store import checkpoint
from wildrobot_playground.runs.store.resume import Resume
from wildrobot_playground.system import assets, distributed, errors


class Session:
  """One training, from its first parameters or a checkpoint to its end.

  Attributes:
    log: of metrics and events.
    reference: what is imitated, if anything.
    checkpoints: of its states.
  """

  def __init__(
    self,
    planned: plan.Plan,
    environment: Any,
    reference: ReferenceDataset | None,
    goes_on: Resume | None,
    request: plan.Request,
  ):
    """Compiles and writes nothing yet.

    Args:
      planned: what is trained.
      environment: of the plan.
      reference: what is imitated, if anything.
      goes_on: what the run goes on with; None for a new one.
      request: for what the plan does not say.
    """
    self.log = RunLog()
    self._plan = planned
    self._environment = environment
    self.reference = reference
    self._is_new = goes_on is None
    self._wandb = request.wandb
    self._costs = Costs()
    self._measured = duration.Measurement(planned.ppo.num_timesteps)
    self._speaks = distributed.is_primary()
    evaluate = None
    wanted = request.evaluate and self._speaks
    if wanted and planned.is_ours and reference is not None:
      evaluate = _quick_evaluation(planned, environment, reference)
    self.checkpoints = Checkpointing(
      planned, goes_on, evaluate, self.log, self._costs
    )

  def run(self) -> tuple[Any, bool]:
    """Final parameters, and whether training went to its end.

    Raises:
      UsageError: for what cannot be trained.
      RunFailedError: for a training that goes on failing.
    """
    print("compiling ...", end=" ", flush=True)
    try:
      params = self._train()
    except (TypeError, ValueError) as error:
      raise errors.UsageError(str(error)) from error
    except jax.errors.JaxRuntimeError as error:
      if "RESOURCE_EXHAUSTED" not in str(error):
        raise
      raise errors.RunFailedError(self._out_of_memory()) from error
    except guard.TrainingFailedError as error:
      self.checkpoints.wait()
      raise errors.RunFailedError(
        f"{error}; {self.checkpoints.last_good()}"
      ) from error
    finally:
      self.checkpoints.wait()
      self.log.close()
    print(f"trained  {self._costs}")
    return params, not self.checkpoints.stopped

  def _train(self) -> Any:
    """Final parameters."""
    planned, checkpoints = self._plan, self.checkpoints
    _, params, _ = ppo.train(
      self._environment,
      amp=planned.amp,
      reference=self.reference,
      seed=planned.seed,
      randomization_fn=(
        randomizer(planned) if planned.domain_randomization else None
      ),
      run_evals=False,
      restore_params=self._first_params(),
      hooks=Hooks(
        event_fn=self.log.tell,
        metrics_fn=self._progress,
        compiled_fn=self._start_log,
        restore_fn=checkpoints.restore,
        state_fn=checkpoints.keep,
        stop_fn=lambda: checkpoints.stopped,
      ),
      **checkpoint.train_arguments(planned.ppo),
    )
    return params

  def _first_params(self) -> Any:
    """The networks to start from; None for fresh ones, or to resume."""
    planned, environment = self._plan, self._environment
    if planned.init_from is None or not self._is_new:
      return None
    return checkpoint.params_to_start_from(
      assets.find_policy(planned.init_from),
      environment.observation_size,
      environment.action_size,
      planned.ppo,
    )

  def _start_log(self, compiled: Compiled) -> None:
    needs = ""
    if compiled.bytes is not None:
      needs = f", {compiled.bytes / 1e9:.2f} GB a device"
    # The evaluation was compiled as well.
    print(f"{self._costs.total:.0f} s{needs}", flush=True)
    if self._speaks:
      self.log.start(
        self._plan.run_dir,
        self._plan.ppo.num_timesteps,
        self.checkpoints.first_steps,
        plan_record.describe(self._plan),
        self._wandb,
      )

  def _progress(self, steps: int, values: dict[str, float]) -> None:
    if self._speaks and values:
      with self._costs.of("logging"):
        self.log.write(steps, values)
      if told := self._measured(steps):
        tqdm.tqdm.write(f"time     {told}")

  def _out_of_memory(self) -> str:
    sizes = self._plan.ppo
    return (
      f"the device's memory is not enough for {sizes.num_envs:,} robots"
      f" and batches of {sizes.batch_size:,}: halve --ppo.num_envs and"
      f" --ppo.batch_size; {self.checkpoints.last_good()}"
    )


def randomizer(planned: plan.Plan) -> Callable[..., Any] | None:
  """Ours with the configured ranges, or Playground's for its environment."""
  if planned.is_ours:
    return randomize.make(planned.env_config.randomize_config)
  return mujoco_playground.registry.get_domain_randomizer(planned.env)


def _quick_evaluation(
  planned: plan.Plan, environment: Any, reference: ReferenceDataset
) -> evaluation.QuickEvaluation:
  """What judges the checkpoints of a run."""
  return evaluation.QuickEvaluation(
    planned.env_config,
    lambda params: checkpoint.make_policy(
      params,
      environment.observation_size,
      environment.action_size,
      planned.ppo,
    ),
    reference,
    environment.robot,
  )
