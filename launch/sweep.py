r"""Trains over a grid of settings and seeds; ends in one table and one plot.

  python launch/sweep.py --grid=amp.weight=0,0.1,0.3,1 --seeds=3

Every flag that is not the sweep's own goes to `train`. Several grids multiply:

  python launch/sweep.py --grid=amp.weight=0,0.3 --grid=amp.disc_lr=1e-4,3e-4 \
      --seeds=2 --num_timesteps=2000000

Started again with the same folder, it goes on where it stopped. `--slurm` hands
the runs to SLURM as an array, through submitit.
"""

import pathlib
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any

import side_by_side
import slurm
import sweep_figures
import train_flags
from absl import flags
from sweep_runs import OWN, Run, runs

from wildrobot_playground.config import ranges, typed_flags
from wildrobot_playground.system import cli, echo, errors, files

_TABLE = "table.md"
_PLOT = "plot.png"
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
_COMMANDS = flags.DEFINE_flag(
  typed_flags.numbers(
    "commands",
    "Speeds [m/s] of the table.",
    ranges.Number(0, 10, "m/s"),
    (0.2, 0.4, 0.6),
  )
)


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


def main(rest: Sequence[str]) -> int:
  """Trains what is left to train, then prints and writes what was found."""
  folder = pathlib.Path(_FOLDER.value)
  commands = list(_COMMANDS.value)
  everything = list(runs(_GRID.value, _SEEDS.value, folder))
  train_flags.refuse(rest, OWN)
  todo = [run for run in everything if not run.is_done]
  if len(todo) == len(everything):  # Before its first table.
    _refuse_foreign(folder)
  # What cannot be read is said before hours of training, not after them.
  sweep_figures.collect([run for run in everything if run.is_done], commands)
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


def _refuse_foreign(folder: pathlib.Path) -> None:
  """Those of another sweep are written anew, a user's files never."""
  for name in (_TABLE, _PLOT):
    path = folder / name
    if path.is_file() and not sweep_figures.is_ours(path):
      raise errors.UsageError(
        f"--folder={folder}: {name} is there and is no sweep's; move it away,"
        " or give another folder"
      )


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
    figures = sweep_figures.collect(done, commands)
    text = sweep_figures.table(figures, _SEEDS.value)
    files.write_text(folder / _TABLE, text + "\n")
    sweep_figures.plot(figures, folder / _PLOT)
    print(f"\n{text}\n\ntable    {folder / _TABLE}")
    print(f"plot     {folder / _PLOT}")
  if failed:
    raise errors.RunFailedError(
      f"{len(failed)} of {len(everything)} runs failed; see their train.log"
    )
  return 0


if __name__ == "__main__":
  cli.run(main, takes_rest=True)
