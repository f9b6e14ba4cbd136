"""What the host learns of a run, iteration by iteration, and remembers."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax

from wildrobot_playground.amp import guard, health, tuning

ProgressFn = Callable[[int, dict[str, float]], None]


@dataclasses.dataclass(frozen=True)
class Event:
  """Something that a reader of the log should be told.

  Attributes:
    steps: environment steps at which it happened.
    kind: `incident` (something was not finite), `health` (the discriminator's
      state changed) or `tuning` (its settings did).
    text: a sentence.
    state: of the discriminator, for `health`; one of `health.STATES`.
  """

  steps: int
  kind: str
  text: str
  state: str = ""


EventFn = Callable[[Event], None]


class Progress:
  """Hands metrics on an iteration late, so that nobody waits for them."""

  def __init__(
    self,
    metrics_fn: ProgressFn,
    event_fn: EventFn,
    steps_per_iteration: int,
    iterations: int,
    watch: guard.Watch,
    tuner: tuning.Tuner | None,
    memory: Mapping[str, Any],
  ):
    """Goes on after `iterations` of them.

    Args:
      metrics_fn: called with (steps, metrics) of every iteration.
      event_fn: called with every `Event`.
      steps_per_iteration: environment steps in one.
      iterations: how many are done.
      watch: reads the guards' metrics.
      tuner: reads the discriminator's, if there is one.
      memory: of the run that goes on; empty for a new one.
    """
    self._metrics_fn = metrics_fn
    self._event_fn = event_fn
    self._steps_per_iteration = steps_per_iteration
    self._iterations = iterations
    self._watch = watch
    self._tuner = self._previous = tuner
    if tuner is not None and memory.get("tuner"):
      self._tuner = tuning.Tuner.from_dict(memory["tuner"])
      self._previous = tuning.Tuner.from_dict(memory["previous_tuner"])
    watch.restore(memory.get("guard", {}))
    self._pending: dict[str, jax.Array] | None = None
    self._metrics: dict[str, float] = {}
    self._time = time.monotonic()

  @property
  def steps(self) -> int:
    """Environment steps that were reported."""
    return self._iterations * self._steps_per_iteration

  def add(self, device_metrics: dict[str, jax.Array]) -> None:
    """Reports the iteration before the one that was just started."""
    pending, self._pending = self._pending, device_metrics
    if pending is not None:
      self._report(pending)

  def flush(self) -> dict[str, float]:
    """Reports the last iteration too and returns its metrics."""
    if self._pending is not None:
      self._report(self._pending)
      self._pending = None
    return self._metrics

  def memory(self) -> dict[str, Any]:
    """Plain values with which a run goes on as if never stopped."""
    self.flush()
    memory: dict[str, Any] = {"guard": self._watch.counts()}
    if self._tuner is not None and self._previous is not None:
      memory["tuner"] = self._tuner.to_dict()
      memory["previous_tuner"] = self._previous.to_dict()
    return memory

  def settings(self, index: int) -> tuning.Settings | None:
    """The discriminator's in iteration `index`, if they are being tuned.

    They follow from the iterations before the last one, whether or not the last
    one was reported already, so that flushing changes nothing.
    """
    reported_all = self._iterations >= index
    tuner = self._previous if reported_all else self._tuner
    return tuner.settings if tuner is not None and tuner.acts else None

  def _report(self, device_metrics: dict[str, jax.Array]) -> None:
    values = {k: float(v) for k, v in jax.device_get(device_metrics).items()}
    now = time.monotonic()
    values["training/sps"] = self._steps_per_iteration / (now - self._time)
    self._time = now
    self._iterations += 1
    values = self._watch(values, lambda text: self._tell("incident", text))
    if self._tuner is not None:
      values |= self._observe(self._tuner, values)
    self._metrics = values
    self._metrics_fn(self.steps, values)

  def _observe(
    self, before: tuning.Tuner, values: dict[str, float]
  ) -> dict[str, float]:
    """Judges the discriminator; metrics of the verdict."""
    after = before.observe(values)
    self._previous, self._tuner = before, after
    state = after.monitor.state
    if state != before.monitor.state:
      self._tell("health", after.monitor.reason + after.advice(), state)
    if after.settings != before.settings:
      self._tell("tuning", tuning.changes(before.settings, after.settings))
    metrics = {"amp/health": float(health.STATES.index(state))}
    if after.acts:
      for field in dataclasses.fields(after.settings):
        value = float(getattr(after.settings, field.name))
        metrics[f"amp/{field.name}"] = value
    return metrics

  def _tell(self, kind: str, text: str, state: str = "") -> None:
    self._event_fn(Event(self.steps, kind, text, state))
