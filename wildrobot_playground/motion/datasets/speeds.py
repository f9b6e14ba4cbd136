"""How fast reference motion is, against the range of commands.

A row moves when its direction-normalised velocity has norm 1 and stands when it
has norm 0: the original project's way of counting.
"""

import dataclasses
import os
import pathlib
from typing import Any

import numpy as np

from wildrobot_playground import features as features_lib
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import build
from wildrobot_playground.motion.importers import amp_pkl
from wildrobot_playground.system import echo, files

PERCENTILES = (5, 25, 50, 75, 95)


@dataclasses.dataclass(frozen=True)
class Speeds:
  """Rows of motion.

  Attributes:
    name: of the clip or file.
    norm: (N,) norm of the velocity as the discriminator sees it.
    forward: (N,) forward speed [m/s], or None when only directions are kept.
    weight: (N,) of each row, with any sum.
  """

  name: str
  norm: np.ndarray
  forward: np.ndarray | None
  weight: np.ndarray


def of_clip(clip: clip_lib.MotionClip) -> Speeds:
  """The rows of a clip."""
  directions, raw = (
    build.clip_features(clip, mode)[:, build.layout_of(clip).root_linvel]
    for mode in ("direction", "raw")
  )
  return Speeds(clip.name, _norm(directions), raw[:, 0], np.ones(len(raw)))


def of_dataset(
  dataset: dataset_lib.ReferenceDataset, path: str | os.PathLike[str]
) -> list[Speeds]:
  """The rows of each clip of a dataset."""
  stem = pathlib.Path(path).stem
  velocity = dataset.features[:, dataset.layout.root_linvel]
  raw = dataset.velocity_mode == "raw"
  norm = _norm(velocity)
  if raw:
    norm = (norm > features_lib.DIRECTION_THRESHOLD).astype(np.float64)
  found = []
  for i, name in enumerate(dataset.clip_names):
    rows = slice(*dataset.clip_offsets[i : i + 2])
    forward = velocity[rows, 0] if raw else None
    found.append(
      Speeds(f"{stem}/{name}", norm[rows], forward, dataset.weights[rows])
    )
  return found


def of_amp_pickle(path: str | os.PathLike[str]) -> Speeds:
  """The rows of a file of the original project, normalised or not."""
  velocity = amp_pkl.features(path)[:, features_lib.WILDROBOT.root_linvel]
  norm = _norm(velocity)
  directions = np.all((norm < 1e-3) | (np.abs(norm - 1) < 1e-3))
  if not directions:
    norm = (norm > features_lib.DIRECTION_THRESHOLD).astype(np.float64)
  name = pathlib.Path(path).stem
  # The original's velocity is in the world's frame: only its size is told.
  speed = None if directions else _norm(velocity)
  return Speeds(name, norm, speed, np.ones(len(norm)))


def together(parts: list[Speeds], name: str = "all") -> Speeds:
  """All rows as one."""
  forward = [part.forward for part in parts if part.forward is not None]
  return Speeds(
    name,
    np.concatenate([part.norm for part in parts]),
    np.concatenate(forward) if len(forward) == len(parts) else None,
    np.concatenate([part.weight for part in parts]),
  )


def record(speeds: Speeds, low: float, high: float) -> dict[str, Any]:
  """Shares and percentiles of rows.

  Args:
    speeds: the rows.
    low: slowest command [m/s].
    high: fastest command [m/s].

  Returns:
    By name; what needs a speed is None where only directions are kept.
  """
  moving = speeds.norm > 0.5
  forward = speeds.forward
  result: dict[str, Any] = {
    "clip": speeds.name,
    "rows": len(moving),
    "moving": int(np.sum(moving)),
    "stationary": int(np.sum(~moving)),
    "moving_share": float(np.mean(moving)),
    "stationary_share": float(np.mean(~moving)),
    "mean": None if forward is None else float(np.mean(forward)),
  }
  for percent in PERCENTILES:
    result[f"p{percent}"] = (
      None if forward is None else float(np.percentile(forward, percent))
    )
  for key, flags in (
    ("below", None if forward is None else forward < low),
    ("in_range", None if forward is None else _inside(forward, low, high)),
    ("above", None if forward is None else forward > high),
  ):
    result[key] = None if flags is None else float(np.mean(flags))
  return result


def plot(
  parts: list[Speeds], low: float, high: float, path: str | os.PathLike[str]
) -> None:
  """Writes a PNG: the distribution of speed, and who moves."""
  from matplotlib import figure as figure_lib

  figure = figure_lib.Figure(figsize=(9, 4), layout="constrained")
  left, right = figure.subplots(1, 2)
  everything = together(parts)
  if everything.forward is not None:
    left.hist(
      everything.forward, bins=60, weights=everything.weight, color="#3b61b5"
    )
  left.axvspan(low, high, color="#fab500", alpha=0.25, label="commanded")
  left.set(xlabel="forward speed [m/s]", ylabel="weight of rows")
  left.legend()
  names = [echo.in_figure(part.name) for part in parts]
  moving = np.array([np.mean(part.norm > 0.5) for part in parts])
  right.barh(names, moving, color="#3b61b5", label="moving")
  right.barh(
    names, 1 - moving, left=moving, color="#bbbbbb", label="stationary"
  )
  right.tick_params(labelsize=6)
  right.set(xlabel="share of rows", xlim=(0, 1))
  right.legend()
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  with files.replacing(path) as new:
    figure.savefig(new, dpi=120, metadata={"Software": None})


def _inside(speed: np.ndarray, low: float, high: float) -> np.ndarray:
  return (speed >= low) & (speed <= high)


def _norm(velocity: np.ndarray) -> np.ndarray:
  return np.linalg.norm(velocity.astype(np.float64), axis=1)
