"""Whether a dataset's rows, clips, statistics and words fit together."""

from typing import TYPE_CHECKING

import numpy as np

from wildrobot_playground.features import about, vector
from wildrobot_playground.features.layout import FeatureLayout
from wildrobot_playground.system import echo

if TYPE_CHECKING:
  from wildrobot_playground.features.dataset import ReferenceDataset


def statistics(
  features: np.ndarray, weights: np.ndarray, layout: FeatureLayout
) -> tuple[np.ndarray, np.ndarray]:
  """Weighted mean (F,) and standard deviation (F,), the latter floored."""
  features = features.astype(np.float64)
  mean = weights @ features
  std = np.sqrt(weights @ np.square(features - mean))
  std = np.maximum(std, layout.std_floor())
  return mean.astype(np.float32), std.astype(np.float32)


def problem(dataset: "ReferenceDataset", contact_rule: str) -> str | None:
  """What does not fit together, or None.

  Args:
    dataset: whose arrays have their right shapes.
    contact_rule: of today.
  """
  if dataset.velocity_mode not in vector.VELOCITY_MODES:
    return f"velocity_mode '{echo.short(dataset.velocity_mode)}' is unknown"
  if dataset.contact_rule != contact_rule:
    return (
      f"contact_rule is '{echo.short(dataset.contact_rule)}', expected"
      f" '{contact_rule}'"
    )
  return (
    _inconsistent_clips(dataset)
    or _inconsistent_statistics(dataset)
    or _inconsistent_meta(dataset)
  )


def _inconsistent_clips(dataset: "ReferenceDataset") -> str | None:
  """How the clips do not cut the rows, or None."""
  offsets, names = dataset.clip_offsets, dataset.clip_names
  if len(offsets) != len(names) + 1:
    return (
      f"clip_offsets has {len(offsets)} ends of {len(names)} clips, expected"
      " one more than clips"
    )
  ends = (0, len(dataset.features))
  if tuple(offsets[[0, -1]]) != ends or np.any(np.diff(offsets) < 1):
    return "clip_offsets do not cut the rows into clips"
  if len(set(names)) != len(names):
    twice = next(name for name in names if names.count(name) > 1)
    return f"clip_names has '{echo.short(twice)}' more than once"
  return None


def _inconsistent_statistics(dataset: "ReferenceDataset") -> str | None:
  """What weights, mean or std are not, or None."""
  if abs(np.sum(dataset.weights) - 1) > 1e-6:
    return "weights are not probabilities that sum to 1"
  if np.any(dataset.std < dataset.layout.std_floor() * (1 - 1e-6)):
    return "std is below the floor of its feature group"
  mean, std = statistics(dataset.features, dataset.weights, dataset.layout)
  for name, right in (("mean", mean), ("std", std)):
    wrong = np.abs(getattr(dataset, name) - right) > 1e-3 * (std + np.abs(mean))
    if np.any(wrong):
      feature = dataset.layout.names[int(np.argmax(wrong))]
      return f"{name} of {feature} is not that of the weighted rows"
  return None


def _inconsistent_meta(dataset: "ReferenceDataset") -> str | None:
  """What is no description of clips, or None."""
  meta = dataset.meta
  clips = meta.get("clips", {}) if isinstance(meta, dict) else None
  if not isinstance(clips, dict):
    return "meta is no object with one of each clip in 'clips'"
  for name, said in clips.items():
    wrong = about.problem(said, 0)
    if wrong:
      return f"meta of clip '{echo.short(name)}' {wrong}"
  return None
