"""Brax's training metrics: what its `log_training_metrics` asks for."""

import collections
import time
from collections.abc import Mapping

from wildrobot_playground.amp.progress import ProgressFn

_EPISODES, _LOSSES = "episode_sum/", "training/"


class TrainingMetrics:
  """Calls `progress_fn` between evaluations, every so many steps.

  With `episode/<name>`, Brax's names: means over the episodes that ended since
  the last call (a metric ending in `_per_step`: a control step), means of the
  losses, and `episode/sps`. Brax takes the last hundred episodes instead.
  """

  def __init__(self, progress_fn: ProgressFn, interval: int):
    """Starts the clock.

    Args:
      progress_fn: called with (steps, metrics).
      interval: environment steps between two calls.
    """
    self._progress_fn = progress_fn
    self._interval = interval
    self._sums: dict[str, float] = collections.defaultdict(float)
    self._iterations = 0
    self._last_steps: int | None = None
    self._last_time = time.monotonic()

  def __call__(self, steps: int, metrics: Mapping[str, float]) -> None:
    """Takes the metrics of the iteration that ended at `steps`."""
    if self._last_steps is None:
      self._last_steps = (steps - 1) // self._interval * self._interval
    for name, value in metrics.items():
      if name.startswith((_EPISODES, _LOSSES)):
        self._sums[name] += value
    self._iterations += 1
    if steps - self._last_steps < self._interval:
      return
    now = time.monotonic()
    rate = (steps - self._last_steps) / (now - self._last_time)
    self._progress_fn(steps, self._means() | {"episode/sps": rate})
    self._last_steps, self._last_time = steps, now
    self._sums.clear()
    self._iterations = 0

  def _means(self) -> dict[str, float]:
    episodes = self._sums[_EPISODES + "count"]
    steps = self._sums[_EPISODES + "length"]
    means = {}
    for name, value in self._sums.items():
      if name.startswith(_LOSSES):
        mean = value / self._iterations
        means["episode/" + name.removeprefix(_LOSSES)] = mean
      elif episodes and name != _EPISODES + "count":
        by = steps if name.endswith("_per_step") else episodes
        means["episode/" + name.removeprefix(_EPISODES)] = value / by
    return means
