"""An evaluation: a row of figures a command, as a table and as JSON."""

import dataclasses
import pathlib
from collections.abc import Sequence

from wildrobot_playground import robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy.metrics import measures, tables
from wildrobot_playground.policy.metrics.episodes import Rollout
from wildrobot_playground.system import files

_COLUMNS: tuple[tables.Column, ...] = (
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
  episodes = int(report.rows[0]["episodes"]) if report.rows else 0
  return (
    f"\n{tables.text(_COLUMNS, report.rows)}\n"
    f"{episodes} episodes a command, physics {report.physics}\n"
    f"{tables.divergence([row.get('diverged', 0) for row in report.rows])}"
  )


def save(report: Report, path: pathlib.Path) -> None:
  """Writes the rows as JSON; null for what could not be measured."""
  found = {"physics": report.physics, "commands": report.rows}
  files.write_json(path, found)
