"""Pictures of the report: inline SVG in the page's own colours and font."""

import dataclasses
import html
import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes

# Stand-ins that become CSS variables, so that a plot follows dark mode.
_INK, _SOFT, _GRID = "#00000a", "#00000b", "#00000c"
_SERIES = ("#0000a1", "#0000a2", "#0000a3")
_WASHES = {
  "good": "#0000b1",
  "warn": "#0000b2",
  "bad": "#0000b3",
  "idle": "#0000b4",
  "s1": "#0000b5",
  "s4": "#0000b6",
}
_VARIABLES = {
  _INK: "--ink",
  _SOFT: "--soft",
  _GRID: "--grid",
  **{color: f"--s{i + 1}" for i, color in enumerate(_SERIES)},
  **{color: f"--{name}-wash" for name, color in _WASHES.items()},
}
_STYLE: Any = {
  "svg.fonttype": "none",
  "font.size": 9.0,
  "text.color": _INK,
  "axes.edgecolor": _SOFT,
  "axes.labelcolor": _SOFT,
  "axes.linewidth": 0.6,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "axes.axisbelow": True,
  "xtick.color": _SOFT,
  "ytick.color": _SOFT,
  "grid.color": _GRID,
  "grid.linewidth": 0.7,
  "lines.linewidth": 1.6,
}
_SIZE = (4.0, 2.2)  # inches, 72 units each


@dataclasses.dataclass(frozen=True)
class Line:
  """A curve.

  Attributes:
    x: (N,).
    y: (N,); gaps where it is not finite.
    spread: (N,) half the height of a band around it, if any.
    dashed: whether it is drawn dashed.
    dots: whether its points are marked.
  """

  x: np.ndarray
  y: np.ndarray
  spread: np.ndarray | None = None
  dashed: bool = False
  dots: bool = False


def lines(
  name: str,
  curves: Sequence[Line],
  xlabel: str,
  shades: Sequence[tuple[float, float, str]] = (),
  whole_numbers: bool = False,
) -> str:
  """Curves over a common axis.

  Args:
    name: what is shown; read to those who do not see it.
    curves: at most three.
    xlabel: of the axis; `steps` are written as 2 M.
    shades: (start, end, a key of `_WASHES`) behind them.
    whole_numbers: whether y counts something.

  Returns:
    An `<svg>` element.
  """
  with matplotlib.rc_context(_STYLE | {"svg.hashsalt": name + xlabel}):
    figure = matplotlib.figure.Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    for start, end, kind in shades:
      axes.axvspan(start, end, color=_WASHES[kind], linewidth=0)
    for curve, color in zip(curves, _SERIES, strict=False):
      _draw(axes, curve, color)
    axes.set_xlabel(xlabel)
    axes.grid(axis="y")
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(
      matplotlib.ticker.MaxNLocator(7, steps=[1, 2, 5, 10])
    )
    if xlabel.endswith("steps"):
      axes.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter())
    if whole_numbers:
      axes.set_ylim(0, max(1, axes.get_ylim()[1]))
      axes.yaxis.set_major_locator(
        matplotlib.ticker.MaxNLocator(5, integer=True, min_n_ticks=1)
      )
    return _svg(figure, f"{name}: {_in_words(curves[0])}")


def _draw(axes: Axes, curve: Line, color: str) -> None:
  if curve.spread is not None:
    axes.fill_between(
      curve.x,
      curve.y - curve.spread,
      curve.y + curve.spread,
      color=_WASHES["s1"],
      linewidth=0,
    )
  # A single point would draw no line.
  dots = curve.dots or np.isfinite(curve.y).sum() == 1
  axes.plot(
    curve.x,
    curve.y,
    color=color,
    linestyle="--" if curve.dashed else "-",
    marker="o" if dots else None,
    markersize=4,
  )


def _in_words(curve: Line) -> str:
  """Where a curve begins, ends, and how far it goes."""
  y = curve.y[np.isfinite(curve.y)]
  return (
    f"from {y[0]:.3g} to {y[-1]:.3g}, between {y.min():.3g} and {y.max():.3g}"
  )


def _svg(figure: matplotlib.figure.Figure, label: str) -> str:
  """The figure as an element to put into a page."""
  buffer = io.StringIO()
  figure.savefig(buffer, format="svg", transparent=True)
  text = buffer.getvalue()
  text = text[text.index("<svg") :]
  text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.S)
  for color, variable in _VARIABLES.items():
    text = text.replace(color, f"var({variable})")
  # In a page the namespaces are known, and the size is the page's.
  text = text.replace("xlink:href", "href")
  box = re.search(r'viewBox="([^"]*)"', text)
  opening = (
    f'<svg role="img" aria-label="{html.escape(label)}"'
    f' viewBox="{box.group(1) if box else ""}">'
  )
  text = re.sub(r"^<svg.*?>", lambda _: opening, text, count=1, flags=re.S)
  # Several figures share a page: only ids that are needed may stay.
  needed = set(re.findall(r'(?:url\(|href=")#([^")]+)', text))
  text = re.sub(
    r' id="([^"]*)"', lambda m: m.group(0) if m[1] in needed else "", text
  )
  return re.sub(r"\s*\n\s*", "\n", text).strip()
