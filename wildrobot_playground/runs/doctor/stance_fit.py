"""Do joints, contacts and root velocity of feature vectors fit together?

A foot that stands does not move, so its motion in the pelvis' frame is the
pelvis' motion reversed. Joint columns in a wrong order break that, and so do a
root velocity of another frame or contacts of the other foot. The trunk, whose
tilt the features do not tell, is taken to be upright.
"""

import dataclasses
import itertools

import numpy as np

from wildrobot_playground import features as features_lib
from wildrobot_playground.features.dataset import ReferenceDataset
from wildrobot_playground.features.layout import FeatureLayout
from wildrobot_playground.robots.sole import Sole

_CLIPS, _ROWS = 16, 64  # At most so many clips, and rows of each.
_MIN_STANCE = 20  # rows, for a judgement
_CLEARANCE = 4.4  # per pelvis height: 2.3 % count as a tenth of a unit vector
_GOOD = 0.16  # A misfit below leaves no room for a swap.
# Of the misfit: a swap that fits that well was made. Without one, none of our
# walks fits better than 0.97.
_BETTER = 0.9


@dataclasses.dataclass(frozen=True)
class Sample:
  """Some whole stretches of a dataset.

  Attributes:
    layout: of the features.
    features: (N, F).
    follows: (N,) whether the row before is the step before.
    dt: time between rows [s].
  """

  layout: FeatureLayout
  features: np.ndarray
  follows: np.ndarray
  dt: float


def sample(dataset: ReferenceDataset) -> Sample:
  """Evenly chosen clips' first rows: enough to judge, few enough to be fast."""
  chosen = np.linspace(
    0, dataset.num_clips - 1, min(_CLIPS, dataset.num_clips)
  ).astype(int)
  parts = [dataset.clip(i)[:_ROWS].astype(np.float64) for i in chosen]
  follows = [np.arange(len(part)) > 0 for part in parts]
  return Sample(
    dataset.layout, np.concatenate(parts), np.concatenate(follows), dataset.dt
  )


def corners(sole: Sole, joint_pos: np.ndarray) -> np.ndarray:
  """(N, 4, 4, 3) sole corners [m] in the frame of an upright pelvis.

  Args:
    sole: the robot's.
    joint_pos: (N, J) joint angles [rad].
  """
  pose = np.zeros((len(joint_pos), 7 + joint_pos.shape[1]))
  pose[:, 3] = 1.0
  pose[:, 7:] = joint_pos
  return sole.corners(pose)


def velocity_error(sample: Sample, sole: Sole) -> np.ndarray | None:
  """(3,) mean gap between the root's direction and what the stance implies.

  None when too few rows stand and move.
  """
  gaps = _gaps(
    sample, corners(sole, sample.features[:, sample.layout.joint_pos])
  )
  return None if gaps is None else np.mean(gaps, axis=0)


def misfit(sample: Sample, sole: Sole) -> float | None:
  """How badly the columns fit together; about 0.15 for good walking.

  The root's direction (see `velocity_error`), and how far plates that touch are
  above the lowest one. None when too few rows stand and move.
  """
  points = corners(sole, sample.features[:, sample.layout.joint_pos])
  gaps = _gaps(sample, points)
  if gaps is None:
    return None
  height = points[..., 2].min(axis=-1)
  lowest = height.min(axis=1, keepdims=True)
  clearance = (height - lowest) / np.median(-lowest)
  touches = sample.features[:, sample.layout.foot_contacts] > 0.5
  direction = np.mean(np.linalg.norm(gaps, axis=1))
  return float(direction + _CLEARANCE * np.mean(clearance[touches]))


def swapped_joints(sample: Sample, sole: Sole) -> tuple[int, int] | None:
  """The two joints whose exchange fits clearly better, if there are any."""
  found = misfit(sample, sole)
  if found is None or found < _GOOD:
    return None
  layout, fits = sample.layout, {}
  for pair in itertools.combinations(range(len(layout.joints)), 2):
    features = sample.features.copy()
    for group in (layout.joint_pos, layout.joint_vel):
      columns = np.arange(group.start, group.stop)
      a, b = columns[list(pair)]
      features[:, [a, b]] = features[:, [b, a]]
    fit = misfit(dataclasses.replace(sample, features=features), sole)
    fits[pair] = np.inf if fit is None else fit
  best = min(fits, key=lambda pair: fits[pair])
  return best if fits[best] < _BETTER * found else None


def _gaps(sample: Sample, points: np.ndarray) -> np.ndarray | None:
  """(M, 3) gaps of direction in the rows that stand and move."""
  features, layout = sample.features, sample.layout
  root = features[:, layout.root_linvel]
  angvel = features[:, layout.root_angvel]
  touches = features[:, layout.foot_contacts] > 0.5
  stands = touches & np.roll(touches, 1, axis=0) & sample.follows[:, None]
  velocity = np.zeros_like(points)
  velocity[1:] = (points[1:] - points[:-1]) / sample.dt
  velocity += np.cross(angvel[:, None, None, :], points)
  plates = np.sum(velocity.mean(axis=2) * stands[..., None], axis=1)
  implied = -plates / np.maximum(stands.sum(axis=1), 1)[:, None]
  speed = np.linalg.norm(root, axis=1)
  rows = stands.any(axis=1) & (speed > features_lib.DIRECTION_THRESHOLD)
  if np.sum(rows) < _MIN_STANCE:
    return None
  return np.abs(_unit(implied[rows]) - _unit(root[rows]))


def _unit(vector: np.ndarray) -> np.ndarray:
  """Unit vectors (N, 3); shorter ones than the threshold stay shorter."""
  norm = np.linalg.norm(vector, axis=1, keepdims=True)
  return vector / np.maximum(norm, features_lib.DIRECTION_THRESHOLD)
