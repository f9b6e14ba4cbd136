"""The report of a run: one page with everything, that needs nothing else."""

import math
import pathlib
from collections.abc import Callable

from wildrobot_playground.policy.metrics import scorecard
from wildrobot_playground.runs.reporting import (
  command_grid as evaluation_section,
)
from wildrobot_playground.runs.reporting import data, facts, html, learning
from wildrobot_playground.runs.reporting.data import Run

FILE = "report.html"

_SECTIONS: tuple[Callable[[Run], html.Section], ...] = (
  evaluation_section.video,
  evaluation_section.grid,
  evaluation_section.gaits,
  learning.curves,
  learning.discriminator,
  learning.incidents,
  facts.reference,
  facts.commands,
  facts.checkpoints,
  facts.settings,
  facts.versions,
)


def write(
  run_dir: pathlib.Path, evaluation: scorecard.Report | None = None
) -> pathlib.Path:
  """Writes `report.html` into a run folder; nothing is computed anew.

  Args:
    run_dir: run folder; what it lacks is left out of the page, which says so.
    evaluation: of its policy. Without it `eval.json` is read, which knows no
      gait cycles.

  Returns:
    Where the page is.

  Raises:
    CheckpointError: when it is no run folder.
    errors.UsageError: when a file of another kind has the page's name.
    OSError: when the page cannot be written.
  """
  run = data.load(run_dir, evaluation)
  sections = [make(run) for make in _SECTIONS]
  name = f"{run.config.get('env', 'Run')}: {run.folder.resolve().name}"
  path = run_dir / FILE
  html.write(path, html.page(name, _header(run, name), sections))
  return path


def _header(run: Run, name: str) -> str:
  """Title, figures at a glance, and what could not be read."""
  config = run.config
  style = config.get("amp", {}).get("weight")
  about = f"Preset {config.get('preset', '?')}, seed {config.get('seed', '?')}"
  if isinstance(style, (int, float)):
    about += f", style weight {style:g}"
  parts = [
    f"<h1>{html.text(name)}</h1>",
    f'<p class="soft">{html.text(about)}</p>',
    html.tiles(_figures(run)),
  ]
  parts += [html.missing(f"Left out: {problem}.") for problem in run.problems]
  return "\n".join(parts)


def _figures(run: Run) -> list[tuple[str, str, str]]:
  """(name, figure, remark) of what one wants to know first."""
  found = [_progress(run)]
  if run.seconds:
    speed = html.quantity(run.steps / run.seconds)
    found.append(
      ("Training time", html.duration(run.seconds), f"{speed} steps/s")
    )
  found += _walk(run)
  if state := learning.last_state(run):
    found.append(("Discriminator", state, "at the end"))
  incidents = sum(event.kind == "incident" for event in run.events)
  found.append(("Incidents", str(incidents), ""))
  return found


def _progress(run: Run) -> tuple[str, str, str]:
  steps, budget = html.quantity(run.steps), html.quantity(run.budget)
  if not run.budget:
    return "Environment steps", steps, ""
  if run.steps >= run.budget:
    return "Environment steps", steps, "finished"
  return "Environment steps", steps, f"of {budget}: not finished"


def _walk(run: Run) -> list[tuple[str, str, str]]:
  """The evaluation in four figures, or what training says instead."""
  rows, mean = run.judged, evaluation_section.mean
  if not rows:
    errors = [v for v in run.series("episode/velocity_error")[1] if v == v]
    if not errors:
      return []
    return [("Velocity error", f"{errors[-1]:.3f} m/s", "in training")]
  found = []
  error, style = mean(rows, "velocity_error"), mean(rows, "style_distance")
  if math.isfinite(error):
    of = "mean of all commands"
    if run.rows:
      speeds = [row["command"] for row in rows]
      of = f"mean of {min(speeds):g} to {max(speeds):g} m/s"
    found.append(("Velocity error", f"{error:.3f} m/s", of))
  falls = sum(row.get("falls", 0) for row in rows)
  episodes = sum(row.get("episodes", 0) for row in rows)
  found.append(("Falls", f"{falls:.0f}", f"of {episodes:.0f} episodes"))
  if math.isfinite(style):
    found.append(("Style distance", f"{style:.2f}", "mean, in std"))
  return found
