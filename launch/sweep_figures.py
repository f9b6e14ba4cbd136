"""What a sweep found: figures over seeds, in one table and one plot."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

from sweep_runs import Run

from wildrobot_playground.config import ranges
from wildrobot_playground.system import echo, errors, files, reading

_COLUMNS = (
  ("velocity_error", "velocity error [m/s]", ".3f"),
  ("falls", "falls [%]", ".1f"),
  ("style_distance", "style distance", ".2f"),
  ("cost_of_transport", "cost of transport", ".2f"),
)
_MARK = "Mean and 95 % confidence interval"  # In what a sweep writes.
# Student's t, 97.5 %, by degrees of freedom.
_STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)


@dataclasses.dataclass(frozen=True)
class Statistic:
  """A figure over seeds.

  Attributes:
    mean: over the seeds.
    half_width: of its 95 % confidence interval (Student's t); NaN for one seed.
  """

  mean: float
  half_width: float

  @classmethod
  def of(cls, values: Sequence[float]) -> "Statistic":
    """Of one value a seed; NaN for none."""
    count = len(values)
    if count == 0:
      return cls(math.nan, math.nan)
    mean = sum(values) / count
    if count == 1:
      return cls(mean, math.nan)
    variance = sum((v - mean) ** 2 for v in values) / (count - 1)
    student = _STUDENT[min(count - 1, len(_STUDENT)) - 1]
    return cls(mean, student * math.sqrt(variance / count))

  def show(self, form: str) -> str:
    """As `mean ± half width`."""
    if math.isnan(self.mean):
      return "-"
    spread = (
      "" if math.isnan(self.half_width) else f" ± {self.half_width:{form}}"
    )
    return f"{self.mean:{form}}{spread}"


def collect(
  done: Sequence[Run], commands: Sequence[float]
) -> dict[str, dict[str, Statistic]]:
  """Every setting's figures, means over the commands, over its seeds."""
  values: dict[str, dict[str, list[float]]] = {}
  for run in done:
    rows = evaluation(run.folder / "eval.json", commands)
    figures = values.setdefault(run.name, {name: [] for name, _, _ in _COLUMNS})
    for name, _, _ in _COLUMNS:
      found = [row[name] for row in rows if row[name] is not None]
      if found:
        figures[name].append(sum(found) / len(found))
  return {
    setting: {name: Statistic.of(v) for name, v in figures.items()}
    for setting, figures in values.items()
  }


def evaluation(
  path: pathlib.Path, commands: Sequence[float]
) -> list[dict[str, float | None]]:
  """The figures of the commands that are asked for; None for no figure.

  Raises:
    errors.UsageError: for a file that is no evaluation.
  """
  try:
    found = json.loads(reading.text(path))
    if not isinstance(found, dict):
      raise ValueError("it is no table of keys")
    rows = [_figures(row) for row in found["commands"]]
  except KeyError as error:
    reason = f"it has no {error.args[0]}"
  except OSError as error:
    reason = error.strerror or str(error)
  except RecursionError:
    reason = "it is nested too deeply"
  except (ValueError, TypeError, OverflowError) as error:
    reason = str(error)
  else:
    return [row for row in rows if _asked_for(row["command"] or 0.0, commands)]
  raise errors.UsageError(
    f"{path} is no evaluation ({echo.short(reason, 200)}); remove it, and the"
    " sweep evaluates the run again"
  )


def _figures(row: Any) -> dict[str, float | None]:
  """Command and columns of a row of an evaluation, each checked."""
  if not isinstance(row, dict):
    raise ValueError("a row of it is no table of keys")
  wanted = ("command", "episodes", *(name for name, _, _ in _COLUMNS))
  figures: dict[str, float | None] = {}
  for name in wanted:
    value = row[name]
    if value is not None or name in ("command", "episodes"):
      if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{name} is {ranges.show(value)}")
      value = float(value)
    figures[name] = value
  episodes, falls = figures["episodes"], figures["falls"]
  if episodes is None or episodes < 1:
    raise ValueError("it has a command without episodes")
  figures["falls"] = None if falls is None else 100 * falls / episodes
  return figures


def _asked_for(command: float, commands: Sequence[float]) -> bool:
  return any(math.isclose(command, c, abs_tol=1e-6) for c in commands)


def table(figures: dict[str, dict[str, Statistic]], seeds: int) -> str:
  """The figures as a Markdown table."""
  lines = [
    "| setting | " + " | ".join(title for _, title, _ in _COLUMNS) + " |",
    "| --- |" + " --- |" * len(_COLUMNS),
  ]
  for setting, found in figures.items():
    cells = [found[name].show(form) for name, _, form in _COLUMNS]
    lines.append(f"| {setting} | " + " | ".join(cells) + " |")
  lines.append(f"\n{_MARK} over {seeds} seeds.")
  return "\n".join(lines)


def plot(figures: dict[str, dict[str, Statistic]], path: pathlib.Path) -> None:
  """Writes a PNG: a panel a figure, a bar a setting, whiskers over seeds."""
  from matplotlib import figure as figure_lib

  figure = figure_lib.Figure(figsize=(3.2 * len(_COLUMNS), 3.2), dpi=120)
  axes = figure.subplots(1, len(_COLUMNS))
  settings = list(figures)
  for axis, (name, title, _) in zip(axes, _COLUMNS, strict=True):
    means = [figures[s][name].mean for s in settings]
    widths = [figures[s][name].half_width for s in settings]
    axis.bar(
      range(len(settings)),
      means,
      yerr=[0.0 if math.isnan(w) else w for w in widths],
      capsize=4,
    )
    axis.set_xticks(range(len(settings)), settings, rotation=30, ha="right")
    axis.set_title(title, fontsize=9)
    axis.set_ylim(bottom=0)
    axis.tick_params(labelsize=7)
  figure.tight_layout()
  with files.replacing(path) as new:
    figure.savefig(new, metadata={"Description": _MARK})


def is_ours(path: pathlib.Path) -> bool:
  """Whether a file is a table or a plot of a sweep."""
  return _MARK.encode() in path.read_bytes()
