"""Rows of figures as a text table."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Column = tuple[str, str, str]  # name, unit, format


def text(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> str:
  """The columns under their names and units, a row a line; a dash for none.

  Args:
    columns: which figures, their units and their formats.
    rows: names to figures.
  """
  header = [name.replace("_", " ") for name, _, _ in columns]
  units = [f"[{unit}]" if unit else "" for _, unit, _ in columns]
  body = [[_cell(row[name], form) for name, _, form in columns] for row in rows]
  # Two-word headings take two lines.
  upper = [h.rpartition(" ")[0] for h in header]
  lower = [h.rpartition(" ")[2] for h in header]
  lines = [upper, lower, units, *body]
  widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
  return "\n".join(
    "  ".join(
      cell.rjust(width) for cell, width in zip(line, widths, strict=True)
    )
    for line in lines
  )


def divergence(counts: Sequence[float]) -> str:
  """A line on robots that diverged, by command; empty if none did."""
  if not sum(counts):
    return ""
  return (
    f"warning: physics of {sum(counts):g} robots diverged (their numbers grew"
    " without bounds); they count as fallen\n"
  )


def _cell(value: Any, form: str) -> str:
  return "-" if math.isnan(value) else format(value, form)
