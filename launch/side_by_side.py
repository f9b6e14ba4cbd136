"""Processes side by side, of which each saves when all are asked to stop."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from wildrobot_playground.system import stopping

_POLL = 0.2  # s
_ENDING = 5.0  # s, in which a process has ended that was told twice
# What a terminal sends that is closed; `nohup` has it ignored.
_CLOSED = getattr(signal, "SIGHUP", None)

Work = TypeVar("Work")


def run(
  todo: Sequence[Work],
  at_once: int,
  start: Callable[[Work], subprocess.Popen],
  ended: Callable[[Work, int, bool], None],
) -> None:
  """Runs processes, some at a time, until all have ended.

  The first SIGINT, SIGTERM or SIGHUP is handed on to each of them as one
  SIGTERM, and their ends are waited for; a second one ends them at once.

  Args:
    todo: what there is to do, in its order.
    at_once: how many processes there may be.
    start: starts one, in a session of its own: what a terminal sends to the
      whole group would be a second signal to it.
    ended: told of one that has ended, its exit code, and whether all are asked
      to stop.

  Raises:
    SystemExit: after a signal and its word, when all have ended.
  """
  waiting: list[Work] = list(todo)
  running: list[tuple[Work, subprocess.Popen]] = []
  told = 0
  with _counting_signals() as signals:
    try:
      while running or (waiting and not signals):
        while waiting and len(running) < at_once and not signals:
          work = waiting.pop(0)
          running.append((work, start(work)))
        time.sleep(_POLL)
        for work, process in list(running):
          if process.poll() is not None:
            running.remove((work, process))
            ended(work, process.returncode, bool(signals))
        if len(signals) > told:
          told = len(signals)
          _tell(running, told)
    except BaseException:  # They are nobody's then.
      _end([process for _, process in running])
      raise
  if signals:
    is_ctrl_c = signals[0] == signal.SIGINT
    number = signal.SIGINT if is_ctrl_c else signal.SIGTERM
    print(stopping.word(number), file=sys.stderr)
    sys.exit(128 + number)


def _tell(
  running: Sequence[tuple[object, subprocess.Popen]], times: int
) -> None:
  """Asks to stop; the second time there is no waiting for what is not saved."""
  processes = [process for _, process in running]
  if times > 1:
    _end(processes)
    return
  print(
    f"stopping: {len(processes)} under way, each saves first; once more stops"
    " at once",
    flush=True,
  )
  for process in processes:
    process.terminate()


def _end(processes: Sequence[subprocess.Popen]) -> None:
  """Ends processes within seconds."""
  for process in processes:
    process.terminate()
  until = time.monotonic() + _ENDING
  for process in processes:
    try:
      process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
      process.kill()
      process.wait()


@contextlib.contextmanager
def _counting_signals() -> Iterator[list[int]]:
  """The signals that have come while it lasts."""
  found: list[int] = []
  with stopping.reacting(found.append):
    if _CLOSED is None or signal.getsignal(_CLOSED) == signal.SIG_IGN:
      yield found
      return
    before = signal.signal(_CLOSED, lambda number, _: found.append(number))
    try:
      yield found
    finally:
      signal.signal(_CLOSED, before)
