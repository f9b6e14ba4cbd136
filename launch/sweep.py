r"""Trains over a grid of settings and seeds; ends in one table and one plot.

  python launch/sweep.py --grid=amp.weight=0,0.1,0.3,1 --seeds=3

Every flag that is not the sweep's own goes to `train`. Several grids multiply:

  python launch/sweep.py --grid=amp.weight=0,0.3 --grid=amp.disc_lr=1e-4,3e-4 \
      --seeds=2 --num_timesteps=2000000

Started again with the same folder, it goes on where it stopped. `--slurm` hands
the runs to SLURM as an array, through submitit.
"""

import dataclasses
import itertools
import json
import math
import pathlib
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import side_by_side
import slurm
import train_flags
from absl import flags

from wildrobot_playground.config import overrides, ranges
from wildrobot_playground.system import cli, echo, errors, files, reading

_GRID = flags.DEFINE_multi_string(
  "grid", [], "section.key=value,value,...; may be given several times."
)
_SEEDS = flags.DEFINE_integer(
  "seeds", 3, "Seeds of every setting, from 0 on.", 1, 1000
)
_FOLDER = flags.DEFINE_string("folder", "runs/sweep", "Of the sweep.")
_JOBS = flags.DEFINE_integer(
  "jobs", 1, "Runs at a time, on this machine.", 1, 1000
)
_SLURM = flags.DEFINE_bool("slurm", False, "Submit to SLURM instead.")
_SLURM_OPTIONS = flags.DEFINE_string(
  "slurm_options", "", "Of submitit: partition=gpu,gpus_per_node=1,..."
)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print the commands only.")
_COMMANDS = flags.DEFINE_list(
  "commands", "0.2,0.4,0.6", "Speeds [m/s] of the table."
)

_COLUMNS = (
  ("velocity_error", "velocity error [m/s]", ".3f"),
  ("falls", "falls [%]", ".1f"),
  ("style_distance", "style distance", ".2f"),
  ("cost_of_transport", "cost of transport", ".2f"),
)
# Student's t, 97.5 %, by degrees of freedom.
_STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
_MOST_RUNS = 10_000
_LONGEST_NAME = 200  # characters of a folder's name
# Flags of `train` that are the sweep's to give.
_OWN = {
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
  train_flags.refuse([f"--{key}"], _OWN)
  if len(set(values)) < len(values):
    twice = echo.short(max(values, key=values.count))
    raise errors.UsageError(f"--grid: {key}={twice} is given twice")
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


def check(todo: Sequence[Run], rest: Sequence[str]) -> None:
  """Refuses what `train` would refuse, and one training under two names.

  Args:
    todo: the runs.
    rest: further flags of `train`.

  Raises:
    errors.UsageError: naming the flag, the key or the two settings.
    errors.RunFailedError: when nobody could look.
  """
  first = {run.name: run for run in reversed(todo)}  # Whatever its seed.
  keys = train_flags.check_all([run.arguments(rest) for run in first.values()])
  trained: dict[str, str] = {}
  for name, key in zip(first, keys, strict=True):
    if key in trained:
      raise errors.UsageError(
        f"--grid: '{echo.short(name)}' and '{echo.short(trained[key])}' are the"
        " same training; drop the flags that set the grid's keys, or one value"
      )
    trained[key] = name


def _check_here_or_there(todo: Sequence[Run], rest: Sequence[str]) -> None:
  """As `check`; a cluster's machines may take another preset than this one."""
  presets: list[list[str]] = [[]]
  if _SLURM.value and "preset" not in train_flags.names(rest):
    presets += [["--preset=gpu"], ["--preset=cpu"]]
  first = None
  for preset in presets:
    try:
      return check(todo, [*preset, *rest])
    except errors.UsageError as error:
      first = first or error
  assert first is not None
  raise first


def train(todo: Sequence[Run], jobs: int, rest: Sequence[str]) -> list[Run]:
  """Runs the trainings here, some at a time; returns those that failed.

  Raises:
    SystemExit: when it was asked to stop, and all have saved.
    OSError: when a folder cannot be written.
  """
  failed = []

  def start(run: Run) -> subprocess.Popen:
    run.folder.mkdir(parents=True, exist_ok=True)
    print(f"start    {run.folder}", flush=True)
    with (run.folder / "train.log").open("a") as log:
      return subprocess.Popen(
        run.command(rest),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
      )

  def ended(run: Run, code: int, stopping: bool) -> None:
    if code == 0 and run.is_done:
      print(f"done     {run.folder}", flush=True)
    elif code == 0 and stopping:
      print(f"stopped  {run.folder}: {_last_line(run)}", flush=True)
    else:
      failed.append(run)
      print(f"FAILED   {run.folder}: {_last_line(run)}", flush=True)

  side_by_side.run(todo, jobs, start, ended)
  return failed


def _last_line(run: Run) -> str:
  text = (run.folder / "train.log").read_text("utf-8", errors="replace")
  lines = text.strip().splitlines()
  return lines[-1] if lines else "no output"


def submit(
  todo: Sequence[Run],
  options: str,
  rest: Sequence[str],
  cluster: str = "slurm",
) -> list[Any]:
  """Hands the trainings to SLURM as one array; returns submitit's jobs.

  A job that is preempted saves, and goes on when it is started again.

  Args:
    todo: the runs.
    options: see `slurm.parameters`.
    rest: further flags of `train`.
    cluster: of submitit; `local` and `debug` run here.

  Raises:
    errors.UsageError: without submitit or SLURM, or for options that are none.
  """
  executor = slurm.make_executor(
    todo[0].folder.parent.parent / "slurm", cluster, **slurm.parameters(options)
  )
  with executor.batch():
    return [slurm.submit(executor, run.command(rest)) for run in todo]


@dataclasses.dataclass(frozen=True)
class Statistic:
  """A figure over seeds.

  Attributes:
    mean: over the seeds.
    half_width: of its 95 % confidence interval (Student's t); NaN for one seed.
  """

  mean: float
  half_width: float

  @classmethod
  def of(cls, values: Sequence[float]) -> "Statistic":
    """Of one value a seed; NaN for none."""
    count = len(values)
    if count == 0:
      return cls(math.nan, math.nan)
    mean = sum(values) / count
    if count == 1:
      return cls(mean, math.nan)
    variance = sum((v - mean) ** 2 for v in values) / (count - 1)
    student = _STUDENT[min(count - 1, len(_STUDENT)) - 1]
    return cls(mean, student * math.sqrt(variance / count))

  def show(self, form: str) -> str:
    """As `mean ± half width`."""
    if math.isnan(self.mean):
      return "-"
    spread = (
      "" if math.isnan(self.half_width) else f" ± {self.half_width:{form}}"
    )
    return f"{self.mean:{form}}{spread}"


def collect(
  done: Sequence[Run], commands: Sequence[float]
) -> dict[str, dict[str, Statistic]]:
  """Every setting's figures, means over the commands, over its seeds."""
  values: dict[str, dict[str, list[float]]] = {}
  for run in done:
    rows = evaluation(run.folder / "eval.json", commands)
    figures = values.setdefault(run.name, {name: [] for name, _, _ in _COLUMNS})
    for name, _, _ in _COLUMNS:
      found = [row[name] for row in rows if row[name] is not None]
      if found:
        figures[name].append(sum(found) / len(found))
  return {
    setting: {name: Statistic.of(v) for name, v in figures.items()}
    for setting, figures in values.items()
  }


def evaluation(
  path: pathlib.Path, commands: Sequence[float]
) -> list[dict[str, float | None]]:
  """The figures of the commands that are asked for; None for no figure.

  Raises:
    errors.UsageError: for a file that is no evaluation.
  """
  try:
    found = json.loads(reading.text(path))
    if not isinstance(found, dict):
      raise ValueError("it is no table of keys")
    rows = [_figures(row) for row in found["commands"]]
  except KeyError as error:
    reason = f"it has no {error.args[0]}"
  except OSError as error:
    reason = error.strerror or str(error)
  except RecursionError:
    reason = "it is nested too deeply"
  except (ValueError, TypeError, OverflowError) as error:
    reason = str(error)
  else:
    return [row for row in rows if _asked_for(row["command"] or 0.0, commands)]
  raise errors.UsageError(
    f"{path} is no evaluation ({echo.short(reason, 200)}); remove it, and the"
    " sweep evaluates the run again"
  )


def _figures(row: Any) -> dict[str, float | None]:
  """Command and columns of a row of an evaluation, each checked."""
  if not isinstance(row, dict):
    raise ValueError("a row of it is no table of keys")
  wanted = ("command", "episodes", *(name for name, _, _ in _COLUMNS))
  figures: dict[str, float | None] = {}
  for name in wanted:
    value = row[name]
    if value is not None or name in ("command", "episodes"):
      if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{name} is {ranges.show(value)}")
      value = float(value)
    figures[name] = value
  episodes, falls = figures["episodes"], figures["falls"]
  if episodes is None or episodes < 1:
    raise ValueError("it has a command without episodes")
  figures["falls"] = None if falls is None else 100 * falls / episodes
  return figures


def _asked_for(command: float, commands: Sequence[float]) -> bool:
  return any(math.isclose(command, c, abs_tol=1e-6) for c in commands)


def table(figures: dict[str, dict[str, Statistic]], seeds: int) -> str:
  """The figures as a Markdown table."""
  lines = [
    "| setting | " + " | ".join(title for _, title, _ in _COLUMNS) + " |",
    "| --- |" + " --- |" * len(_COLUMNS),
  ]
  for setting, found in figures.items():
    cells = [found[name].show(form) for name, _, form in _COLUMNS]
    lines.append(f"| {setting} | " + " | ".join(cells) + " |")
  lines.append(f"\nMean and 95 % confidence interval over {seeds} seeds.")
  return "\n".join(lines)


def plot(figures: dict[str, dict[str, Statistic]], path: pathlib.Path) -> None:
  """Writes a PNG: a panel a figure, a bar a setting, whiskers over seeds."""
  from matplotlib import figure as figure_lib

  figure = figure_lib.Figure(figsize=(3.2 * len(_COLUMNS), 3.2), dpi=120)
  axes = figure.subplots(1, len(_COLUMNS))
  settings = list(figures)
  for axis, (name, title, _) in zip(axes, _COLUMNS, strict=True):
    means = [figures[s][name].mean for s in settings]
    widths = [figures[s][name].half_width for s in settings]
    axis.bar(
      range(len(settings)),
      means,
      yerr=[0.0 if math.isnan(w) else w for w in widths],
      capsize=4,
    )
    axis.set_xticks(range(len(settings)), settings, rotation=30, ha="right")
    axis.set_title(title, fontsize=9)
    axis.set_ylim(bottom=0)
    axis.tick_params(labelsize=7)
  figure.tight_layout()
  with files.replacing(path) as new:
    figure.savefig(new)


def main(rest: Sequence[str]) -> int:
  """Trains what is left to train, then prints and writes what was found."""
  folder = pathlib.Path(_FOLDER.value)
  try:
    commands = [float(text) for text in _COMMANDS.value]
  except ValueError as error:
    raise errors.UsageError(f"--commands takes numbers: {error}") from error
  speed = ranges.Number(0, 10, "m/s")
  if not commands or not all(map(speed.fits, commands)):
    raise errors.UsageError(
      f"--commands={','.join(_COMMANDS.value)}: each must be {speed.said}"
    )
  everything = list(runs(_GRID.value, _SEEDS.value, folder))
  train_flags.refuse(rest, _OWN)
  todo = [run for run in everything if not run.is_done]
  # What cannot be read is said before hours of training, not after them.
  collect([run for run in everything if run.is_done], commands)
  if todo:
    _check_here_or_there(todo, rest)
  if _DRY_RUN.value:
    for run in todo:
      print(shlex.join(run.command(rest)))
    return 0
  try:
    if _SLURM.value and todo:
      return _submit_all(todo, rest)
    return _train_all(everything, todo, rest, commands)
  except OSError as error:
    raise errors.UsageError(
      f"--folder={folder}: {error.filename or folder} cannot be written:"
      f" {error.strerror}"
    ) from error


def _submit_all(todo: Sequence[Run], rest: Sequence[str]) -> int:
  jobs = submit(todo, _SLURM_OPTIONS.value, rest)
  numbers = ", ".join(job.job_id for job in jobs)
  print(f"submitted {len(jobs)} runs: {numbers}")
  print("start the same command again for the table when they are done")
  return 0


def _train_all(
  everything: Sequence[Run],
  todo: Sequence[Run],
  rest: Sequence[str],
  commands: Sequence[float],
) -> int:
  """Trains here, then prints and writes the table."""
  folder = pathlib.Path(_FOLDER.value)
  folder.mkdir(parents=True, exist_ok=True)
  failed = train(todo, _JOBS.value, rest)
  done = [run for run in everything if run.is_done]
  if done:
    figures = collect(done, commands)
    text = table(figures, _SEEDS.value)
    files.write_text(folder / "table.md", text + "\n")
    plot(figures, folder / "plot.png")
    print(f"\n{text}\n\ntable    {folder / 'table.md'}")
    print(f"plot     {folder / 'plot.png'}")
  if failed:
    raise errors.RunFailedError(
      f"{len(failed)} of {len(everything)} runs failed; see their train.log"
    )
  return 0


if __name__ == "__main__":
  cli.run(main)
