"""What SIGINT and SIGTERM do, from a command's first import to its end.

Python runs a signal's handler only between two of its own instructions, which
a compilation lets nobody have for minutes. Here a thread hears of a signal at
once, whatever the main thread is at.
"""

import contextlib
import itertools
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType

from wildrobot_playground.system import files, output

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PACKAGE = "wildrobot_playground"
_TRAIN = "train"
_COMMANDS = (
  _TRAIN,
  "bench",
  "doctor",
  "evaluate",
  "export",
  "motion",
  "play",
  "report",
)

Reaction = Callable[[int], None]


class StopRequest:
  """Whether someone asked this process to stop, while the context lasts.

  Attributes:
    requested: set by the first SIGINT or SIGTERM; a second one ends the process
      at once with exit code 128 + signal.
  """

  def __init__(self, said: str = "") -> None:
    """Nothing is requested yet.

    Args:
      said: on standard error, when it is.
    """
    self.requested = False
    self._said = said
    self._context = contextlib.ExitStack()

  def __enter__(self) -> "StopRequest":
    """Takes the signals over."""
    self._context.enter_context(reacting(self._answer))
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    """Gives the signals back."""
    self._context.close()

  def steps(self) -> Iterator[int]:
    """0, 1, 2, ... until it is requested."""
    return itertools.takewhile(lambda _: not self.requested, itertools.count())

  def _answer(self, number: int) -> None:
    if self.requested:
      os._exit(128 + number)
    self.requested = True
    if self._said:
      output.say_now(self._said)


class Leaving:
  """A reaction: says one line and ends the process.

  Attributes:
    said: the line; None for the signal's own word.
    code: exit code; None for 128 + signal.
  """

  def __init__(self, said: str | None = None, code: int | None = None) -> None:
    """See the attributes."""
    self.said, self.code = said, code

  def __call__(self, number: int) -> None:
    """Says it and goes; files are whole or not there at any moment."""
    try:
      output.say_now(self.said or word(number))
      files.discard()
    finally:
      os._exit(128 + number if self.code is None else self.code)


class _Ear:
  """The thread that hears of signals, and what it does about them."""

  def __init__(self) -> None:
    self.reactions: list[Reaction] = []
    self._is_back = False
    self._ear, self._mouth = socket.socketpair()
    self._mouth.setblocking(False)
    self._fd = signal.set_wakeup_fd(
      self._mouth.fileno(), warn_on_full_buffer=False
    )
    self.handlers = {n: signal.signal(n, _heard) for n in _SIGNALS}
    self._thread = threading.Thread(
      target=self._listen, name="signals", daemon=True
    )
    self._thread.start()
    if hasattr(os, "register_at_fork"):
      # The thread stays with the parent, whom a child's signals do not concern.
      os.register_at_fork(after_in_child=self._give_back)

  def close(self) -> None:
    """Gives the signals back; what has come by then is still answered."""
    self._give_back()
    self._mouth.close()
    self._thread.join()

  def _give_back(self) -> None:
    if self._is_back:
      return
    self._is_back = True
    for number, handler in self.handlers.items():
      signal.signal(number, handler)
    signal.set_wakeup_fd(self._fd)

  def _listen(self) -> None:
    with self._ear:
      while numbers := self._ear.recv(64):
        for number in numbers:
          if number in _SIGNALS and self.reactions:
            self.reactions[-1](number)


_ear: _Ear | None = None
_base: Leaving | None = None


@contextlib.contextmanager
def reacting(reaction: Reaction) -> Iterator[None]:
  """Has signals answered while it lasts; the innermost such context counts.

  Only the main thread can enter it.

  Args:
    reaction: called with the number of the signal, in a thread of its own.
  """
  _push(reaction)
  try:
    yield
  finally:
    _pop(reaction)


def _push(reaction: Reaction) -> None:
  global _ear
  if _ear is None:
    _ear = _Ear()
  _ear.reactions.append(reaction)


def _pop(reaction: Reaction) -> None:
  global _ear
  assert _ear is not None
  if len(_ear.reactions) > 1:
    _ear.reactions.remove(reaction)
    return
  _ear.close()  # With its last reaction: a signal of just now is not lost.
  _ear = None


def from_the_start() -> None:
  """Answers signals while a command line of ours is still being imported.

  Does nothing in a process that is none: a library leaves signals alone.
  """
  global _base
  command = _command()
  if command is None:
    return
  output.keep_places()
  if threading.current_thread() != threading.main_thread():
    return
  _base = Leaving()
  if command == _TRAIN:
    _base = Leaving("stopped before training began; nothing was written", 0)
  _push(_base)


def from_here() -> None:
  """The same, for a command line that was not known as one by its name."""
  global _base
  if _base is None and threading.current_thread() == threading.main_thread():
    _base = Leaving()
    _push(_base)


def now_saved(said: str) -> None:
  """Changes what a training says that is stopped outside of its iterations."""
  if _base is not None and _base.code is not None:
    _base.said = said


def word(number: int) -> str:
  """What is said of a process that a signal ended."""
  return "interrupted" if number == signal.SIGINT else "terminated"


def _command() -> str | None:
  """The name of our command line that this process is, if it is one."""
  words = sys.orig_argv
  if "-m" in words[:-1]:
    package, command, *_ = [*words[words.index("-m") + 1].split("."), ""]
    is_ours = package == _PACKAGE
  else:
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    package, _, command = name.partition("-")
    is_ours = package == "wildrobot"
  return command if is_ours and command in _COMMANDS else None


def _heard(number: int, frame: FrameType | None) -> None:
  """A handler must be there for the thread to hear of a signal."""
