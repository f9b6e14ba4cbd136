"""Files that are whole or not there: written beside, then renamed."""

import contextlib
import json
import math
import os
import pathlib
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

_PREFIX = ".new-"
_LEAVING = 10.0  # s, in which a process that is being ended has ended
_TRIES = 100  # at taking away what another thread writes to
_unfinished: set[pathlib.Path] = set()
_discarded = threading.Event()
_LEFTOVER = re.compile(re.escape(_PREFIX) + r"[a-z0-9_]{8}")


def write_text(path: str | os.PathLike[str], text: str) -> None:
  """Writes a text file in UTF-8; see `replacing`."""
  write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], value: Any) -> None:
  """Writes plain values as JSON, two spaces a level; see `replacing`.

  JSON has no NaN: null stands for it, and for the infinities.
  """
  text = json.dumps(finite(value), indent=2, allow_nan=False)
  write_text(path, text + "\n")


def finite(value: Any) -> Any:
  """Plain values with None in the place of numbers that are not finite."""
  if isinstance(value, dict):
    return {key: finite(item) for key, item in value.items()}
  if isinstance(value, (list, tuple)):
    return [finite(item) for item in value]
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value


def update_bytes(path: str | os.PathLike[str], data: bytes) -> None:
  """Writes a file unless it holds that already; see `replacing`."""
  path = pathlib.Path(path)
  try:
    same = path.is_file() and path.read_bytes() == data
  except OSError:
    same = False
  if not same:
    write_bytes(path, data)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
  """Writes a file; see `replacing`."""
  with replacing(path) as new:
    new.write_bytes(data)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
  """A file to write that takes the place of `path` when it is whole.

  Until then, and for ever when the context ends in an error, the file that was
  there stays as it was. Links are followed; what is no plain file (a pipe, a
  terminal) is written to directly.

  Args:
    path: file to write; its folder must be there.

  Yields:
    A path of the same name in a folder beside it.

  Raises:
    OSError: when it cannot be written; its `filename` is `path`.
  """
  path = pathlib.Path(path)
  if path.exists() and not path.is_file():
    yield path
    return
  target = pathlib.Path(os.path.realpath(path))
  try:
    with scratch(target.parent) as folder:
      new = folder / target.name
      yield new
      _flush(new)
      if target.exists():
        shutil.copymode(target, new)
      os.replace(new, target)
  except OSError as error:
    error.filename = str(path)
    raise


@contextlib.contextmanager
def scratch(parent: pathlib.Path) -> Iterator[pathlib.Path]:
  """A new folder in `parent`, which is gone when the context ends.

  Also where a signal ends the process in it: see `discard`.
  """
  folder = pathlib.Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
  _unfinished.add(folder)
  try:
    yield folder
  except Exception:
    if _discarded.is_set():  # Its folder was taken away: no error of its own.
      time.sleep(_LEAVING)
    raise
  finally:
    _unfinished.discard(folder)
    shutil.rmtree(folder, ignore_errors=True)


def discard() -> None:
  """Removes what is half written, for a thread that ends the process then."""
  _discarded.set()
  for folder in list(_unfinished):
    for _ in range(_TRIES):
      shutil.rmtree(folder, ignore_errors=True)
      if not folder.exists():
        break


def sweep(folder: pathlib.Path) -> None:
  """Removes what killed processes left half written in a folder of ours."""
  for path in folder.iterdir():
    if _LEFTOVER.fullmatch(path.name):
      shutil.rmtree(path, ignore_errors=True)


def _flush(path: pathlib.Path) -> None:
  """Hands a file to the disk: the new name must not outlive its content."""
  descriptor = os.open(path, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)
