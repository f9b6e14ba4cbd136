"""The discriminator's health over time: a state must hold to be believed."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from wildrobot_playground.amp import health

WINDOW = 15  # iterations that a figure is averaged over
HOLD = 8  # iterations in a row before a new state is believed
LEAK_PATIENCE = 100  # iterations too strong, until a telling feature is a leak


@dataclasses.dataclass(frozen=True)
class Monitor:
  """The state machine: `observe` gives the monitor after one more iteration.

  Attributes:
    state: one of `health.STATES`.
    reason: why, in words with the numbers.
    iteration: how many were observed.
    since: iteration at which the state was entered.
    recent: the last two windows of readings, oldest first.
    first_distance: style distance over the first window.
    best_distance: the lowest windowed style distance so far.
    candidate: the state that the newest windows speak for.
    held: for how many iterations in a row they did.
  """

  state: str = health.LEARNING
  reason: str = "not enough iterations to judge"
  iteration: int = 0
  since: int = 0
  recent: tuple[health.Reading, ...] = ()
  first_distance: float = math.inf
  best_distance: float = math.inf
  candidate: str = health.LEARNING
  held: int = 0

  def observe(self, metrics: Mapping[str, float]) -> "Monitor":
    """The monitor one iteration later; without AMP metrics, the same one."""
    reading = health.reading_of(metrics)
    if reading is None:
      return self
    recent = (*self.recent, reading)[-2 * WINDOW :]
    iteration = self.iteration + 1
    distance = health.mean(recent[-WINDOW:]).style_distance
    after = dataclasses.replace(
      self,
      iteration=iteration,
      recent=recent,
      first_distance=(distance if iteration <= WINDOW else self.first_distance),
      best_distance=(
        distance if iteration <= WINDOW else min(self.best_distance, distance)
      ),
    )
    return after._judge(metrics)

  def to_dict(self) -> dict[str, Any]:
    """Plain values, for a checkpoint."""
    return dataclasses.asdict(self)

  @classmethod
  def from_dict(cls, values: Mapping[str, Any]) -> "Monitor":
    """The monitor of `to_dict`, also after a round trip through JSON."""
    recent = tuple(health.Reading(*reading) for reading in values["recent"])
    return cls(**{**values, "recent": recent})

  def _judge(self, metrics: Mapping[str, float]) -> "Monitor":
    """Lets the newest windows confirm or change the state."""
    if len(self.recent) < 2 * WINDOW:
      return self
    candidate, reason = health.verdict(self._windows(), self.candidate)
    leak = health.leak(metrics)
    if candidate == health.TOO_STRONG and leak:
      # A policy that has yet to learn differs in single features as well.
      lasts = self.iteration - self.since >= LEAK_PATIENCE
      if self.state == health.LEAK or (
        self.state == health.TOO_STRONG and lasts
      ):
        candidate = health.LEAK
      reason = f"{reason}; {leak}"
    held = self.held + 1 if candidate == self.candidate else 1
    after = dataclasses.replace(self, candidate=candidate, held=held)
    if candidate == self.state:
      return dataclasses.replace(after, reason=reason)
    if held < HOLD:
      return after
    return dataclasses.replace(
      after, state=candidate, reason=reason, since=self.iteration
    )

  def _windows(self) -> health.Windows:
    return health.Windows(
      health.mean(self.recent[:WINDOW]),
      health.mean(self.recent[WINDOW:]),
      self.first_distance,
      self.best_distance,
    )
