"""What a run has to say beside its metrics: `events.jsonl`, and the screen."""

import collections
import contextlib
import dataclasses
import errno
import json
import pathlib
import sys
from collections.abc import Iterator

import tqdm

from wildrobot_playground.amp.progress import Event
from wildrobot_playground.system import files, reading

EVENTS_FILE = "events.jsonl"
_LARGEST = 2**63


class EventLog:
  """Writes every event, and says the first of each kind and then fewer."""

  def __init__(self, run_dir: pathlib.Path, first_steps: int = 0):
    """Drops the events that a resumed run will meet again.

    Args:
      run_dir: the run folder.
      first_steps: where the run goes on.
    """
    self._path = run_dir / EVENTS_FILE
    self._said: collections.Counter[str] = collections.Counter()
    self._writable = True
    if self._path.exists():
      with self._dropping():
        kept = [e for e in load(run_dir) if e.steps <= first_steps]
        files.update_bytes(self._path, "".join(map(_line, kept)).encode())

  def __call__(self, event: Event) -> None:
    """Takes an event; a file that cannot be written is no reason to stop."""
    with self._dropping():
      if self._path.exists() and not self._path.is_file():  # It may block.
        raise OSError(errno.EINVAL, "it is no regular file")
      with self._path.open("a", encoding="utf-8") as file:
        file.write(_line(event))
    self._said[event.kind] += 1
    times = self._said[event.kind]
    if event.kind != "incident" or times & (times - 1) == 0:
      label = {"health": f"discriminator {event.state}"}.get(
        event.kind, event.kind
      )
      tqdm.tqdm.write(
        f"{event.steps:,} steps: {label}: {event.text}", file=sys.stderr
      )

  @contextlib.contextmanager
  def _dropping(self) -> Iterator[None]:
    """Says once what cannot be written."""
    try:
      yield
    except OSError as error:
      if self._writable:
        print(
          f"warning: {self._path} cannot be written ({error.strerror});"
          " training goes on",
          file=sys.stderr,
        )
      self._writable = False


def load(run_dir: pathlib.Path) -> list[Event]:
  """The events of a run folder; none where there is no file.

  Raises:
    OSError: when it cannot be read.
  """
  path = run_dir / EVENTS_FILE
  if not path.exists():
    return []
  lines = reading.text(path, odd="replace").split("\n")
  found = map(_event_of, lines)
  return [event for event in found if event is not None]


def _line(event: Event) -> str:
  return json.dumps(dataclasses.asdict(event)) + "\n"


def _event_of(line: str) -> Event | None:
  """The event of a line; a killed process leaves half a line, which is none."""
  try:
    event = Event(**json.loads(line))
  except (ValueError, TypeError, RecursionError):
    return None
  words = (event.kind, event.text, event.state)
  is_one = (
    type(event.steps) is int
    and 0 <= event.steps < _LARGEST
    and all(isinstance(word, str) for word in words)
  )
  return event if is_one else None
