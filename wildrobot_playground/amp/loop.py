"""The order of a training: epochs, resets and iterations, one by one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from wildrobot_playground.amp.arguments import PPOSettings
from wildrobot_playground.amp.hooks import Hooks
from wildrobot_playground.amp.programs import (
  Programs,
  RunState,
  policy_params,
)
from wildrobot_playground.amp.progress import Progress, ProgressFn


@dataclasses.dataclass(frozen=True)
class Schedule:
  """When what happens; Brax's nesting of epochs, resets and iterations."""

  epochs: int
  resets_per_epoch: int
  iterations_per_reset: int
  steps_per_iteration: int
  resets_robots: bool
  evaluates_first: bool
  evaluates_later: bool

  @classmethod
  def of(cls, settings: PPOSettings, num_timesteps: int) -> "Schedule":
    """The schedule of at least `num_timesteps` environment steps."""
    epochs = max(settings.num_evals - 1, 1)
    resets = max(settings.num_resets_per_eval, 1)
    steps = settings.steps_per_iteration
    return cls(
      epochs=epochs,
      resets_per_epoch=resets,
      iterations_per_reset=int(
        np.ceil(num_timesteps / (epochs * steps * resets))
      ),
      steps_per_iteration=steps,
      resets_robots=settings.num_resets_per_eval > 0,
      evaluates_first=settings.num_evals > 1,
      evaluates_later=settings.num_evals > 0,
    )

  @property
  def iterations_per_epoch(self) -> int:
    """Between two evaluations."""
    return self.resets_per_epoch * self.iterations_per_reset

  @property
  def iterations(self) -> int:
    """Of the whole training."""
    return self.epochs * self.iterations_per_epoch


@dataclasses.dataclass(frozen=True)
class Loop:
  """Runs a schedule and tells the caller's functions about it.

  Attributes:
    programs: what is run.
    schedule: when.
    progress: hears of every iteration.
    evaluate_fn: (parameters, metrics) -> metrics with an evaluation's, if any.
    progress_fn: called with (steps, metrics) of every evaluation.
    params_fn: called with (steps, parameters) at the end of every epoch.
    hooks: of the caller.
  """

  programs: Programs
  schedule: Schedule
  progress: Progress
  evaluate_fn: Callable[[Any, dict[str, float]], Any] | None
  progress_fn: ProgressFn
  params_fn: Callable[[int, Any], None]
  hooks: Hooks

  def run(self, state: RunState) -> tuple[RunState, dict[str, float]]:
    """From `state` to the end, or until told to stop; and the last metrics."""
    schedule, progress = self.schedule, self.progress
    done = int(state.iteration)
    if done == 0:
      first = schedule.evaluates_first and self.evaluate_fn is not None
      self._end_epoch(0, state, {}, evaluates=first)
    metrics: dict[str, float] = {}
    for index in range(done, schedule.iterations):
      if self.hooks.stop_fn():
        break
      if index % schedule.iterations_per_reset == 0:
        state = self.programs.begin_epoch(state)
      state = self.programs.tune(state, progress.settings(index))
      state, device_metrics = self.programs.iterate(state)
      progress.add(device_metrics)
      if (index + 1) % schedule.iterations_per_reset == 0:
        state = self.programs.end_epoch(state, schedule.resets_robots)
      steps = (index + 1) * schedule.steps_per_iteration
      self.hooks.state_fn(steps, state, progress.memory)
      if (index + 1) % schedule.iterations_per_epoch == 0:
        metrics = progress.flush()
        metrics = self._end_epoch(
          progress.steps, state, metrics, schedule.evaluates_later
        )
    return state, {**progress.flush(), **metrics}

  def _end_epoch(
    self,
    steps: int,
    state: RunState,
    metrics: dict[str, float],
    evaluates: bool,
  ) -> dict[str, float]:
    """Hands out the parameters and, if asked to, evaluates them."""
    params = policy_params(state.training_state)
    self.params_fn(steps, params)
    if not evaluates:
      return metrics
    if self.evaluate_fn is not None:
      metrics = self.evaluate_fn(params, metrics)
    self.progress_fn(steps, metrics)
    return metrics
