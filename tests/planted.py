"""Datasets with a planted fault, sound in everything else."""

from collections.abc import Callable

import numpy as np

from wildrobot_playground import features as features_lib
from wildrobot_playground.features import dataset as dataset_lib


def dataset(
  found: dataset_lib.ReferenceDataset, spoil: Callable[[np.ndarray], None]
) -> dataset_lib.ReferenceDataset:
  """A dataset whose rows were spoilt, with the statistics of what is left.

  Args:
    found: the sound one.
    spoil: changes the rows (n, 29) of a clip in place.
  """
  clips = [found.clip(i).copy() for i in range(found.num_clips)]
  for rows in clips:
    spoil(rows)
  return dataset_lib.make(
    features_lib.WILDROBOT,
    clips,
    found.clip_names,
    found.clip_speeds,
    np.add.reduceat(found.weights, found.clip_offsets[:-1]),
    found.velocity_mode,
    found.dt,
    found.model_hash,
    found.meta,
  )
