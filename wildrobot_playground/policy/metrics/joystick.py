"""How a robot follows a joystick: forward, sideways and turning, by command.

For environments of Playground, whose commands have three parts; an environment
without any has a single row, of what it pays and how long its episodes last.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy.metrics import measures, tables
from wildrobot_playground.policy.metrics.episodes import SETTLING_TIME
from wildrobot_playground.system import files

PARTS = ("forward", "left", "turn")
UNITS = ("m/s", "m/s", "rad/s")
_COLUMNS: tuple[tables.Column, ...] = (
  *(
    (f"command_{part}", unit, "g")
    for part, unit in zip(PARTS, UNITS, strict=True)
  ),
  *((part, unit, ".3f") for part, unit in zip(PARTS, UNITS, strict=True)),
  ("velocity_error", "m/s", ".3f"),
  ("turn_error", "rad/s", ".3f"),
  ("falls", "", "d"),
  ("seconds", "s", ".1f"),
  ("reward", "1/s", ".3f"),
  ("style_distance", "", ".2f"),
)
_LARGEST = 1e6  # m or rad; beyond it physics has diverged


@dataclasses.dataclass(frozen=True)
class Rollout:
  """Episodes of one command; arrays lead with (T, N).

  Attributes:
    dt: control step [s].
    command: (3,) forward and left [m/s], turn [rad/s]; None without commands.
    alive: (T, N) whether that robot's episode goes on.
    reward: (T, N) of the environment.
    qpos: (T, N, nq) of the environment's model.
    root: index of the free joint in `qpos`; None without one.
    features: (T, N, F) AMP features; None where there are none.
  """

  dt: float
  command: np.ndarray | None
  alive: np.ndarray
  reward: np.ndarray
  qpos: np.ndarray
  root: int | None
  features: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Report:
  """An evaluation.

  Attributes:
    rows: a row of `summarize` for each command.
    physics: what it ran in.
    rollouts: the episodes behind the rows.
  """

  rows: list[dict[str, float]]
  physics: str
  rollouts: list[Rollout]


def grid(low: np.ndarray, high: np.ndarray) -> np.ndarray:
  """(C, 3) commands: standing, then each part by itself, to both its ends.

  Args:
    low: (3,) the least that the task commands.
    high: (3,) the most.
  """
  ends = [(0, high[0] / 2), *((i, x[i]) for i in range(3) for x in (high, low))]
  rows = [np.zeros(3)] + [value * np.eye(3)[part] for part, value in ends]
  return np.array([r for i, r in enumerate(rows) if r.any() or i == 0]) + 0.0


def summarize(
  rollout: Rollout, reference: dataset_lib.ReferenceDataset | None
) -> dict[str, float]:
  """The figures of one command; NaN for what cannot be measured.

  Speeds are means over the time on its feet, in the frame of the heading.

  Args:
    rollout: its episodes.
    reference: what style is measured against, if anything.
  """
  first = round(SETTLING_TIME / rollout.dt)
  sound = (np.abs(rollout.qpos) < _LARGEST).all(axis=-1)  # So is no NaN.
  sound = np.logical_and.accumulate(sound, axis=0)
  alive = rollout.alive & sound
  steps = np.maximum(alive.sum(axis=0), 1)
  row = dict.fromkeys((name for name, *_ in _COLUMNS), float("nan"))
  row |= {
    "episodes": alive.shape[1],
    "falls": int((~alive[-1]).sum()),
    "diverged": int((~sound[-1]).sum()),
    "seconds": float(steps.mean() * rollout.dt),
    "reward": float(
      (np.where(alive, rollout.reward, 0).sum(axis=0) / steps).mean()
      / rollout.dt
    ),
  }
  if rollout.root is not None:
    row |= _motion(rollout, alive, first)
  if rollout.features is not None and reference is not None:
    sample = rollout.features[first:][alive[first:]]
    row["style_distance"] = measures.style_distance(sample, reference)
  return row


def score(
  rollouts: Sequence[Rollout],
  reference: dataset_lib.ReferenceDataset | None,
  physics: str,
) -> Report:
  """Measures episodes; see `summarize`."""
  rows = [summarize(rollout, reference) for rollout in rollouts]
  return Report(rows, physics, list(rollouts))


def table(report: Report) -> str:
  """The report as a text table, a row a command; no column without figures."""
  shown = [
    column
    for column in _COLUMNS
    if not all(np.isnan(row[column[0]]) for row in report.rows)
  ]
  episodes = report.rows[0]["episodes"]
  return (
    f"\n{tables.text(shown, report.rows)}\n"
    f"{episodes} episodes a command, physics {report.physics}\n"
    f"{tables.divergence([row['diverged'] for row in report.rows])}"
  )


def save(report: Report, path: pathlib.Path) -> None:
  """Writes the rows as JSON; null for what could not be measured."""
  found = {"physics": report.physics, "joystick": report.rows}
  files.write_json(path, found)


def caption(command: np.ndarray | None) -> str:
  """A command in a few words: `0.5 m/s forward, 1 rad/s turn`."""
  if command is None:
    return ""
  said = [
    f"{value:g} {unit} {part}"
    for value, unit, part in zip(command, UNITS, PARTS, strict=True)
    if value
  ]
  return ", ".join(said) or "stand"


def _motion(
  rollout: Rollout, alive: np.ndarray, first: int
) -> dict[str, float]:
  """Mean speeds over the steps that count, and how far they are from told."""
  root = rollout.root or 0
  pose = np.where(alive[..., None], rollout.qpos, 0)[..., root : root + 7]
  speeds = twist(pose.astype(np.float64), rollout.dt)[first:]
  counts = (alive[1:] & alive[:-1])[first:]
  steps = np.maximum(counts.sum(axis=0), 1)[:, None]
  speed = np.where(counts[..., None], speeds, 0).sum(axis=0) / steps
  row = {
    part: float(value)
    for part, value in zip(PARTS, speed.mean(axis=0), strict=True)
  }
  if rollout.command is None:
    return row
  off = np.abs(speed - rollout.command)
  for part, value in zip(PARTS, rollout.command, strict=True):
    row[f"command_{part}"] = float(value)
  row["velocity_error"] = float(np.hypot(off[:, 0], off[:, 1]).mean())
  row["turn_error"] = float(off[:, 2].mean())
  return row


def twist(pose: np.ndarray, dt: float) -> np.ndarray:
  """(T - 1, N, 3) speeds forward, left and turning of root poses (T, N, 7)."""
  w, x, y, z = np.moveaxis(pose[..., 3:7], -1, 0)
  yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
  step = np.diff(pose[..., :2], axis=0) / dt
  cos, sin = np.cos(yaw[:-1]), np.sin(yaw[:-1])
  turn = np.angle(np.exp(1j * np.diff(yaw, axis=0))) / dt
  return np.stack(
    [
      cos * step[..., 0] + sin * step[..., 1],
      cos * step[..., 1] - sin * step[..., 0],
      turn,
    ],
    axis=-1,
  )
