"""Reading the discriminator: which state it is in, why, and what would help.

A high accuracy is no failure by itself: a reference that no robot can reach
exactly can always be told apart. What counts is that the style reward still
tells better from worse motion, and that the policy comes nearer. So accuracy,
the spread of the style reward and the trend of the style distance are judged
together, over windows, and a state must hold before it is believed.

Everything here is host code on the metrics of `ppo.train`'s `progress_fn`.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from flax import struct

from wildrobot_playground.features import separability

LEARNING = "learning"
HEALTHY = "healthy"
SEPARATING = "separating"
TOO_STRONG = "too strong"
COLLAPSED = "collapsed"
LEAK = "leak"
STATES = (LEARNING, HEALTHY, SEPARATING, TOO_STRONG, COLLAPSED, LEAK)

WINDOW = 15  # iterations that a figure is averaged over
HOLD = 8  # iterations in a row before a new state is believed
LEAK_PATIENCE = 100  # iterations too strong, until a telling feature is a leak
AUC_PREFIX = "amp/auc/"  # metrics of `separability.auc`, if there are any

# Accuracies at which a state is entered, and left again.
_STRONG_ENTER, _STRONG_LEAVE = 0.95, 0.93
_COLLAPSED_ENTER, _COLLAPSED_LEAVE = 0.55, 0.58
_FLAT = 0.02  # spread of a style reward that tells nothing
_FADED_ENTER, _FADED_LEAVE = 0.10, 0.12  # style reward that hardly pays
_FADING = 0.5  # of the style reward, from window to window
_FALLING = 0.97  # of the style distance, from window to window
_COME_NEAR = 0.8  # of the first style distance: the policy has learnt
_LOST = 1.1  # of the best style distance: it unlearns
_MATCHED = 0.15  # style distance at which there is nothing to tell apart


class Reading(NamedTuple):
  """One iteration's metrics; their names in `ppo.train` begin with `amp/`."""

  disc_acc: float
  disc_real_mean: float
  disc_fake_mean: float
  style_reward: float
  style_reward_std: float
  style_distance: float


@struct.dataclass
class Settings:
  """What an action may change; units as in `config.amp_config`.

  Attributes:
    disc_lr: learning rate of the discriminator.
    disc_updates: its optimiser steps an iteration.
    disc_grad_penalty: weight of its gradient penalty.
    disc_input_noise: on its inputs, in the reference's standard deviations.
  """

  disc_lr: Any
  disc_updates: Any
  disc_grad_penalty: Any
  disc_input_noise: Any

  @classmethod
  def of(cls, config: Mapping[str, Any]) -> "Settings":
    """Those of an `amp` configuration."""
    names = [field.name for field in dataclasses.fields(cls)]
    return cls(**{name: config[name] for name in names})


# An action ends between these, and never moves the wrong way to get there. Too
# slow, a discriminator would stay as strong as it is.
LOWEST = Settings(1e-4, 2, 0.5, 0.01)
HIGHEST = Settings(1e-3, 32, 100.0, 2.0)
_LR_FACTOR, _OTHER_FACTOR = 3.0, 2


def suggest(state: str, settings: Settings) -> Settings:
  """Bounded settings that lead out of a state; the same where none would."""
  if state == TOO_STRONG:
    return Settings(
      _lower(settings.disc_lr, _LR_FACTOR, "disc_lr"),
      int(_lower(settings.disc_updates, _OTHER_FACTOR, "disc_updates")),
      _raise(settings.disc_grad_penalty, _OTHER_FACTOR, "disc_grad_penalty"),
      _raise(settings.disc_input_noise, _OTHER_FACTOR, "disc_input_noise"),
    )
  if state == COLLAPSED:
    return Settings(
      _raise(settings.disc_lr, _LR_FACTOR, "disc_lr"),
      int(_raise(settings.disc_updates, _OTHER_FACTOR, "disc_updates")),
      _lower(settings.disc_grad_penalty, _OTHER_FACTOR, "disc_grad_penalty"),
      _lower(settings.disc_input_noise, _OTHER_FACTOR, "disc_input_noise"),
    )
  return settings


def _lower(value: float, factor: float, name: str) -> float:
  lowest, highest = getattr(LOWEST, name), getattr(HIGHEST, name)
  return min(value, max(min(value / factor, highest), lowest))


def _raise(value: float, factor: float, name: str) -> float:
  lowest, highest = getattr(LOWEST, name), getattr(HIGHEST, name)
  return max(value, min(max(value * factor, lowest), highest))


@dataclasses.dataclass(frozen=True)
class Monitor:
  """The state machine: `observe` gives the monitor after one more iteration.

  Attributes:
    state: one of `STATES`.
    reason: why, in words with the numbers.
    iteration: how many were observed.
    since: iteration at which the state was entered.
    recent: the last two windows of readings, oldest first.
    first_distance: style distance over the first window.
    best_distance: the lowest windowed style distance so far.
    candidate: the state that the newest windows speak for.
    held: for how many iterations in a row they did.
  """

  state: str = LEARNING
  reason: str = "not enough iterations to judge"
  iteration: int = 0
  since: int = 0
  recent: tuple[Reading, ...] = ()
  first_distance: float = math.inf
  best_distance: float = math.inf
  candidate: str = LEARNING
  held: int = 0

  def observe(self, metrics: Mapping[str, float]) -> "Monitor":
    """The monitor one iteration later; without AMP metrics, the same one."""
    reading = _reading(metrics)
    if reading is None:
      return self
    recent = (*self.recent, reading)[-2 * WINDOW :]
    iteration = self.iteration + 1
    distance = _mean(recent[-WINDOW:]).style_distance
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
    recent = tuple(Reading(*reading) for reading in values["recent"])
    return cls(**{**values, "recent": recent})

  def _judge(self, metrics: Mapping[str, float]) -> "Monitor":
    """Lets the newest windows confirm or change the state."""
    if len(self.recent) < 2 * WINDOW:
      return self
    candidate, reason = _verdict(self)
    leak = _leak(metrics)
    if candidate == TOO_STRONG and leak:
      # A policy that has yet to learn differs in single features as well.
      lasts = self.iteration - self.since >= LEAK_PATIENCE
      if self.state == LEAK or (self.state == TOO_STRONG and lasts):
        candidate = LEAK
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


def _reading(metrics: Mapping[str, float]) -> Reading | None:
  """The metrics that are judged; None when one is missing or not finite."""
  values = [metrics.get(f"amp/{name}", math.nan) for name in Reading._fields]
  if not all(math.isfinite(value) for value in values):
    return None
  return Reading(*map(float, values))


def _mean(readings: tuple[Reading, ...]) -> Reading:
  """Every figure's mean."""
  columns = zip(*readings, strict=True)
  return Reading(*(sum(column) / len(readings) for column in columns))


def _leak(metrics: Mapping[str, float]) -> str | None:
  """The features that alone tell reference from policy, if any, in words."""
  aucs = {
    name.removeprefix(AUC_PREFIX): value
    for name, value in metrics.items()
    if name.startswith(AUC_PREFIX)
  }
  found = separability.leaks(list(aucs.values()), tuple(aucs))
  if not found:
    return None
  return (
    f"one feature alone tells real from fake: {', '.join(map(str, found))};"
    " if the robot moves well otherwise, this is a bug in the data, not in the"
    " tuning"
  )


def _verdict(monitor: Monitor) -> tuple[str, str]:
  """The state that the two windows speak for, and why."""
  before = _mean(monitor.recent[:WINDOW])
  now = _mean(monitor.recent[WINDOW:])
  # The candidate, too, is left later than entered: else a figure that swings
  # about a threshold would keep every state from being believed.
  strong = monitor.candidate in (TOO_STRONG, SEPARATING)
  if now.disc_acc >= (_STRONG_LEAVE if strong else _STRONG_ENTER):
    return _strong(monitor, before, now)
  collapsed = monitor.candidate == COLLAPSED
  if now.disc_acc <= (_COLLAPSED_LEAVE if collapsed else _COLLAPSED_ENTER):
    return _undecided(now)
  return HEALTHY, (
    f"accuracy {now.disc_acc:.2f}, style reward {_style(now)}, style distance"
    f" {_trend(before, now)}"
  )


def _strong(monitor: Monitor, before: Reading, now: Reading) -> tuple[str, str]:
  """Too strong or separating, at a high accuracy."""
  accuracy = f"accuracy {now.disc_acc:.3f}"
  if now.style_reward_std < _FLAT:
    return TOO_STRONG, (
      f"{accuracy} and a flat style reward ({_style(now)}): it no longer tells"
      " better from worse motion"
    )
  faded = _FADED_LEAVE if monitor.candidate == TOO_STRONG else _FADED_ENTER
  if (
    now.style_reward < faded or now.style_reward < _FADING * before.style_reward
  ):
    return TOO_STRONG, (
      f"{accuracy} and a fading style reward ({before.style_reward:.2f} ->"
      f" {_style(now)}): hardly any motion pays"
    )
  falls = now.style_distance < _FALLING * before.style_distance
  kept = (
    now.style_distance < _COME_NEAR * monitor.first_distance
    and now.style_distance < _LOST * monitor.best_distance
  )
  if falls or kept:
    return SEPARATING, (
      f"{accuracy}, yet the style reward lives ({_style(now)}) and style"
      f" distance is {_trend(before, now)}: the reference is not fully"
      " reachable, which is normal"
    )
  return TOO_STRONG, (
    f"{accuracy} and style distance does not fall ({_trend(before, now)}): the"
    f" style reward ({before.style_reward:.2f} -> {_style(now)}) shows the"
    " policy no way"
  )


def _undecided(now: Reading) -> tuple[str, str]:
  """Collapsed, or rightly undecided, at the accuracy of a coin."""
  scores = (
    f"accuracy {now.disc_acc:.2f}, scores {now.disc_real_mean:.2f} (real) and"
    f" {now.disc_fake_mean:.2f} (fake)"
  )
  if now.style_distance < _MATCHED:
    return HEALTHY, (
      f"{scores}: nothing is left to tell apart, style distance is"
      f" {now.style_distance:.2f}"
    )
  return COLLAPSED, (
    f"{scores}: it does not tell real from fake, although style distance is"
    f" {now.style_distance:.2f}"
  )


def _style(reading: Reading) -> str:
  return f"{reading.style_reward:.2f} ± {reading.style_reward_std:.3f}"


def _trend(before: Reading, now: Reading) -> str:
  return f"{before.style_distance:.2f} -> {now.style_distance:.2f}"


COOL_DOWN = WINDOW  # iterations that an action is given to show its effect


@dataclasses.dataclass(frozen=True)
class Tuner:
  """A monitor that acts: `observe` gives the tuner after one more iteration.

  Attributes:
    settings: of the discriminator, from the next iteration but one on.
    acts: whether it may change them.
    monitor: what it goes by.
    acted_at: iteration of its last action; 0 for none.
  """

  settings: Settings
  acts: bool
  monitor: Monitor = Monitor()
  acted_at: int = 0

  def observe(self, metrics: Mapping[str, float]) -> "Tuner":
    """The tuner one iteration later, with other settings where they help."""
    monitor = self.monitor.observe(metrics)
    after = dataclasses.replace(self, monitor=monitor)
    settings = suggest(monitor.state, self.settings)
    waited = monitor.iteration - self.acted_at >= COOL_DOWN
    due = self.acts and (waited or not self.acted_at)
    if settings == self.settings or not due:
      return after
    return dataclasses.replace(
      after, settings=settings, acted_at=monitor.iteration
    )

  def advice(self) -> str:
    """What would help in its state, as the end of a sentence; often empty."""
    settings = suggest(self.monitor.state, self.settings)
    if self.acts or settings == self.settings:
      return ""
    return (
      f"; try {changes(self.settings, settings)}, or let --amp.auto_tune=True"
      " do it"
    )

  def to_dict(self) -> dict[str, Any]:
    """Plain values, for a checkpoint."""
    return dataclasses.asdict(self)

  @classmethod
  def from_dict(cls, values: Mapping[str, Any]) -> "Tuner":
    """The tuner of `to_dict`, also after a round trip through JSON."""
    return cls(
      Settings(**values["settings"]),
      values["acts"],
      Monitor.from_dict(values["monitor"]),
      values["acted_at"],
    )


def changes(before: Settings, after: Settings) -> str:
  """What an action did, in words."""
  return ", ".join(
    f"{field.name} {getattr(before, field.name):.3g} ->"
    f" {getattr(after, field.name):.3g}"
    for field in dataclasses.fields(before)
    if getattr(before, field.name) != getattr(after, field.name)
  )
