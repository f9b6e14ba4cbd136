"""Reading the discriminator: which state it is in, why, and what would help.

A high accuracy is no failure by itself: a reference that no robot can reach
exactly can always be told apart. What counts is that the style reward still
tells better from worse motion, and that the policy comes nearer. So accuracy,
the spread of the style reward and the trend of the style distance are judged
together, over windows, and a state must hold before it is believed.

Everything here is host code on the metrics of `ppo.train`'s `progress_fn`.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from wildrobot_playground.features import separability

LEARNING = "learning"
HEALTHY = "healthy"
SEPARATING = "separating"
TOO_STRONG = "too strong"
COLLAPSED = "collapsed"
LEAK = "leak"
STATES = (LEARNING, HEALTHY, SEPARATING, TOO_STRONG, COLLAPSED, LEAK)
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


class Windows(NamedTuple):
  """Two windows of readings, and how near the policy came before.

  Attributes:
    before: mean over the older one.
    now: mean over the newer one.
    first_distance: style distance over the first window of all.
    best_distance: the lowest windowed style distance so far.
  """

  before: Reading
  now: Reading
  first_distance: float
  best_distance: float


def reading_of(metrics: Mapping[str, float]) -> Reading | None:
  """The metrics that are judged; None when one is missing or not finite."""
  values = [metrics.get(f"amp/{name}", math.nan) for name in Reading._fields]
  if not all(math.isfinite(value) for value in values):
    return None
  return Reading(*map(float, values))


def mean(readings: tuple[Reading, ...]) -> Reading:
  """Every figure's mean."""
  columns = zip(*readings, strict=True)
  return Reading(*(sum(column) / len(readings) for column in columns))


def verdict(windows: Windows, candidate: str) -> tuple[str, str]:
  """The state that two windows speak for, and why.

  Args:
    windows: what they show.
    candidate: the state that the windows before these spoke for.
  """
  before, now = windows.before, windows.now
  # The candidate, too, is left later than entered: else a figure that swings
  # about a threshold would keep every state from being believed.
  strong = candidate in (TOO_STRONG, SEPARATING)
  if now.disc_acc >= (_STRONG_LEAVE if strong else _STRONG_ENTER):
    return _strong(windows, candidate)
  collapsed = candidate == COLLAPSED
  if now.disc_acc <= (_COLLAPSED_LEAVE if collapsed else _COLLAPSED_ENTER):
    return _undecided(now)
  return HEALTHY, (
    f"accuracy {now.disc_acc:.2f}, style reward {_style(now)}, style distance"
    f" {_trend(before, now)}"
  )


def _strong(windows: Windows, candidate: str) -> tuple[str, str]:
  """Too strong or separating, at a high accuracy."""
  before, now = windows.before, windows.now
  accuracy = f"accuracy {now.disc_acc:.3f}"
  if now.style_reward_std < _FLAT:
    return TOO_STRONG, (
      f"{accuracy} and a flat style reward ({_style(now)}): it no longer tells"
      " better from worse motion"
    )
  faded = _FADED_LEAVE if candidate == TOO_STRONG else _FADED_ENTER
  if (
    now.style_reward < faded or now.style_reward < _FADING * before.style_reward
  ):
    return TOO_STRONG, (
      f"{accuracy} and a fading style reward ({before.style_reward:.2f} ->"
      f" {_style(now)}): hardly any motion pays"
    )
  falls = now.style_distance < _FALLING * before.style_distance
  kept = (
    now.style_distance < _COME_NEAR * windows.first_distance
    and now.style_distance < _LOST * windows.best_distance
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


def leak(metrics: Mapping[str, float]) -> str | None:
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
