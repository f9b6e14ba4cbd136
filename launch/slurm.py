r"""Trains on several nodes of a SLURM cluster, as one run.

  python launch/slurm.py --nodes=2 --gpus_per_node=8 \
      --slurm_options=partition=gpu,timeout_min=120 --amp_weight=0.3

One process a GPU (a node, without GPUs); they find each other by SLURM's own
variables. Every flag that is not this script's own goes to `train`. Submitted
again with the same folder, the run goes on where it stopped; the folder must be
on a file system that all nodes share.

`--local` starts as many processes on this machine instead, and waits for them.
"""

import pathlib
import socket
import sys
from collections.abc import Sequence
from typing import Any

import train_flags
from absl import flags

from wildrobot_playground.system import cli, errors

TRAIN = (sys.executable, "-m", "wildrobot_playground.train")
# Flags of `train` that are this script's to give.
_OWN = {
  "run_dir": "the run folder is --folder",
  "resume": "the same command submitted again goes on where the run stopped",
  "coordinator": "the processes find each other",
  "num_processes": "give --nodes and --gpus_per_node",
  "process_id": "the processes are numbered here",
}
_OPTIONS_HELP = "Of submitit: partition=gpu,timeout_min=240,..."


def parameters(options: str) -> dict[str, int | str]:
  """`key=value,...` as submitit's parameters.

  Raises:
    errors.UsageError: for anything else.
  """
  found: dict[str, int | str] = {"timeout_min": 240, "cpus_per_task": 4}
  for option in filter(None, options.split(",")):
    key, equals, value = option.partition("=")
    if not equals:
      raise errors.UsageError(f"--slurm_options: '{option}' is no key=value")
    found[key] = int(value) if value.isdigit() else value
  return found


def make_executor(
  folder: pathlib.Path, cluster: str, **settings: int | str
) -> Any:
  """What jobs are handed to.

  Args:
    folder: of submitit's scripts and logs.
    cluster: of submitit: `slurm`, or `local` and `debug`, which run here.
    **settings: submitit's parameters.

  Raises:
    errors.UsageError: without submitit or SLURM, or for settings that are none.
  """
  try:
    import submitit
  except ImportError as error:
    raise errors.UsageError(
      "SLURM needs submitit: pip install 'wildrobot-playground[cluster]'"
    ) from error
  try:
    executor = submitit.AutoExecutor(folder=str(folder), cluster=cluster)
    executor.update_parameters(**settings)
  except (RuntimeError, NameError) as error:
    raise errors.UsageError(f"--slurm: {error}") from error
  return executor


def submit(executor: Any, command: Sequence[str]) -> Any:
  """Hands a command to an executor; returns submitit's job."""
  import submitit

  return executor.submit(submitit.helpers.CommandFunction(list(command)))


def train_command(folder: pathlib.Path, rest: Sequence[str]) -> list[str]:
  """What trains in `folder`; the same command goes on with it."""
  return [*TRAIN, *train_arguments(folder, rest)]


def train_arguments(folder: pathlib.Path, rest: Sequence[str]) -> list[str]:
  """The arguments of `train` in its command."""
  return [f"--run_dir={folder}", "--resume=auto", *rest]


def _numbered_by_submitit(command: Sequence[str], num: int) -> list[str]:
  """The command of every process on this machine, where SLURM numbers none."""
  with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
  return [
    "sh",
    "-c",
    'exec "$@" --process_id="$SUBMITIT_LOCAL_GLOBALID"',
    "sh",
    *command,
    f"--coordinator=localhost:{port}",
    f"--num_processes={num}",
  ]


def main(rest: Sequence[str]) -> int:
  """Submits the run, or runs it here."""
  folder = pathlib.Path(_FOLDER.value)
  nodes, gpus = _NODES.value, _GPUS_PER_NODE.value
  if nodes < 1 or gpus < 0:
    raise errors.UsageError("--nodes starts at 1, --gpus_per_node at 0")
  train_flags.refuse(rest, _OWN)
  command = train_command(folder, rest)
  settings = parameters(_SLURM_OPTIONS.value)
  if _LOCAL.value and _SLURM_OPTIONS.value:
    raise errors.UsageError(
      "--slurm_options are for SLURM; leave out one of --local and them"
    )
  if _LOCAL.value:
    processes = nodes * max(gpus, 1)
    executor = make_executor(
      folder / "submitit",
      "local",
      timeout_min=settings["timeout_min"],
      tasks_per_node=processes,
    )
    job = submit(executor, _numbered_by_submitit(command, processes))
    print(f"started {processes} processes; log {job.paths.stdout}", flush=True)
    error = job.exception()
    if error is not None:
      raise errors.RunFailedError(f"see {job.paths.stderr}")
    print(f"run     {folder}")
    return 0
  settings |= {"nodes": nodes, "tasks_per_node": max(gpus, 1)}
  if gpus:
    settings["gpus_per_node"] = gpus
  job = submit(make_executor(folder / "submitit", "slurm", **settings), command)
  print(f"submitted job {job.job_id}; log {job.paths.stdout}")
  return 0


if __name__ == "__main__":
  _NODES = flags.DEFINE_integer("nodes", 1, "Machines.")
  _GPUS_PER_NODE = flags.DEFINE_integer(
    "gpus_per_node", 0, "GPUs of each, one process a GPU; 0 for CPUs."
  )
  _FOLDER = flags.DEFINE_string("folder", "runs/slurm", "Run folder.")
  _SLURM_OPTIONS = flags.DEFINE_string("slurm_options", "", _OPTIONS_HELP)
  _LOCAL = flags.DEFINE_bool("local", False, "Run here, without SLURM.")
  cli.run(main, takes_rest=True)
