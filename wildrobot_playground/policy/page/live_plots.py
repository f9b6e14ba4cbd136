"""Live plots of the last seconds."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

_SECONDS = 8.0
_HEIGHT = 130  # pixels
_EVERY = 5  # control steps a point
_COLOURS = ("#1c7ed6", "#e8590c", "#2b8a3e", "#9c36b5")


class LivePlot:
  """A few curves over the last seconds."""

  def __init__(
    self,
    gui: Any,
    title: str,
    names: Sequence[str],
    dt: float,
    limits: tuple[float, float],
  ):
    """Adds the plot to a page.

    Args:
      gui: viser's.
      title: with the unit.
      names: of the curves.
      dt: control step [s].
      limits: of what is shown.
    """
    length = round(_SECONDS / (dt * _EVERY))
    self._time = np.linspace(-_SECONDS, 0.0, length)
    self._values = [deque([np.nan] * length, length) for _ in names]
    self._count = 0
    self._handle = gui.add_uplot(
      self._data(),
      series=(
        {"label": "s"},
        *(
          {"label": name, "stroke": colour, "width": 2}
          for name, colour in zip(names, _COLOURS, strict=False)
        ),
      ),
      title=title,
      scales={"x": {"time": False}, "y": {"auto": False, "range": limits}},
      legend={"show": len(names) > 1},
      height=_HEIGHT,
    )

  def add(self, values: Sequence[float]) -> None:
    """One value a curve; every fifth control step is drawn."""
    self._count += 1
    if self._count % _EVERY:
      return
    for column, value in zip(self._values, values, strict=True):
      column.append(value)
    self._handle.data = self._data()

  def _data(self) -> tuple[np.ndarray, ...]:
    return (self._time, *(np.array(column) for column in self._values))
