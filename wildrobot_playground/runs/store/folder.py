"""A run folder is one process's alone while it is written."""

import contextlib
import itertools
import json
import os
import pathlib
import socket
from collections.abc import Iterator

import filelock

from wildrobot_playground.system import files, reading

LOCK_FILE = ".lock"
WRITER_FILE = ".writer.json"
# There from a run's start until it has a checkpoint or a policy: until then
# nothing is lost by starting again.
UNTRAINED_FILE = ".untrained"
# What a run writes anew at its start or its end, beside checkpoints and policy.
WRITTEN = (
  "config.json",
  "eval.json",
  "events.jsonl",
  "metrics.jsonl",
  "reference.npz",
  "report.html",
  "rollout.mp4",
  "tensorboard",
  "training.png",
  "wandb_id.txt",
)


class BusyError(ValueError):
  """A run folder that another process writes; one line names it."""


def make_new(run_dir: pathlib.Path) -> pathlib.Path:
  """Makes a folder that nobody else has made.

  Args:
    run_dir: the wanted name.

  Returns:
    The folder: of that name, or with `-2`, `-3` ... where it is taken.

  Raises:
    OSError: when it cannot be made.
  """
  run_dir.parent.mkdir(parents=True, exist_ok=True)
  for number in itertools.count(1):
    folder = run_dir
    if number > 1:
      folder = run_dir.with_name(f"{run_dir.name}-{number}")
    try:
      folder.mkdir()
    except FileExistsError:
      continue
    return folder
  raise AssertionError


def start(run_dir: pathlib.Path) -> None:
  """Notes that what a new run writes here may be written again.

  Args:
    run_dir: the run folder, which is held.

  Raises:
    BusyError: when there is already what a run would write, and it is not of a
      start that ended before anything was trained.
    OSError: when the folder cannot be written.
  """
  marker = run_dir / UNTRAINED_FILE
  if not marker.is_file():
    found = [name for name in WRITTEN if os.path.lexists(run_dir / name)]
    if found:
      raise BusyError(
        f"{run_dir} already holds {', '.join(found)}, which training would"
        " overwrite; move them away, or give another --run_dir"
      )
  marker.touch()


def now_trained(run_dir: pathlib.Path) -> None:
  """Notes that a run folder has something to lose."""
  with contextlib.suppress(OSError):  # What has been trained is there.
    (run_dir / UNTRAINED_FILE).unlink()


@contextlib.contextmanager
def held(run_dir: pathlib.Path) -> Iterator[None]:
  """Keeps other processes from writing a run folder while it lasts.

  The lock is the operating system's: it ends with the process, however that
  ends. A file system without such locks gets a file in its place, whose owner's
  death is noticed on the same host.

  Args:
    run_dir: the run folder; it must be there.

  Raises:
    BusyError: when another process writes it.
    OSError: when it cannot be written at all.
  """
  lock = filelock.FileLock(run_dir / LOCK_FILE, thread_local=False)
  try:
    lock.acquire(blocking=False)
  except filelock.Timeout:
    raise BusyError(
      f"{run_dir} is being written by {_writer(run_dir)}; wait for its end,"
      " stop it, or give another --run_dir"
    ) from None
  writer = run_dir / WRITER_FILE
  try:
    files.sweep(run_dir)
    with contextlib.suppress(OSError):  # A full disk; it is for others to read.
      files.write_json(
        writer, {"process": os.getpid(), "host": socket.gethostname()}
      )
    yield
  finally:
    writer.unlink(missing_ok=True)
    lock.release()


def _writer(run_dir: pathlib.Path) -> str:
  """Who holds a folder, in words; its note may not be there yet."""
  try:
    found = json.loads(reading.text(run_dir / WRITER_FILE))
    return f"process {found['process']} on {found['host']}"
  except (OSError, ValueError, TypeError, KeyError):
    return "another process"
