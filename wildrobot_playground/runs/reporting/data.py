"""What a report is made from: everything that a run folder holds."""

import dataclasses
import itertools
import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy.metrics import scorecard
from wildrobot_playground.policy.metrics.episodes import Rollout
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs.logs import events, metrics_log, sinks
from wildrobot_playground.runs.store import checkpoint
from wildrobot_playground.system import reading

EVALUATION_FILE = "eval.json"

Row = dict[str, float]
_DAMAGE = (
  OSError,
  ValueError,
  KeyError,
  TypeError,
  AttributeError,
  RecursionError,
)


@dataclasses.dataclass(frozen=True)
class Run:
  """A run folder, read.

  Attributes:
    folder: where it is.
    config: `config.json`.
    records: see `runs.logs.metrics_log`; NaN for what was not finite.
    events: in the order in which they happened.
    rows: of the evaluation, see `policy.metrics.measures`; empty without one.
    physics: that it ran in.
    joystick: rows of an evaluation by an environment's own commands instead,
      see `policy.metrics.joystick`.
    rollouts: the episodes behind the rows, where they are at hand.
    reference: what the run learnt from, if it did and it can be read.
    problems: what could not be read, a line each.
  """

  folder: pathlib.Path
  config: dict[str, Any]
  records: list[dict[str, float]]
  events: list[events.Event]
  rows: list[Row]
  physics: str
  joystick: list[Row]
  rollouts: Sequence[Rollout]
  reference: dataset_lib.ReferenceDataset | None
  problems: tuple[str, ...]

  @property
  def judged(self) -> list[Row]:
    """The rows of whichever evaluation there is."""
    return self.rows or self.joystick

  @property
  def steps(self) -> int:
    """Environment steps of the last record; 0 before the first."""
    return int(self.records[-1]["steps"]) if self.records else 0

  @property
  def budget(self) -> int:
    """Environment steps that were asked for; 0 when nobody knows."""
    budget = self.config.get("ppo", {}).get("num_timesteps", 0)
    return budget if type(budget) is int else 0

  @property
  def seconds(self) -> float:
    """Time spent training [s], over all the times that it went on."""
    times = [record.get("seconds", math.nan) for record in self.records]
    ends = [
      now for now, after in itertools.pairwise([*times, 0.0]) if now > after
    ]
    return sum(ends)

  def series(self, name: str) -> tuple[list[float], list[float]]:
    """Steps and values of a metric, where it was recorded."""
    found = [(r["steps"], r[name]) for r in self.records if name in r]
    return [s for s, _ in found], [v for _, v in found]

  def has(self, name: str) -> bool:
    """Whether a metric was ever recorded with a finite value."""
    return any(math.isfinite(value) for value in self.series(name)[1])


def load(run_dir: pathlib.Path, report: scorecard.Report | None = None) -> Run:
  """Reads a run folder; only `config.json` must be there.

  Args:
    run_dir: run folder.
    report: its evaluation; `eval.json` is read when None.

  Raises:
    CheckpointError: when it is no run folder.
  """
  config = checkpoint.load_config(run_dir)
  problems: list[str] = []
  rows, joystick, physics = _evaluation(run_dir, report, problems)
  return Run(
    folder=run_dir,
    config=config,
    records=_records(run_dir, problems),
    events=_events(run_dir, problems),
    rows=rows,
    physics=physics,
    joystick=joystick,
    rollouts=report.rollouts if report else (),
    reference=_reference(run_dir, problems),
    problems=tuple(problems),
  )


def _records(
  run_dir: pathlib.Path, problems: list[str]
) -> list[dict[str, float]]:
  path = run_dir / metrics_log.METRICS_FILE
  if not path.exists():
    return []
  try:
    records, others = metrics_log.read(run_dir)
  except OSError as error:
    problems.append(f"{path.name} cannot be read ({error.strerror})")
    return []
  if others > 1:  # One may be half a line of a process that was killed.
    problems.append(f"{others} lines of {path.name} are no records")
  return records


def _events(run_dir: pathlib.Path, problems: list[str]) -> list[events.Event]:
  try:
    return events.load(run_dir)
  except OSError as error:
    problems.append(f"{events.EVENTS_FILE} cannot be read ({error.strerror})")
    return []


def _evaluation(
  run_dir: pathlib.Path,
  report: scorecard.Report | None,
  problems: list[str],
) -> tuple[list[Row], list[Row], str]:
  if report is not None:
    return [sinks.figures(row) for row in report.rows], [], report.physics
  path = run_dir / EVALUATION_FILE
  if not path.exists():
    return [], [], ""
  try:
    found = json.loads(reading.text(path))
    if "joystick" in found:
      theirs = [sinks.figures(row) for row in found["joystick"]]
      return [], theirs, str(found["physics"])
    rows = [sinks.figures(row) for row in found["commands"]]
    rows = [row for row in rows if math.isfinite(row.get("command", math.nan))]
    return rows, [], str(found["physics"])
  except _DAMAGE as error:
    problems.append(f"{path.name} cannot be read ({type(error).__name__})")
    return [], [], ""


def _reference(
  run_dir: pathlib.Path, problems: list[str]
) -> dataset_lib.ReferenceDataset | None:
  if not (run_dir / reference_lib.FILE).exists():
    return None
  try:
    return reference_lib.of_run(run_dir)
  except dataset_lib.DatasetError as error:
    problems.append(str(error))
    return None
