"""Tuning the discriminator: bounded settings that lead out of a state."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from flax import struct

from wildrobot_playground.amp import health
from wildrobot_playground.amp.monitor import WINDOW, Monitor

COOL_DOWN = WINDOW  # iterations that an action is given to show its effect


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
  if state == health.TOO_STRONG:
    return Settings(
      _lower(settings.disc_lr, _LR_FACTOR, "disc_lr"),
      int(_lower(settings.disc_updates, _OTHER_FACTOR, "disc_updates")),
      _raise(settings.disc_grad_penalty, _OTHER_FACTOR, "disc_grad_penalty"),
      _raise(settings.disc_input_noise, _OTHER_FACTOR, "disc_input_noise"),
    )
  if state == health.COLLAPSED:
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
  monitor: Monitor = dataclasses.field(default_factory=Monitor)
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
