"""The checkpoints of a training: when one is due, judged, saved or restored."""

import math
import sys
from collections.abc import Callable

import jax

from wildrobot_playground.amp.hooks import Memory
from wildrobot_playground.amp.programs import RunState, policy_params
from wildrobot_playground.runs.evaluation import QuickEvaluation
from wildrobot_playground.runs.logs.costs import Costs
from wildrobot_playground.runs.logs.run_log import RunLog
from wildrobot_playground.runs.plan import Plan
from wildrobot_playground.runs.store import resume
from wildrobot_playground.runs.store.snapshots import Snapshots
from wildrobot_playground.system import distributed, stopping

_CHECKPOINTS_PER_RUN = 20
_EVALUATIONS_PER_RUN = 5
_STOPPING = (
  "\nstopping: this iteration ends and is saved; once more stops at once"
)


class Checkpointing:
  """Saves a training's states, and ends it after one when asked to.

  Attributes:
    stop: whether someone asked to stop; in force around the training.
    stopped: whether the training ends early; its last state is saved then.
    first_steps: where it goes on; 0 for a new run.
  """

  def __init__(
    self,
    plan: Plan,
    goes_on: resume.Resume | None,
    evaluate: QuickEvaluation | None,
    log: RunLog,
    costs: Costs,
  ):
    """Touches nothing yet.

    Args:
      plan: of the run.
      goes_on: what the run goes on with; None for a new one.
      evaluate: what judges some of the checkpoints, if any.
      log: hears of the verdicts.
      costs: hears of the time.
    """
    self.stop = stopping.StopRequest(_STOPPING)
    self.stopped = False
    self.first_steps = 0
    self._total = plan.ppo.num_timesteps
    self._goes_on = goes_on
    self._evaluate = evaluate
    self._log = log
    self._costs = costs
    self._snapshots = Snapshots(plan.run_dir)
    self._saved_steps = 0
    self._vote = distributed.Vote()

  def wait(self) -> None:
    """Returns when no save is under way."""
    self._snapshots.wait()

  def last_good(self) -> str:
    """Where to go on from, in words."""
    steps = self._snapshots.steps()
    if not steps:
      return "there is no checkpoint yet"
    return f"its last checkpoint is of {steps[-1]:,} steps"

  def restore(self, state: RunState) -> tuple[RunState, Memory]:
    """See `restore_fn` of `Hooks`."""
    if self._evaluate is not None:  # Compiles it, for training not to wait.
      self._evaluate(policy_params(state.training_state))
    if self._goes_on is None:
      return state, {}
    store = Snapshots(self._goes_on.folder)
    state, memory, notes = resume.restore(state, store, self._goes_on.steps)
    self.first_steps = self._saved_steps = store.restored_steps
    if distributed.is_primary():
      for path in store.set_aside_after(store.restored_steps):
        notes.append(f"a later checkpoint is now {path}")
    print(f"resumed at {self.first_steps:,} steps ...", end=" ", flush=True)
    for note in notes:
      print(f"\nwarning: {note}", file=sys.stderr)
    return state, memory

  def keep(
    self, steps: int, state: RunState, memory: Callable[[], Memory]
  ) -> None:
    """Saves a checkpoint where one is due, and before stopping."""
    due = steps - self._saved_steps >= self._total / _CHECKPOINTS_PER_RUN
    self.stopped = self._vote(self.stop.requested) and steps < self._total
    if due or self.stopped or steps >= self._total:
      self._save(steps, state, memory)

  def _save(
    self, steps: int, state: RunState, memory: Callable[[], Memory]
  ) -> None:
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
      if distributed.is_primary():
        self._snapshots.save(steps, arrays, meta | judged)

  def _judge(self, steps: int, state: RunState) -> dict[str, float]:
    """What a checkpoint costs, where it is its turn to be evaluated."""
    share = _EVALUATIONS_PER_RUN / self._total
    if self._evaluate is None or int(steps * share) == int(
      self._saved_steps * share
    ):
      return {}
    found = self._evaluate(policy_params(state.training_state))
    self._log.add(found)
    # Without a speed, for all fell at once, it is nobody's best.
    cost = found["eval/cost"]
    return {"cost": cost} if math.isfinite(cost) else {}
