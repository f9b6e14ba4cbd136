"""An evaluation: a row of figures a command, as a table and as JSON."""

import dataclasses
import math
import pathlib
from collections.abc import Sequence
from typing import Any

from wildrobot_playground import robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy.metrics import measures
from wildrobot_playground.policy.metrics.episodes import Rollout
from wildrobot_playground.system import files

_COLUMNS = (
  ("command", "m/s", "g"),
  ("speed", "m/s", ".3f"),
  ("velocity_error", "m/s", ".3f"),
  ("falls", "", "d"),
  ("drift", "m", ".2f"),
  ("lateral_drift", "m", ".2f"),
  ("yaw_drift", "rad", ".2f"),
  ("foot_slip", "m/s", ".3f"),
  ("foot_lift", "m", ".3f"),
  ("duty_factor", "", ".2f"),
  ("cadence", "Hz", ".2f"),
  ("symmetry", "", ".2f"),
  ("torque_rms", "N·m", ".2f"),
  ("power", "W", ".1f"),
  ("cost_of_transport", "", ".2f"),
  ("style_distance", "", ".2f"),
  ("cycle_distance", "rad", ".3f"),
)


@dataclasses.dataclass(frozen=True)
class Report:
  """An evaluation.

  Attributes:
    rows: a row of `gait.summarize` for each command.
    physics: what it ran in.
    rollouts: the episodes behind the rows.
    robot: that walked.
  """

  rows: list[dict[str, float]]
  physics: str
  rollouts: list[Rollout]
  robot: robots.Robot


def score(
  rollouts: Sequence[Rollout],
  reference: dataset_lib.ReferenceDataset,
  robot: robots.Robot,
  physics: str,
) -> Report:
  """Measures episodes.

  Args:
    rollouts: one a command.
    reference: what style is measured against.
    robot: that walked.
    physics: what they ran in.
  """
  rows = [measures.summarize(rollout, reference, robot) for rollout in rollouts]
  return Report(rows, physics, list(rollouts), robot)


def table(report: Report) -> str:
  """The report as a text table, a row a command."""
  header = [name.replace("_", " ") for name, _, _ in _COLUMNS]
  units = [f"[{unit}]" if unit else "" for _, unit, _ in _COLUMNS]
  body = [
    [_cell(row[name], form) for name, _, form in _COLUMNS]
    for row in report.rows
  ]
  # Two-word headings take two lines.
  upper = [h.rpartition(" ")[0] for h in header]
  lower = [h.rpartition(" ")[2] for h in header]
  lines = [upper, lower, units, *body]
  widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
  text = "\n".join(
    "  ".join(
      cell.rjust(width) for cell, width in zip(line, widths, strict=True)
    )
    for line in lines
  )
  episodes = int(report.rows[0]["episodes"]) if report.rows else 0
  return (
    f"\n{text}\n{episodes} episodes a command, physics {report.physics}\n"
    f"{divergence([row.get('diverged', 0) for row in report.rows])}"
  )


def divergence(counts: Sequence[float]) -> str:
  """A line on robots that diverged, by command; empty if none did."""
  if not sum(counts):
    return ""
  return (
    f"warning: physics of {sum(counts):g} robots diverged (their numbers grew"
    " without bounds); they count as fallen\n"
  )


def save(report: Report, path: pathlib.Path) -> None:
  """Writes the rows as JSON; null for what could not be measured."""
  found = {"physics": report.physics, "commands": report.rows}
  files.write_json(path, found)


def _cell(value: Any, form: str) -> str:
  return "-" if math.isnan(value) else format(value, form)
