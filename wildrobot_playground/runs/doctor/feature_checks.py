"""Does the environment emit what the reference holds, for the same states?"""

import pathlib
from typing import Any

import jax
import jax.numpy as jp
import numpy as np

from wildrobot_playground import features as features_lib
from wildrobot_playground import robots
from wildrobot_playground.features.dataset import ReferenceDataset
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.runs.doctor.finding import FAIL, OK, WARN, Finding

# Largest difference that single precision explains, by group of features.
_TOLERANCES = {
  "joint_pos": 1e-5,  # rad
  "joint_vel": 1e-4,  # rad/s
  "root_linvel": 1e-3,  # unit vector, or m/s
  "root_angvel": 1e-3,  # rad/s
  "root_height": 1e-5,  # m
  "foot_contacts": 0.5,
}
_NEAR_THRESHOLD = 0.01  # share of rows that may fall to either side of one


def check(
  environment: Any, dataset: ReferenceDataset, folder: pathlib.Path | None
) -> list[Finding]:
  """Puts the robot into poses and into the frames of the dataset's clips.

  Args:
    environment: a WildRobot environment.
    dataset: the reference.
    folder: of its clips; the shipped ones when None.
  """
  poses = _poses(environment)
  frames = _frames(dataset, folder or environment.robot.clips)
  states = [poses, *(states for _, states in frames)]
  # All at once: compiled for one shape.
  emitted = _emitted(
    environment, *map(np.concatenate, zip(*states, strict=True))
  )
  parts = np.split(emitted, np.cumsum([len(now) for _, now in states])[:-1])
  rows = [found for found, _ in frames]
  return [
    _emission(environment, *poses, parts[0]),
    _agreement(dataset.layout, rows, parts[1:]),
  ]


def _emission(
  environment: Any, before: np.ndarray, now: np.ndarray, emitted: np.ndarray
) -> Finding:
  """What the environment emits in poses (N, 7 + J) against the contract."""
  expected = features_lib.amp_features(
    before,
    now,
    environment.sole.contacts(now),
    environment.dt,
    environment.velocity_mode,
  )
  layout = environment.layout
  columns = list(range(layout.size))
  if environment.mj_model.nhfield:  # Terrain shifts what refers to the ground.
    columns = columns[: layout.root_height.start]
  gap = np.abs(emitted - expected).max(axis=0)
  bad = [i for i in columns if gap[i] > 1e-3]
  if not bad:
    return Finding("environment", OK, f"{len(now)} poses emit their features")
  said = ", ".join(f"{layout.names[i]} (off by {gap[i]:.3g})" for i in bad[:4])
  return Finding(
    "environment",
    FAIL,
    f"info['amp_features'] is not the contract's: {said}",
    "emit `features.amp_features` of the states before and after the step",
  )


def _frames(
  dataset: ReferenceDataset, folder: pathlib.Path
) -> list[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]]:
  """Rows (n, F) of the clips at hand, and their states before and now."""
  frames = []
  for i, name in enumerate(dataset.clip_names):
    path = folder / f"{name}.npz"
    if not path.is_file():
      continue
    before, now = (x.copy() for x in clip_lib.load(path).previous_qpos())
    if len(now) == len(dataset.clip(i)):
      # Around its own origin, as single precision is finest there.
      before[:, :2] -= now[:, :2]
      now[:, :2] = 0.0
      frames.append((dataset.clip(i), (before, now)))
  return frames


def _agreement(
  layout: features_lib.FeatureLayout,
  rows: list[np.ndarray],
  emitted: list[np.ndarray],
) -> Finding:
  """The verdict on a dataset's rows, clip by clip."""
  if not rows:
    return Finding(
      "parity",
      WARN,
      "no clip of this dataset is at hand to set the robot into",
      "keep its clips in a folder `clips` beside it",
    )
  # A few rows may sit on a threshold, and fall to its other side.
  gaps = np.max(
    [
      np.quantile(np.abs(ours - theirs), 1 - _NEAR_THRESHOLD, axis=0)
      for ours, theirs in zip(rows, emitted, strict=True)
    ],
    axis=0,
  )
  bad = np.flatnonzero(gaps > layout.per_feature(_TOLERANCES))
  if bad.size == 0:
    return Finding(
      "parity", OK, f"{sum(map(len, rows))} rows are what is emitted"
    )
  said = ", ".join(f"{layout.names[i]} (off by {gaps[i]:.3g})" for i in bad[:6])
  more = f" and {bad.size - 6} more" if bad.size > 6 else ""
  return Finding(
    "parity",
    FAIL,
    f"rows are not what the environment emits in their clips' frames: {said}"
    f"{more}",
    "build the dataset again from these clips",
  )


def _emitted(
  environment: Any, before: np.ndarray, now: np.ndarray
) -> np.ndarray:
  """(N, F) features by the environment's own code and precision."""
  compute = jax.jit(jax.vmap(environment.amp_features))
  found = compute(jp.asarray(before, jp.float32), jp.asarray(now, jp.float32))
  return np.asarray(found, np.float64)


def _poses(environment: Any) -> tuple[np.ndarray, np.ndarray]:
  """States (N, 7 + J) a step apart: on both feet, one, none; turned, moving."""
  robot = robots.of(environment.robot)
  now = np.tile(robot.at.pose(robot.default_qpos), (4, 1))
  leg = environment.robot.columns("left")
  now[1, 7 + leg[len(leg) // 2]] += 0.5  # The knee; its foot is in the air.
  now[2, 2] += 0.05
  now[3, 3:7] = [0.8, 0.0, 0.0, 0.6]
  before = now.copy()
  before[:, 0] -= 0.01
  before[:, 7:] -= np.linspace(-0.02, 0.02, environment.action_size)
  return before, now
