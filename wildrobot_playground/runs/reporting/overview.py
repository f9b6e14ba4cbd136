"""All runs of a folder as one table, on the screen and as a page."""

import dataclasses
import datetime
import math
import os
import pathlib
import urllib.parse
from collections.abc import Sequence

from wildrobot_playground.motion.show import tables
from wildrobot_playground.runs.reporting import FILE, command_lines, data, html
from wildrobot_playground.runs.reporting.command_grid import mean
from wildrobot_playground.runs.store import checkpoint

_HEADINGS = (
  "date",
  "run",
  "version",
  "environment",
  "preset",
  "seed",
  "steps",
  "error [m/s]",
  "falls",
  "style",
  "verdict",
  "settings",
)
_OFTEN_THE_SAME = ("version", "environment", "preset", "seed", "settings")
_KEEPS_SPEED = 0.1  # m/s, largest mean velocity error of a sound walk
_STANDS = 0.2  # of the commanded speed, at most
_AHEAD = ("command_forward", "forward")  # Of a joystick evaluation.
_STARTS = "--env_config.reset_config.reference_clips="
_LINKED = _HEADINGS.index("run")


@dataclasses.dataclass(frozen=True)
class Entry:
  """A run in one line.

  Attributes:
    folder: of the run.
    cells: in the order of the table's columns.
  """

  folder: pathlib.Path
  cells: tuple[str, ...]


def gather(root: pathlib.Path) -> list[Entry]:
  """The runs directly below a folder, oldest first.

  A folder whose configuration cannot be read is in the table as well.

  Args:
    root: such as `runs/`.
  """
  found = [
    (path.stat().st_mtime, path.parent)
    for path in root.glob(f"*/{checkpoint.CONFIG_FILE}")
  ]
  return [_entry(folder, time) for time, folder in sorted(found)]


def table(entries: Sequence[Entry]) -> str:
  """The runs as text; what is the same for all is said once, below."""
  rows = [entry.cells for entry in entries]
  columns = list(zip(_HEADINGS, zip(*rows, strict=True), strict=True))
  same = {
    heading: cells[0]
    for heading, cells in columns
    if len(rows) > 1 and heading in _OFTEN_THE_SAME and len(set(cells)) == 1
  }
  kept = [column for column in columns if column[0] not in same]
  text = tables.text(
    [heading for heading, _ in kept],
    list(zip(*(cells for _, cells in kept), strict=True)),
  )
  shared = ", ".join(f"{name} {cell}" for name, cell in same.items())
  return f"{text}\nall of them: {shared}" if same else text


def write(root: pathlib.Path, entries: Sequence[Entry]) -> pathlib.Path:
  """Writes the page beside the run folders.

  Returns:
    Where it is.

  Raises:
    errors.UsageError: when a file of another kind has its name.
    OSError: when it cannot be written.
  """
  rows = [_row(entry) for entry in entries]
  body = html.table("Oldest first", _HEADINGS, rows, "numbers")
  title = f"Runs: {root.resolve().name}"
  page = html.page(
    title,
    f"<h1>{html.text(title)}</h1>",
    [html.Section(f"{len(entries)} runs", body)],
  )
  path = root / FILE
  html.write(path, page)
  return path


def verdict(run: data.Run) -> str:
  """What came of a run, in a few words."""
  if run.budget and run.steps < run.budget:
    share = run.steps / run.budget
    return f"{share:.0%} done"
  rows = run.judged
  if not rows:
    return "not judged"
  episodes = sum(row.get("episodes", 0) for row in rows)
  falls = sum(row.get("falls", 0) for row in rows)
  if falls > episodes / 2:
    return "falls"
  error = mean(rows, "velocity_error")
  if math.isnan(error):  # It is told no speed.
    return "lasts, but for some" if falls else "lasts"
  told, kept = ("command", "speed") if run.rows else _AHEAD
  commanded = sum(abs(row.get(told) or 0.0) for row in rows)
  achieved = sum(abs(row.get(kept) or 0.0) for row in rows)
  if commanded > 0 and achieved < _STANDS * commanded:
    return "stands still"
  if error > _KEEPS_SPEED:
    return "does not keep its speed"
  return "walks, falls at times" if falls else "walks"


def _entry(folder: pathlib.Path, time: float) -> Entry:
  date = f"{datetime.datetime.fromtimestamp(time):%Y-%m-%d %H:%M}"
  try:
    run = data.load(folder)
  except checkpoint.CheckpointError:
    blank = ("-",) * (len(_HEADINGS) - 4)
    return Entry(folder, (date, folder.name, *blank, "cannot be read", "-"))
  config = run.config
  versions = config.get("versions")
  known = versions if isinstance(versions, dict) else {}
  episodes = sum(row.get("episodes", 0) for row in run.judged)
  falls = sum(row.get("falls", 0) for row in run.judged)
  cells = (
    date,
    folder.name,
    str(known.get("wildrobot-playground", "?")),
    str(config.get("env", "?")),
    str(config.get("preset", "?")),
    str(config.get("seed", "?")),
    html.quantity(run.steps),
    _number(mean(run.judged, "velocity_error"), ".3f"),
    f"{falls:.0f}/{episodes:.0f}" if run.judged else "-",
    _number(mean(run.judged, "style_distance"), ".2f"),
    verdict(run),
    _settings(run),
  )
  return Entry(folder, cells)


def _settings(run: data.Run) -> str:
  """What differs from the preset, as it is typed."""
  try:
    arguments, _ = command_lines.settings(run.config)
  except ValueError:
    return "?"
  if run.config.get("reference"):
    # It is where episodes start as well, and that key says so once more.
    arguments = [a for a in arguments if not a.startswith(_STARTS)]
    arguments.append(f"--reference={run.config['reference']}")
  return " ".join(arguments) or "-"


def _row(entry: Entry) -> list[str]:
  """The cells as HTML; the name leads to the run's own page."""
  cells = [html.text(cell) for cell in entry.cells]
  if (entry.folder / FILE).is_file():
    link = urllib.parse.quote(os.fsencode(f"{entry.folder.name}/{FILE}"))
    cells[_LINKED] = f'<a href="{link}">{cells[_LINKED]}</a>'
  return cells


def _number(value: float, form: str) -> str:
  return format(value, form) if math.isfinite(value) else "-"
