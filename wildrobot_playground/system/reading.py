"""Files from elsewhere: regular ones, of a size that can be read."""

import contextlib
import errno
import io
import os
import pathlib
import stat
from collections.abc import Iterator

from wildrobot_playground.system import echo

# A pipe that nobody writes to must not keep us waiting.
_LARGEST = 2**30  # bytes of a text
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextlib.contextmanager
def opened(
  path: str | os.PathLike[str], most: int, error: type[ValueError]
) -> Iterator[io.BufferedReader]:
  """A regular file, open for reading.

  Args:
    path: of the file.
    most: bytes that it may have.
    error: what to raise.

  Raises:
    ValueError: of type `error`, for a file that is missing, empty, too large,
      not readable, or none: a folder, a pipe, a device.
  """
  path = pathlib.Path(path)
  try:
    descriptor = os.open(path, _FLAGS)
  except FileNotFoundError:
    raise error(f"{path}: no such file; check the path") from None
  except (OSError, ValueError) as e:
    reason = getattr(e, "strerror", None) or str(e)
    raise error(f"{echo.short(path, 200)}: cannot be read: {reason}") from e
  try:
    _check(os.fstat(descriptor), path, most, error)
  except BaseException:
    os.close(descriptor)
    raise
  with open(descriptor, "rb") as file:
    yield file


def read(
  path: str | os.PathLike[str], most: int, error: type[ValueError]
) -> bytes:
  """The bytes of a regular file; as `opened`."""
  with opened(path, most, error) as file:
    return file.read()


def text(
  path: str | os.PathLike[str], most: int = _LARGEST, odd: str = "strict"
) -> str:
  """The text of a regular file, which may be empty.

  Args:
    path: of the file.
    most: bytes that it may have.
    odd: what to do about bytes that are no UTF-8, as of `bytes.decode`.

  Raises:
    OSError: when there is none, or it cannot be read: a folder, a pipe, a
      device, a file that is too large. Its `strerror` says which.
    UnicodeDecodeError: for bytes that are no UTF-8.
  """
  descriptor = os.open(path, _FLAGS)
  try:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
      raise OSError(errno.EINVAL, "it is no regular file", str(path))
    if status.st_size > most:
      raise OSError(errno.EFBIG, f"it has over {most} bytes", str(path))
  except BaseException:
    os.close(descriptor)
    raise
  with open(descriptor, "rb") as file:
    return file.read().decode("utf-8", errors=odd)


def check(
  path: str | os.PathLike[str], most: int, error: type[ValueError]
) -> None:
  """Raises what `opened` does."""
  with opened(path, most, error):
    pass


def check_name(
  path: str | os.PathLike[str], library: str, error: type[ValueError]
) -> None:
  """Raises ValueError of type `error` for a path that is no UTF-8.

  Linux lets names be any bytes; libraries in C++ take text. What they say then
  reads as if the file were damaged.

  Args:
    path: that `library` is about to open.
    library: its name, for the message.
    error: what to raise.
  """
  whole = os.path.realpath(path)
  try:
    whole.encode()
  except UnicodeEncodeError:
    raise error(
      f"{echo.short(path, 200)}: its name, or that of a folder above it, is no"
      f" UTF-8, and {library} opens no such path; rename it"
    ) from None


def _check(
  status: os.stat_result,
  path: pathlib.Path,
  most: int,
  error: type[ValueError],
) -> None:
  if stat.S_ISDIR(status.st_mode):
    raise error(f"{path}: is a folder, expected a file; name a file in it")
  if not stat.S_ISREG(status.st_mode):
    raise error(
      f"{path}: is a pipe, a socket or a device, expected a regular file; copy"
      " what it gives into one"
    )
  if status.st_size == 0:
    raise error(f"{path}: is empty; copy or export it again")
  if status.st_size > most:
    raise error(
      f"{path}: has {status.st_size} bytes, expected at most {most}; split it,"
      " or take a part of it"
    )
