"""The page of a benchmark: machine, tables and a plot."""

import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wildrobot_playground.bench import suites, walking
from wildrobot_playground.system import files

Row = dict[str, Any]
Results = dict[str, Any]

PLOT = "benchmarks.png"

_ENGINES = {"mujoco": "MuJoCo C", "jax": "MJX jax", "warp": "MJX warp"}
_SIDES = {
  "environment": "environment",
  "mujoco.rollout": "`mujoco.rollout` alone",
  "amp": "with AMP",
  "task": "without AMP",
  "brax": "stock Brax PPO",
}
_SCORES = {"environment": "environment", "amp": "training with AMP"}


def markdown(results: Results) -> str:
  """The whole page.

  Args:
    results: `machine`, and by the names of the suites `suites`, lists of rows,
      and `commands`, what measured them.
  """
  machine, found = results["machine"], results["suites"]
  commands = results["commands"].values()
  versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
  parts = [
    "# Benchmarks",
    "\n".join(f"    {text}" for text in dict.fromkeys(commands)),
    f"{machine['processor']}, {machine['system']}, {machine['devices']};"
    f" {versions}.",
    "Rates are environment steps (50 Hz control steps) a second: the median of"
    " alternating measurements, and in brackets the least and the most. On a"
    " shared machine only ratios within a table mean anything.",
    f"![Rates]({PLOT})",
  ]
  for name, section in _SECTIONS.items():
    rows = found.get(name)
    if rows:
      measured = [row for row in rows if "error" not in row]
      failed = [row for row in rows if "error" in row]
      if measured:
        parts.append(section(measured))
      parts += [f"Failed: {row['case']}: {row['error']}" for row in failed]
  return "\n\n".join(parts) + "\n"


def _stepping(rows: Sequence[Row]) -> str:
  """A line a number of robots, a column an engine."""
  columns = list(dict.fromkeys((row["engine"], row["side"]) for row in rows))
  lines = []
  for robots in sorted({row["num_envs"] for row in rows}):
    here = {
      (r["engine"], r["side"]): r for r in rows if r["num_envs"] == robots
    }
    lines.append([f"{robots:,}", *(_rate(here.get(c)) for c in columns)])
  titles = [
    _ENGINES[engine] if side == "environment" else _SIDES[side]
    for engine, side in columns
  ]
  return _section(
    "The environment",
    "Random actions, the preset's physics; observations, rewards, features and"
    " resets included, but for `mujoco.rollout`, the bare simulation.",
    ["robots", *titles],
    lines,
  )


def _threads(rows: Sequence[Row]) -> str:
  scores = [side for side in _SCORES if any(r["side"] == side for r in rows)]
  lines = []
  for cores in sorted({row["cores"] for row in rows}):
    here = {r["side"]: r for r in rows if r["cores"] == cores}
    lines.append([str(cores), *(_rate(here.get(side)) for side in scores)])
  return _section(
    "Cores",
    "MuJoCo C, the process held to some of the cores.",
    ["cores", *(_SCORES[side] for side in scores)],
    lines,
  )


def _training(rows: Sequence[Row]) -> str:
  lines = []
  keys = dict.fromkeys((row["engine"], row["num_envs"]) for row in rows)
  for engine, robots in keys:
    here = {
      r["side"]: r
      for r in rows
      if (r["engine"], r["num_envs"]) == (engine, robots)
    }
    ratio = "-"
    if {"amp", "brax"} <= here.keys():
      ratio = f"{here['amp']['median'] / here['brax']['median']:.2f}"
    lines.append(
      [
        _ENGINES[engine],
        f"{robots:,}",
        *(_rate(here.get(side)) for side in ("amp", "task", "brax")),
        ratio,
      ]
    )
  return _section(
    "Training",
    "Whole iterations, all three in one process, in turn.",
    [
      "engine",
      "robots",
      "with AMP",
      "without AMP",
      "stock Brax PPO",
      "AMP / Brax",
    ],
    lines,
  )


def _compiling(rows: Sequence[Row]) -> str:
  lines = [
    [
      _ENGINES[row["engine"]],
      f"{row['num_envs']:,}",
      f"{row['cold_seconds']:.0f}",
      f"{row['warm_seconds']:.0f}",
      f"{row['start_cold_seconds']:.0f}",
      f"{row['start_warm_seconds']:.0f}",
      _gigabytes(row["program_bytes"]),
      _gigabytes(row["peak_bytes"]),
    ]
    for row in rows
  ]
  return _section(
    "Compiling and memory",
    "Seconds of compiling, and from the start of the process through the first"
    " iteration, with an empty compile cache and with a full one (it cannot"
    " keep programs that call MuJoCo C). Memory of an iteration as XLA says,"
    " and the peak of the process (CPU) or the device.",
    [
      "engine",
      "robots",
      "compile, cold [s]",
      "warm [s]",
      "start, cold [s]",
      "warm [s]",
      "iteration [GB]",
      "peak [GB]",
    ],
    lines,
  )


def _scaling(rows: Sequence[Row]) -> str:
  one = rows[0]["median"]
  return _section(
    "Devices",
    "Training with AMP, the same robots split over devices. Devices of a CPU"
    " share its cores, which the C engine uses all of anyway.",
    ["devices", "steps/s", "ratio"],
    [
      [str(row["devices"]), _rate(row), f"{row['median'] / one:.2f}"]
      for row in rows
    ],
  )


def _walking(rows: Sequence[Row]) -> str:
  lines = [
    [
      _SIDES[row["side"]],
      str(row["seed"]),
      f"{row['seconds']:.0f}" if row["walks"] else "-",
      f"{row['steps'] / 1e6:.2f}",
      f"{row['velocity_error']:.3f}",
      str(row["falls"]),
    ]
    for row in rows
  ]
  for side in dict.fromkeys(row["side"] for row in rows):
    found = [r for r in rows if r["side"] == side and r["walks"]]
    if found:
      seconds = statistics.mean(r["seconds"] for r in found)
      steps = statistics.mean(r["steps"] for r in found) / 1e6
      lines.append(
        [f"{_SIDES[side]}, mean", "", f"{seconds:.0f}", f"{steps:.2f}", "", ""]
      )
  return _section(
    "Time to walking",
    f"Until the first evaluation at {walking.COMMAND} m/s without a fall and"
    f" with an error under {walking.LARGEST_ERROR} m/s (32 episodes of 10 s at"
    " full accuracy): wall time from the start of the process, compiling"
    " included, evaluations left out. Without AMP is stock Brax PPO, bit for"
    " bit.",
    ["training", "seed", "seconds", "M steps", "error [m/s]", "falls of 32"],
    lines,
  )


def _environments(rows: Sequence[Row]) -> str:
  lines = []
  for name in dict.fromkeys(row["name"] for row in rows):
    here = {(r["engine"], r["side"]): r for r in rows if r["name"] == name}
    ours, mjx = here["mujoco", "environment"], here.get(("jax", "environment"))
    pool = here.get(("mujoco", "envpool"))
    lines.append(
      [
        name,
        str(ours["num_envs"]),
        _rate(ours),
        _ratio(ours, here["mujoco", "mujoco.batch"]),
        f"{ours['compile_seconds']:.0f}",
        _rate(pool),
        _ratio(ours, pool),
        *_beside(ours, mjx),
      ]
    )
  return _section(
    "Playground's environments",
    "Half a second of random actions after each reset; observations, rewards"
    " and Playground's wrappers for training"
    " included. The bare loop is MuJoCo's own batch in C under the same"
    " controls, without an environment. EnvPool, where it is installed, is its"
    " own port of the environment to C++. Seconds are of compiling `step`, with"
    " an empty cache; an engine that has no figure after"
    f" {suites.PATIENCE:.0f} s is given up.",
    [
      "environment",
      "robots",
      "MuJoCo C",
      "of a bare loop",
      "compile [s]",
      "EnvPool",
      "C / EnvPool",
      "MJX jax",
      "compile [s]",
      "C / MJX",
    ],
    lines,
  )


_SECTIONS: dict[str, Callable[[Sequence[Row]], str]] = {
  "stepping": _stepping,
  "threads": _threads,
  "training": _training,
  "compiling": _compiling,
  "scaling": _scaling,
  "walking": _walking,
  "environments": _environments,
}


def _section(
  title: str, text: str, columns: Sequence[str], lines: Sequence[Sequence[str]]
) -> str:
  table = [columns, ["---"] * len(columns), *lines]
  rows = "\n".join(f"| {' | '.join(cells)} |" for cells in table)
  return f"## {title}\n\n{text}\n\n{rows}"


def _rate(row: Mapping[str, float] | None) -> str:
  if row is None:
    return "-"
  return f"{row['median']:,.0f} ({row['least']:,.0f} - {row['most']:,.0f})"


def _beside(ours: Row, mjx: Row | None) -> list[str]:
  """MJX's rate, seconds of compiling, and ours in its terms."""
  if mjx is None:
    return ["-"] * 3
  if "said" in mjx:
    return [mjx["said"], "-", "-"]
  return [_rate(mjx), f"{mjx['compile_seconds']:.0f}", _ratio(ours, mjx)]


def _ratio(row: Row, other: Row | None) -> str:
  return "-" if other is None else f"{row['median'] / other['median']:.2f}"


def _gigabytes(size: float | None) -> str:
  return "-" if size is None else f"{size / 1e9:.2f}"


def plot(results: Results, path: pathlib.Path) -> None:
  """Draws rates against robots, of the environment and of training."""
  import matplotlib.figure

  figure = matplotlib.figure.Figure(figsize=(9, 3.4), layout="constrained")
  panels = figure.subplots(1, 2)
  titles = ("environment [steps/s]", "training [steps/s]")
  for axes, title, suite in zip(
    panels, titles, ("stepping", "training"), strict=True
  ):
    rows = [r for r in results["suites"].get(suite, []) if "error" not in r]
    for engine, side in dict.fromkeys((r["engine"], r["side"]) for r in rows):
      points = sorted(
        (r["num_envs"], r["median"], r["least"], r["most"])
        for r in rows
        if (r["engine"], r["side"]) == (engine, side)
      )
      robots, median, least, most = zip(*points, strict=True)
      name = _SIDES[side].replace("`", "")
      if side != "mujoco.rollout":
        name = f"{_ENGINES[engine]}, {name}"
      axes.plot(robots, median, marker="o", label=name)
      axes.fill_between(robots, least, most, alpha=0.2)
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    axes.set_title(title)
    axes.set_xlabel("robots")
    axes.grid(alpha=0.3)
    if rows:
      axes.legend(frameon=False, fontsize=7)
  with files.replacing(path) as new:
    figure.savefig(new, dpi=110)
