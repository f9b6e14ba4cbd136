"""What a run has to say beside its metrics: `events.jsonl`, and the screen."""

import collections
import dataclasses
import json
import pathlib
import sys

import tqdm

from wildrobot_playground.amp.ppo import Event

EVENTS_FILE = "events.jsonl"


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
      kept = [e for e in load(run_dir) if e.steps <= first_steps]
      self._write("w", kept)

  def __call__(self, event: Event) -> None:
    """Takes an event; a file that cannot be written is no reason to stop."""
    self._write("a", [event])
    self._said[event.kind] += 1
    times = self._said[event.kind]
    if event.kind != "incident" or times & (times - 1) == 0:
      label = {"health": f"discriminator {event.state}"}.get(
        event.kind, event.kind
      )
      tqdm.tqdm.write(
        f"{event.steps:,} steps: {label}: {event.text}", file=sys.stderr
      )

  def _write(self, mode: str, events: list[Event]) -> None:
    try:
      with self._path.open(mode) as file:
        for event in events:
          file.write(json.dumps(dataclasses.asdict(event)) + "\n")
    except OSError as error:
      if self._writable:
        print(
          f"warning: {self._path} cannot be written ({error.strerror});"
          " training goes on",
          file=sys.stderr,
        )
      self._writable = False


def load(run_dir: pathlib.Path) -> list[Event]:
  """The events of a run folder; none where there is no file."""
  events = []
  path = run_dir / EVENTS_FILE
  for line in path.read_text().splitlines() if path.exists() else ():
    try:
      events.append(Event(**json.loads(line)))
    except (ValueError, TypeError):  # A killed process leaves half a line.
      continue
  return events
