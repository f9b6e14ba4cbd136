"""Pictures of a run: the training curves."""

import pathlib
from collections.abc import Sequence

import matplotlib.figure

from wildrobot_playground.system import files

_PANELS = (
  ("episode reward", ("episode/reward",)),
  (
    "velocity error [m/s]",
    ("episode/velocity_error", "eval/velocity_error"),
  ),
  ("episode length [steps]", ("episode/length",)),
  ("discriminator accuracy", ("amp/disc_acc",)),
  ("style reward", ("amp/style_reward", "amp/style_reward_std")),
  ("style distance", ("amp/style_distance",)),
)


def training_curves(
  records: Sequence[dict[str, float]], path: pathlib.Path
) -> None:
  """Draws the curves of a run; panels without data are left out.

  Args:
    records: see `runs.logs.metrics_log`.
    path: PNG to write.
  """
  panels = [
    panel
    for panel in _PANELS
    if any(name in record for record in records for name in panel[1])
  ]
  columns = min(max(len(panels), 1), 3)
  rows = max(-(-len(panels) // columns), 1)
  figure = matplotlib.figure.Figure(
    figsize=(4.2 * columns, 2.8 * rows), layout="constrained"
  )
  for index, (title, names) in enumerate(panels):
    axes = figure.add_subplot(rows, columns, index + 1)
    for name in names:
      points = [(r["steps"], r[name]) for r in records if name in r]
      if points:
        axes.plot(*zip(*points, strict=True), label=name)
    axes.set_title(title)
    axes.set_xlabel("environment steps")
    axes.grid(alpha=0.3)
    if len(names) > 1:
      axes.legend(frameon=False)
  with files.replacing(path) as new:
    figure.savefig(new, dpi=110)
