"""Time to walking: how long until a policy walks at 0.4 m/s without a fall."""

import dataclasses
import time
from typing import Any

import jax

from wildrobot_playground import robots
from wildrobot_playground.amp import ppo
from wildrobot_playground.amp.hooks import Hooks
from wildrobot_playground.amp.programs import RunState, policy_params
from wildrobot_playground.bench import plans
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy import rollout as rollout_lib
from wildrobot_playground.policy.metrics import measures
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs.store import checkpoint

COMMAND = 0.4  # m/s
LARGEST_ERROR = 0.1  # m/s
_EPISODES = 32
_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What a training came to.

  Attributes:
    walks: whether an evaluation was passed; the rest is of that one, or of the
      last.
    steps: environment steps.
    seconds: since the start, compiling included, evaluations left out.
    evaluating: seconds of the evaluations before.
    velocity_error: mean over the episodes [m/s].
    falls: episodes that ended in one.
  """

  walks: bool
  steps: int
  seconds: float
  evaluating: float
  velocity_error: float
  falls: int


def passes(row: dict[str, float]) -> bool:
  """Whether an evaluation (see `gait.tracking`) is of a walk."""
  return row["falls"] == 0 and row["velocity_error"] < LARGEST_ERROR


def measure(plan: plan_lib.Plan, evaluations: int, started: float) -> Outcome:
  """Trains until an evaluation is passed, or to the end of the plan.

  Evaluations are at full accuracy: 32 episodes of ten seconds.

  Args:
    plan: of the training.
    evaluations: of a training that never walks, evenly spaced.
    started: what `time.monotonic` told when the clock started.

  Raises:
    ValueError: for a plan without a single iteration.
  """
  environment = plans.environment(plan)
  reference = reference_lib.find(plan.reference, environment)
  watch = _Watch(plan, environment, reference, evaluations, started)
  ppo.train(
    environment,
    amp=plan.amp,
    reference=reference,
    seed=plan.seed,
    run_evals=False,
    hooks=Hooks(
      state_fn=watch,
      stop_fn=lambda: watch.outcome is not None and watch.outcome.walks,
    ),
    **checkpoint.train_arguments(plan.ppo),
  )
  if watch.outcome is None:
    raise ValueError("there was nothing to train; raise --ppo.num_timesteps")
  return watch.outcome


class _Watch:
  """Evaluates a training now and then, off its clock."""

  def __init__(
    self,
    plan: plan_lib.Plan,
    environment: Any,
    reference: dataset_lib.ReferenceDataset,
    evaluations: int,
    started: float,
  ):
    self._started = started
    self.outcome: Outcome | None = None
    env = rollout_lib.evaluation_env(
      plan.env_config, "mujoco", environment.robot
    )
    self._reference = reference
    self._robot = robots.of(environment.robot)
    self._roll = rollout_lib.Roller(
      env,
      lambda params: checkpoint.make_policy(
        params,
        environment.observation_size,
        environment.action_size,
        plan.ppo,
      ),
      [COMMAND],
      _EPISODES,
      round(_SECONDS / env.dt),
    )
    self._total = plan.ppo.num_timesteps
    self._every = self._total / evaluations
    self._next = self._every
    self._evaluating = 0.0

  def __call__(self, steps: int, state: RunState, memory: Any) -> None:
    """See `state_fn` of `Hooks`."""
    del memory
    if steps < min(self._next, self._total):
      return
    self._next += self._every
    jax.block_until_ready(state)
    seconds = time.monotonic() - self._started
    params = policy_params(state.training_state)
    row = measures.summarize(
      self._roll(params)[0], self._reference, self._robot
    )
    self.outcome = Outcome(
      walks=passes(row),
      steps=steps,
      seconds=seconds,
      evaluating=self._evaluating,
      velocity_error=row["velocity_error"],
      falls=int(row["falls"]),
    )
    spent = time.monotonic() - self._started - seconds
    self._started += spent  # Evaluations are off the clock.
    self._evaluating += spent
