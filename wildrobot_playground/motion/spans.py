"""Stretches of time in which something holds."""

import numpy as np


def of(flags: np.ndarray) -> list[tuple[int, int]]:
  """Start and end (exclusive) of every run of true in flags (T,)."""
  edges = np.diff(np.concatenate([[0], flags.astype(int), [0]]))
  starts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
  return list(zip(starts.tolist(), ends.tolist(), strict=True))
