"""Stopping a run in good order: the first signal asks, the second ends it."""

import os
import signal
import sys
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
  """Whether someone asked this process to stop, while the context lasts.

  Attributes:
    requested: set by the first SIGINT or SIGTERM; a second one ends the process
      at once with exit code 128 + signal.
  """

  def __init__(self) -> None:
    """Nothing is requested yet."""
    self.requested = False
    self._previous: dict[int, object] = {}

  def __enter__(self) -> "StopRequest":
    """Takes the signals over."""
    for number in _SIGNALS:
      self._previous[number] = signal.signal(number, self._handle)
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    """Gives the signals back."""
    for number, handler in self._previous.items():
      signal.signal(number, handler)  # pyright: ignore[reportArgumentType]

  def _handle(self, number: int, frame: FrameType | None) -> None:
    del frame
    if self.requested:
      os._exit(128 + number)
    self.requested = True
    print(
      "\nstopping: this iteration ends and is saved; once more stops at once",
      file=sys.stderr,
      flush=True,
    )
