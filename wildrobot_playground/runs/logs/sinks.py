"""Where records of metrics go; a place that fails is dropped, and said once."""

import errno
import json
import math
import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto import event_pb2, summary_pb2

from wildrobot_playground.policy.metrics import scorecard
from wildrobot_playground.system import files

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"

Record = Mapping[str, float]
_LARGEST = 2**63
_LARGEST_FIGURE = 3.5e38  # Training computes in 32 bits; plots end there too.


class Sink(Protocol):
  """Takes the records of a run, and what it ended in."""

  def write(self, record: Record) -> None:
    """Takes one record; `steps` says when."""
    ...

  def finish(
    self, judged: scorecard.Report | None, video: pathlib.Path | None
  ) -> None:
    """Closes, after an evaluation and a video where there are any."""
    ...


class Sinks:
  """Several sinks as one that never fails: training goes on without a sink."""

  def __init__(self, makers: Mapping[str, Callable[[], Sink | None]]):
    """Opens them.

    Args:
      makers: name to a function that opens the sink; None for no sink.
    """
    self._sinks: dict[str, Sink] = {}
    for name, make in makers.items():
      try:
        sink = make()
      except Exception as error:
        _say(name, error)
        continue
      if sink is not None:
        self._sinks[name] = sink

  def write(self, record: Record) -> None:
    """Hands a record to all of them."""
    self._each(lambda sink: sink.write(record))

  def finish(
    self,
    judged: scorecard.Report | None = None,
    video: pathlib.Path | None = None,
  ) -> None:
    """Closes all of them; what comes later goes nowhere."""
    self._each(lambda sink: sink.finish(judged, video))
    self._sinks = {}

  def _each(self, act: Callable[[Sink], None]) -> None:
    for name, sink in list(self._sinks.items()):
      try:
        act(sink)
      except Exception as error:
        _say(name, error)
        del self._sinks[name]


def _say(name: str, error: Exception) -> None:
  lines = str(error).splitlines() or [type(error).__name__]
  print(
    f"\nwarning: {name} takes no more metrics ({lines[0]}); training goes on",
    file=sys.stderr,
  )


class JsonLines:
  """`metrics.jsonl`: one record a line, null for what is not finite."""

  def __init__(self, run_dir: pathlib.Path, earlier: Iterable[Record] = ()):
    """Writes the file anew, where it holds anything else.

    Args:
      run_dir: the run folder.
      earlier: records that a resumed run keeps.
    """
    path = run_dir / METRICS_FILE
    if path.exists() and not path.is_file():  # Opening it may block.
      raise OSError(errno.EINVAL, "it is no regular file", str(path))
    files.update_bytes(path, "".join(map(_line, earlier)).encode())
    self._file = path.open("a", buffering=1, encoding="utf-8")

  def write(self, record: Record) -> None:
    """See `Sink.write`."""
    self._file.write(_line(record))

  def finish(
    self, judged: scorecard.Report | None, video: pathlib.Path | None
  ) -> None:
    """See `Sink.finish`; has no use for either."""
    del judged, video
    self._file.close()


class TensorBoard:
  """Event files in `tensorboard/`."""

  def __init__(self, run_dir: pathlib.Path, first_steps: int = 0):
    """Opens a new file.

    Args:
      run_dir: the run folder.
      first_steps: where a run goes on; later points there are hidden.
    """
    # Not `SummaryWriter`: its thread dies of a full disk, and then it blocks.
    folder = run_dir / TENSORBOARD_FOLDER
    goes_on = folder.is_dir()
    folder.mkdir(exist_ok=True)
    self._writer = EventsWriter(str(folder / "events"))
    if goes_on:
      start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
      self._add(first_steps, session_log=start)

  def write(self, record: Record) -> None:
    """See `Sink.write`."""
    self._show(int(record["steps"]), _scalars(record))

  def finish(
    self, judged: scorecard.Report | None, video: pathlib.Path | None
  ) -> None:
    """See `Sink.finish`; curves over the command, under `evaluation/`."""
    del video
    for row in judged.rows if judged is not None else ():
      scalars = {f"evaluation/{k}": v for k, v in _scalars(row).items()}
      # Millimetres a second, for steps are whole numbers.
      self._show(round(1000 * row["command"]), scalars)
    self._writer.close()

  def _show(self, step: int, scalars: Mapping[str, float]) -> None:
    values = [
      summary_pb2.Summary.Value(tag=name, simple_value=value)
      for name, value in scalars.items()
    ]
    self._add(step, summary=summary_pb2.Summary(value=values))

  def _add(self, step: int, **content: Any) -> None:
    """Writes an event, now: what fails must fail here."""
    self._writer.write_event(
      event_pb2.Event(wall_time=time.time(), step=step, **content)
    )
    self._writer.flush()


def record_of(line: str) -> dict[str, float] | None:
  """A line of `metrics.jsonl`, see `figures`; None when it holds no record."""
  try:
    found = json.loads(line)
    steps = found["steps"]
  except (ValueError, KeyError, TypeError, RecursionError):
    return None
  if not _is_number(steps) or not 0 <= steps < _LARGEST:
    return None
  return figures(found)


def figures(found: Mapping[str, Any]) -> dict[str, float]:
  """The numbers of a table of JSON; NaN for null, and for what is too large.

  Null stands for what was not finite, and no more is what no 32 bits hold.
  """
  return {
    key: value
    if value is not None and abs(value) < _LARGEST_FIGURE
    else math.nan
    for key, value in found.items()
    if value is None or _is_number(value)
  }


def _is_number(value: Any) -> bool:
  """Whether JSON's value is a number that fits a float; true is none."""
  return isinstance(value, float) or (
    type(value) is int and abs(value) < _LARGEST
  )


def _line(record: Record) -> str:
  return json.dumps(files.finite(record)) + "\n"


def _scalars(record: Record) -> dict[str, float]:
  """What a plot can show: all that is finite, but for the steps."""
  return {
    name: value
    for name, value in files.finite(record).items()
    if value is not None and name != "steps"
  }
