"""What the run was: how to make it again, its reference, settings, versions."""

import contextlib
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

from wildrobot_playground.config import ranges
from wildrobot_playground.runs import plan
from wildrobot_playground.runs.reporting import command_lines, html
from wildrobot_playground.runs.reporting.data import Run
from wildrobot_playground.runs.store import checkpoint
from wildrobot_playground.runs.store.snapshots import Snapshots

_SECTIONS = {"ppo": "PPO", "amp": "Motion prior", "env_config": "Environment"}


def commands(run: Run) -> html.Section:
  """How to make the run again, go on with it, and look at it."""
  folder = _written_folder(run.folder)
  parts = [_reproduce(run, folder), _go_on(run, folder)]
  parts += [
    "<h3>Look at it</h3>",
    html.code(
      f"python -m wildrobot_playground.evaluate --checkpoint={folder}\n"
      f"python -m wildrobot_playground.doctor --checkpoint={folder}\n"
      f"python -m wildrobot_playground.report --run={folder}"
    ),
  ]
  return html.Section("Commands", "".join(parts))


def checkpoints(run: Run) -> html.Section:
  """What can be gone on with, and what can be used."""
  store = Snapshots(run.folder)
  parts = []
  if steps := store.steps():
    parts.append(
      html.table(
        "Full states of the training, oldest first",
        ("Steps", "Folder", "Size"),
        (
          (
            f"{step:,}",
            f"{store.folder.name}/{step:012d}",
            f"{_size(store.folder / f'{step:012d}') / 1e6:.1f} MB",
          )
          for step in steps
        ),
        "numbers",
      )
    )
  else:
    parts.append(html.missing("There is no checkpoint to go on with."))
  policy = run.folder / checkpoint.POLICY_FOLDER
  parts.append(
    html.paragraph(
      f"{policy.name}/ holds the policy as a stock Brax checkpoint"
      f" ({_size(policy) / 1e6:.1f} MB)."
    )
    if policy.is_dir()
    else html.missing("No policy was saved yet.")
  )
  return html.Section("Checkpoints", "".join(parts))


def reference(run: Run) -> html.Section:
  """The clips that the run learnt from."""
  found = run.reference
  if found is None:
    return html.Section("Reference", html.missing("The run folder has none."))
  about = found.meta.get("clips", {})
  rows = []
  for index, name in enumerate(found.clip_names):
    clip = about.get(name, {}) if isinstance(about, dict) else {}
    source = clip.get("source", {})
    known = source if isinstance(source, dict) else {}
    seconds = len(found.clip(index)) * found.dt
    rows.append(
      (
        html.text(name),
        f"{found.clip_speeds[index]:g}",
        f"{seconds:.1f}",
        html.text(clip.get("tier", "unknown")),
        html.text(known.get("licence", "unknown")),
      )
    )
  speeds = found.clip_speeds
  summary = (
    f"{found.num_clips} clips, {speeds.min():g} to {speeds.max():g} m/s,"
    f" velocity as {found.velocity_mode}"
  )
  table = html.table(
    "Clips", ("Clip", "Speed [m/s]", "Length [s]", "Tier", "Licence"), rows
  )
  return html.Section("Reference", html.details(summary, table))


def settings(run: Run) -> html.Section:
  """The configuration."""
  parts = [
    html.details(title, _settings_table(title, run.config[name]))
    for name, title in _SECTIONS.items()
    if isinstance(run.config.get(name), dict)
  ]
  plain = {
    key: value
    for key, value in run.config.items()
    if key not in (*plan.SECTIONS, "command", "versions")
  }
  parts.insert(0, _settings_table("Run", plain))
  return html.Section("Configuration", "".join(parts))


def versions(run: Run) -> html.Section:
  """What the run was trained with."""
  found = run.config.get("versions")
  if not isinstance(found, dict) or not found:
    return html.Section("Versions", html.missing("They were not recorded."))
  table = html.table(
    "Packages at the start of the run",
    ("Package", "Version"),
    ((html.text(k), html.text(v)) for k, v in found.items()),
  )
  return html.Section("Versions", table)


def _reproduce(run: Run, folder: str) -> str:
  """The command from the configuration, and the one that was given."""
  parts = ["<h3>Make it again</h3>"]
  try:
    command, unknown = command_lines.reproduce(run.config, folder)
    parts.append(html.code(command))
    if unknown:
      parts.append(
        html.missing(
          "This version of the package no longer knows"
          f" {', '.join(unknown)}; use the versions below."
        )
      )
  except ValueError as error:
    parts.append(html.missing(f"The configuration does not say how: {error}."))
  if given := command_lines.given(run.config):
    parts.append(html.paragraph("The run was started with:"))
    parts.append(html.code(given))
  return "".join(parts)


def _go_on(run: Run, folder: str) -> str:
  """The command that goes on, for a run that stopped and one that did not."""
  if not Snapshots(run.folder).steps():
    return ""
  finished = run.budget and run.steps >= run.budget
  longer = 2 * run.budget if finished else None
  why = (
    "It has reached its budget; for one twice as large:"
    if finished
    else "From its newest checkpoint, as if it had never stopped:"
  )
  return (
    "<h3>Go on with it</h3>"
    + html.paragraph(why)
    + html.code(command_lines.go_on(folder, longer))
  )


def _settings_table(title: str, values: Mapping[str, Any]) -> str:
  leaves = ranges.flatten(config_dict.ConfigDict(dict(values)))
  return html.table(
    title,
    ("Key", "Value"),
    ((html.text(key), html.text(_value(v))) for key, v in leaves.items()),
  )


def _value(value: Any) -> str:
  if isinstance(value, float) and not math.isfinite(value):
    return str(value)
  if isinstance(value, tuple):
    value = list(value)
  return value if isinstance(value, str) else json.dumps(value, default=str)


def _written_folder(folder: pathlib.Path) -> str:
  """The run folder as a reader of the page can type it.

  Other machines do not have this one's paths: it is written from the folder
  that the command was given in, else by its name alone.
  """
  resolved = folder.resolve()
  try:
    return resolved.relative_to(pathlib.Path.cwd()).as_posix()
  except ValueError:
    return resolved.name


def _size(folder: pathlib.Path) -> int:
  """Bytes of all files below a folder; a run may be removing it."""
  size = 0
  with contextlib.suppress(FileNotFoundError):
    for path in folder.rglob("*"):
      size += path.stat().st_size if path.is_file() else 0
  return size
