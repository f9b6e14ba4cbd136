"""Windows of consecutive features, for a discriminator with a history."""

import numpy as np

from wildrobot_playground.features.dataset import (
  DatasetError,
  ReferenceDataset,
)


def of_dataset(
  dataset: ReferenceDataset, history: int
) -> tuple[np.ndarray, np.ndarray]:
  """Consecutive rows side by side, never across the end of a clip.

  Args:
    dataset: the reference.
    history: rows in a window, at least 1.

  Returns:
    (M, history * F) windows, oldest row first, and (M,) probabilities: the
    newest row's weight, made to sum to 1.

  Raises:
    DatasetError: for a `history` below 1 or longer than every clip.
  """
  if history < 1:
    raise DatasetError(f"history is {history}, expected 1 or more")
  lengths = np.diff(dataset.clip_offsets)
  ends = [
    np.arange(start + history - 1, start + length)
    for start, length in zip(dataset.clip_offsets[:-1], lengths, strict=True)
  ]
  newest = np.concatenate(ends)
  if newest.size == 0:
    raise DatasetError(
      f"history is {history}, but the longest clip has {lengths.max()} rows;"
      " use a shorter history or longer clips"
    )
  rows = newest[:, None] + np.arange(1 - history, 1)
  weights = dataset.weights[newest]
  stacked = dataset.features[rows].reshape(newest.size, -1)
  return stacked, weights / np.sum(weights)
