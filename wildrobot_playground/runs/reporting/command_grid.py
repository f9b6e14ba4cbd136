"""How the policy walks: the command grid, its gait cycles, the video."""

import base64
import math
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

from wildrobot_playground.runs.reporting import cycles, html
from wildrobot_playground.runs.reporting import svg as plots
from wildrobot_playground.runs.reporting.data import Row, Run

VIDEO_FILE = "rollout.mp4"
_MOST_VIDEO = 6_000_000  # bytes; base64 makes a third more of them

_UNITS = {
  "command_forward": "m/s",
  "command_left": "m/s",
  "command_turn": "rad/s",
  "forward": "m/s",
  "left": "m/s",
  "turn": "rad/s",
  "turn_error": "rad/s",
  "seconds": "s",
  "reward": "1/s",
  "command": "m/s",
  "speed": "m/s",
  "velocity_error": "m/s",
  "distance": "m",
  "drift": "m",
  "lateral_drift": "m",
  "yaw_drift": "rad",
  "cadence": "Hz",
  "foot_slip": "m/s",
  "foot_lift": "m",
  "torque_rms": "N·m",
  "torque_max": "N·m",
  "power": "W",
  "style_distance": "std",
  "cycle_distance": "rad",
}
_CURVES = (
  "velocity_error",
  "falls",
  "style_distance",
  "cycle_distance",
  "cost_of_transport",
)
_MORE_CURVES = (
  "lateral_drift",
  "yaw_drift",
  "foot_lift",
  "foot_slip",
  "cadence",
  "duty_factor",
  "symmetry",
)
_COMMAND = "commanded speed [m/s]"
_NO_EVALUATION = "None: the policy has not been evaluated."


def grid(run: Run) -> html.Section:
  """The rows as plots and as a table."""
  title = "Evaluation"
  if run.joystick:
    return html.Section(title, _joystick(run))
  if not run.rows:
    return html.Section(title, html.missing(_NO_EVALUATION))
  figures = [_speed(run.rows)] if _measured(run.rows, "speed") else []
  figures += _figures(run.rows, _CURVES)
  episodes = run.rows[0].get("episodes", math.nan)
  physics = {"mujoco": "plain MuJoCo at full accuracy"}.get(
    run.physics, run.physics
  )
  about = f"Physics: {physics}."
  if math.isfinite(episodes):
    about = f"{episodes:.0f} episodes a command. {about}"
  parts = [html.paragraph(about), html.panels(figures)]
  if more := _figures(run.rows, _MORE_CURVES):
    parts.append(html.details("More plots", html.panels(more)))
  return html.Section(title, "".join(parts) + _table(run.rows))


def gaits(run: Run) -> html.Section:
  """Joint angles over a gait cycle, policy against reference."""
  title = "Gait cycles"
  if not run.rollouts:
    why = "Not shown: they are drawn only right after an evaluation."
    return html.Section(
      title, html.missing(why if run.rows else _NO_EVALUATION)
    )
  if run.reference is None:
    return html.Section(
      title, html.missing("Not shown: there is no reference to compare with.")
    )
  found = [
    comparison
    for rollout in run.rollouts
    if (comparison := cycles.compare(rollout, run.reference))
  ]
  if not found:
    return html.Section(
      title, html.missing("None: no command made the robot step.")
    )
  intro = html.paragraph(
    "Joint angles [rad] from one left touch-down to the next: the policy's mean"
    " stride and its standard deviation, and one cycle of the reference clip"
    " nearest in speed."
  )
  middle = found[len(found) // 2]
  return html.Section(
    title, intro + "".join(_gait(c, c is middle) for c in found)
  )


def video(run: Run) -> html.Section:
  """The video, if it is there and small enough."""
  path = run.folder / VIDEO_FILE
  if not path.is_file():
    return html.Section("Video", html.missing("There is none."))
  size = path.stat().st_size
  if size > _MOST_VIDEO:
    return html.Section(
      "Video",
      html.missing(
        f"Left out for its size: see {VIDEO_FILE} ({size / 1e6:.1f} MB) beside"
        " this page."
      ),
    )
  return html.Section("Video", _embedded(path, run))


def mean(rows: Iterable[Row], name: str) -> float:
  """Mean of a column over the commands where it was measured, else NaN."""
  values = [row[name] for row in rows if math.isfinite(row.get(name, math.nan))]
  return sum(values) / len(values) if values else math.nan


def _embedded(path: pathlib.Path, run: Run) -> str:
  data = base64.b64encode(path.read_bytes()).decode()
  speeds = ", ".join(f"{row['command']:g}" for row in run.rows)
  label = "The walking robot"
  if speeds:
    label += f", one picture a commanded speed: {speeds} m/s"
  return (
    f"<figure><figcaption>{html.text(label)}</figcaption>"
    f'<video controls muted loop playsinline aria-label="{html.text(label)}"'
    f' src="data:video/mp4;base64,{data}"></video></figure>'
  )


def _speed(rows: Sequence[Row]) -> str:
  """Speed over command, with what it should be."""
  commands = _column(rows, "command")
  title = "Speed [m/s]"
  return html.figure(
    title,
    plots.lines(
      title,
      [
        plots.Line(commands, _column(rows, "speed"), dots=True),
        plots.Line(commands, commands, dashed=True),
      ],
      _COMMAND,
    ),
    (("s1", "policy"), ("s2 dashed", "command")),
  )


def _figures(rows: Sequence[Row], names: Iterable[str]) -> list[str]:
  """Those columns over the command that were measured."""
  commands = _column(rows, "command")
  figures = []
  for name in names:
    if _measured(rows, name):
      line = plots.Line(commands, _column(rows, name), dots=True)
      title = _heading(name)
      svg = plots.lines(title, [line], _COMMAND, whole_numbers=name == "falls")
      figures.append(html.figure(title, svg))
  return figures


def _gait(comparison: cycles.Comparison, is_open: bool) -> str:
  """The joints of one command."""
  phase = np.linspace(0, 100, len(comparison.policy), endpoint=False)
  keys = (("s1", "policy"), ("s2 dashed", "reference"))
  figures = []
  for index, joint in enumerate(comparison.joints):
    name = joint.replace("_", " ").capitalize()
    policy = plots.Line(
      phase, comparison.policy[:, index], comparison.spread[:, index]
    )
    reference = plots.Line(phase, comparison.reference[:, index], dashed=True)
    svg = plots.lines(
      f"{name} [rad] at {comparison.command:g} m/s, policy",
      [policy, reference],
      "gait cycle [%]",
    )
    figures.append(html.figure(name, svg))
  summary = (
    f"{comparison.command:g} m/s against {comparison.clip}"
    f" ({comparison.clip_speed:g} m/s): {comparison.distance:.3f} rad apart,"
    f" {comparison.strides} strides"
  )
  body = f'<p class="legend">{html.legend(keys)}</p>{html.panels(figures)}'
  return html.details(summary, body, is_open)


def _joystick(run: Run) -> str:
  """The commands of an environment of Playground, and what became of them."""
  rows = run.joystick
  said = "The environment's own commands, each held for an episode"
  episodes = rows[0].get("episodes", math.nan)
  if math.isfinite(episodes):
    said += f"; {episodes:.0f} episodes a command"
  about = f"{said}. Physics: {run.physics}, with the environment's own options."
  measured = [
    {k: v for k, v in row.items() if _measured(rows, k)} for row in rows
  ]
  return html.paragraph(about) + _table(measured)


def _table(rows: Sequence[Row]) -> str:
  """Every figure of every command."""
  names = [name for name in rows[0] if name != "episodes"]
  cells = [
    [f"{row[name]:g}" for row in rows]
    if name.startswith("command")
    else _written(_column(rows, name))
    for name in names
  ]
  return html.table(
    "All figures, a row a command",
    [html.text(_heading(name)) for name in names],
    list(zip(*cells, strict=True)),
    "numbers",
  )


def _written(values: np.ndarray) -> list[str]:
  """A column's numbers with the same decimals; a dash for none."""
  finite = values[np.isfinite(values)]
  if np.all(finite == np.round(finite)):
    decimals = 0
  else:
    largest = np.abs(finite).max(initial=0.0)
    decimals = 3 if largest < 1 else 2 if largest < 10 else 1
  return [
    f"{value:.{decimals}f}" if math.isfinite(value) else "-" for value in values
  ]


def _column(rows: Sequence[Row], name: str) -> np.ndarray:
  return np.array([row.get(name, math.nan) for row in rows], float)


def _measured(rows: Sequence[Row], name: str) -> bool:
  return bool(np.isfinite(_column(rows, name)).any())


def _heading(name: str) -> str:
  unit = f" [{_UNITS[name]}]" if name in _UNITS else ""
  return name.replace("_", " ").capitalize() + unit
