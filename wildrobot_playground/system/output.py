"""Standard output and error, either of which may be gone before we end.

A terminal closes, a disk fills up, `| head` has read enough. Nobody can be told
of what happens to standard error, so that nothing shall happen. Standard output
is missed by who wrote for its sake; a training goes on without.
"""

import contextlib
import errno
import io
import os
import select
import sys
from typing import Any

_OUT, _ERR = 1, 2
_PATIENCE = 0.2  # s, for a reader that does not read


class LostError(Exception):
  """Standard output takes no more.

  Attributes:
    reader_left: whether it was a pipe whose reader has gone.
  """

  def __init__(self, error: OSError) -> None:
    """Says why."""
    super().__init__(f"standard output cannot be written: {error.strerror}")
    self.reader_left = error.errno == errno.EPIPE


class _Descriptor(io.FileIO):
  """A standard stream's descriptor; what it cannot take is dropped.

  Attributes:
    is_needed: whether the first such loss is an error.
  """

  def __init__(self, number: int) -> None:
    super().__init__(number, "w", closefd=False)
    self.is_needed = number == _OUT
    self._lost = False

  def write(self, data: Any, /) -> int:
    """Writes, or waits as for a file that blocks.

    Raises:
      LostError: once, where it `is_needed`.
    """
    try:
      while (written := super().write(data)) is None:
        select.select([], [self.fileno()], [])
      return written
    except OSError as error:
      if not self._lost:
        self._lost = True
        self._tell(error)
    return memoryview(data).nbytes

  def _tell(self, error: OSError) -> None:
    if self.is_needed:
      raise LostError(error) from error
    if self.fileno() == _OUT:
      print(f"warning: {LostError(error)}; going on without", file=sys.stderr)


def keep_places() -> None:
  """Puts the null device where a standard stream is closed.

  Else the next file opened, a checkpoint say, has its number and its text.
  """
  for number in (0, _OUT, _ERR):
    try:
      os.fstat(number)
    except OSError:
      os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def prepare() -> None:
  """Has both streams behave as this module says, from here on.

  They write a line at a time, for a log file shall show what has happened, and
  a substitute for a letter that their encoding lacks. Streams that someone put
  in their place stay.
  """
  for number, name in ((_OUT, "stdout"), (_ERR, "stderr")):
    stream = getattr(sys, name)
    if stream is None:  # It was closed when Python started.
      null = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
      setattr(sys, name, null)
    elif isinstance(stream, io.TextIOWrapper) and stream.fileno() == number:
      setattr(sys, name, _stream(number, stream))


def go_on_without() -> None:
  """From here on nobody needs to read what is written."""
  raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
  if isinstance(raw, _Descriptor):
    raw.is_needed = False


def flush() -> None:
  """Writes what is left.

  Raises:
    LostError: where it cannot be written, and is needed.
  """
  sys.stdout.flush()
  sys.stderr.flush()


def say_now(text: str) -> None:
  """A line on standard error, past all buffers and locks.

  For a thread beside the main one, which may hold them. Dropped where it cannot
  be written, or would have to wait.
  """
  with contextlib.suppress(OSError, ValueError):
    if select.select([], [_ERR], [], _PATIENCE)[1]:
      os.write(_ERR, f"{text}\n".encode(errors="replace"))


def _stream(number: int, old: io.TextIOWrapper) -> io.TextIOWrapper:
  with contextlib.suppress(OSError):
    old.flush()
  return io.TextIOWrapper(
    io.BufferedWriter(_Descriptor(number)),
    encoding=old.encoding,
    errors="replace" if number == _OUT else "backslashreplace",
    line_buffering=True,
    write_through=old.write_through,
  )
