"""Style distance: how far a set of features is from the reference."""

from typing import Any

import numpy as np

Array = Any  # A numpy or a jax array.

NUM_QUANTILES = 1024


def quantiles(
  values: np.ndarray, weights: np.ndarray, count: int = NUM_QUANTILES
) -> np.ndarray:
  """Weighted quantiles of every feature, at the centres of `count` equal bins.

  Args:
    values: (N, F) features.
    weights: (N,) non-negative.
    count: how many quantiles.

  Returns:
    (count, F), ascending along the first axis.
  """
  levels = (np.arange(count) + 0.5) / count
  columns = []
  for column in values.T:
    order = np.argsort(column, kind="stable")
    cumulative = np.cumsum(weights[order])
    index = np.searchsorted(cumulative / cumulative[-1], levels)
    columns.append(column[order][np.minimum(index, len(column) - 1)])
  return np.stack(columns, axis=1)


def wasserstein(sample: Array, reference_quantiles: Array, std: Array) -> Array:
  """1-D Wasserstein distance of every feature, in standard deviations.

  Args:
    sample: (Q, F) as many equally likely values as there are quantiles.
    reference_quantiles: (Q, F) see `quantiles`.
    std: (F,) the unit of each feature.

  Returns:
    (F,) distances; their mean is the style distance (0 is identical).
  """
  xp = sample.__array_namespace__()
  gap = xp.abs(xp.sort(sample, axis=0) - reference_quantiles)
  return xp.mean(gap, axis=0) / std
