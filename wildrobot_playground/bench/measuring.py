"""Rates of several sides, measured in turn."""

import dataclasses
import statistics
from collections.abc import Callable, Mapping

Measure = Callable[[], float]


@dataclasses.dataclass(frozen=True)
class Rate:
  """A rate over several measurements.

  Attributes:
    median: [steps/s].
    least: [steps/s].
    most: [steps/s].
  """

  median: float
  least: float
  most: float


def alternate(sides: Mapping[str, Measure], rounds: int) -> dict[str, Rate]:
  """Measures every side in turn, `rounds` times.

  What slows the machine for a while then slows all of them: their ratios mean
  something where the rates themselves do not.

  Args:
    sides: name to a function that measures once [steps/s].
    rounds: measurements of each.
  """
  rates: dict[str, list[float]] = {name: [] for name in sides}
  for _ in range(rounds):
    for name, measure in sides.items():
      rates[name].append(measure())
  return {
    name: Rate(statistics.median(found), min(found), max(found))
    for name, found in rates.items()
  }
