"""The runs of a sweep: every setting of its grids, with every seed."""

import dataclasses
import itertools
import math
import pathlib
from collections.abc import Iterator, Sequence

import slurm
import train_flags

from wildrobot_playground.config import overrides
from wildrobot_playground.system import echo, errors

_MOST_RUNS = 10_000
_LONGEST_NAME = 200  # characters of a folder's name
# Flags of `train` that are the sweep's to give.
OWN = {
  "seed": "every setting is trained with the seeds 0, 1, ... up to --seeds",
  "run_dir": "every run has a folder of its own below --folder",
  "resume": "the same sweep started again goes on where it stopped",
}


@dataclasses.dataclass(frozen=True)
class Run:
  """One training of the sweep.

  Attributes:
    setting: keys to values, as typed.
    seed: of everything random.
    folder: its run folder.
  """

  setting: tuple[tuple[str, str], ...]
  seed: int
  folder: pathlib.Path

  @property
  def name(self) -> str:
    """The setting in words."""
    return (
      " ".join(f"{key}={value}" for key, value in self.setting) or "default"
    )

  @property
  def is_done(self) -> bool:
    """Whether it has been trained and evaluated."""
    return (self.folder / "eval.json").is_file()

  def command(self, rest: Sequence[str]) -> list[str]:
    """What trains it; the same command goes on with it."""
    return [*slurm.TRAIN, *self.arguments(rest)]

  def arguments(self, rest: Sequence[str]) -> list[str]:
    """Of `train`, in its command."""
    setting = [f"--{key}={value}" for key, value in self.setting]
    return slurm.train_arguments(
      self.folder, [f"--seed={self.seed}", *setting, *rest]
    )


def runs(
  grids: Sequence[str], seeds: int, folder: pathlib.Path
) -> Iterator[Run]:
  """All runs, seed after seed, so that a part of a sweep is a fair one.

  Args:
    grids: `key=value,value,...` each.
    seeds: of every setting.
    folder: of the sweep.

  Raises:
    errors.UsageError: for a grid that is none.
  """
  axes = [_axis(grid) for grid in grids]
  keys = [axis[0][0] for axis in axes]
  if len(set(keys)) < len(keys):
    raise errors.UsageError(
      f"--grid: {max(keys, key=keys.count)} is given twice"
    )
  number = math.prod(map(len, axes)) * seeds
  if number > _MOST_RUNS:
    raise errors.UsageError(
      f"--grid and --seeds make {number:,} runs; at most {_MOST_RUNS:,} are"
      " one sweep"
    )
  for seed in range(seeds):
    for setting in itertools.product(*axes):
      name = ",".join(f"{k}={v}" for k, v in setting) or "default"
      if len(name.encode()) > _LONGEST_NAME:
        raise errors.UsageError(
          f"--grid: '{echo.short(name)}' is too long for the name of a"
          " folder; use shorter values or fewer grids"
        )
      yield Run(setting, seed, folder / name.replace("/", "|") / f"seed{seed}")


def _axis(grid: str) -> list[tuple[str, str]]:
  """Key and value of every setting of a grid.

  Raises:
    errors.UsageError: for a grid that is none, and for a value that no training
      takes.
  """
  key, _, text = grid.partition("=")
  values = _split(text)
  if not key or not all(values) or key.startswith("-"):
    raise errors.UsageError(
      f"--grid={echo.short(grid)}: write key=value,value,..."
    )
  train_flags.refuse([f"--{key}"], OWN)
  if len(set(values)) < len(values):
    twice = echo.short(max(values, key=values.count))
    raise errors.UsageError(f"--grid: {key}={twice} is given twice")
  if "." in key:  # Else it is a flag, see `train_flags.check_all`.
    overrides.check_early(
      {}, [f"--{key}={value}" for value in values], ours=False
    )
  return [(key, value) for value in values]


def _split(values: str) -> list[str]:
  """Splits at commas outside of brackets."""
  parts, depth = [""], 0
  for char in values:
    depth += (char in "([") - (char in ")]")
    if char == "," and depth == 0:
      parts.append("")
    else:
      parts[-1] += char
  return parts
