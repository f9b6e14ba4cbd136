"""Errors whose message is the one line that a command line shows."""

import contextlib
from collections.abc import Iterator


class UsageError(ValueError):
  """Input that cannot be used; its message is the one line shown."""


class RunFailedError(RuntimeError):
  """Work that was begun and cannot be finished; its message is shown."""


@contextlib.contextmanager
def of_input() -> Iterator[None]:
  """While it lasts, what cannot be read, written or held is the input's fault.

  Raises:
    UsageError: in place of a ValueError, an OSError or a MemoryError.
  """
  try:
    yield
  except UsageError:
    raise
  except OSError as error:
    raise UsageError(
      f"{error.filename} cannot be read or written: {error.strerror}"
      if error.filename is not None
      else str(error)
    ) from error
  except (ValueError, MemoryError) as error:
    raise UsageError(str(error) or "not enough memory") from error
