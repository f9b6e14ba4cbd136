"""Are a dataset's features those of the environment, for the same states?

The clips' frames are put through the environment's own feature function, in its
own precision, and compared with the rows index by index.
"""

import dataclasses

import numpy as np

from wildrobot_playground.amp import dataset as dataset_lib
from wildrobot_playground.amp import features as features_lib
from wildrobot_playground.envs import sole as sole_lib
from wildrobot_playground.motion import build, kinematics
from wildrobot_playground.motion import clip as clip_lib

# Largest difference that single precision explains, by group of features.
TOLERANCES = (
  (features_lib.JOINT_POS, 1e-5),  # rad
  (features_lib.JOINT_VEL, 1e-4),  # rad/s
  (features_lib.ROOT_LINVEL, 1e-3),  # unit vector, or m/s
  (features_lib.ROOT_ANGVEL, 1e-3),  # rad/s
  (features_lib.ROOT_HEIGHT, 1e-5),  # m
  (features_lib.FOOT_CONTACTS, 0.5),
)
# Rows this near to a threshold may fall to either side of it.
_NEAR_HEIGHT = 2e-6  # m
_NEAR_SPEED = 2e-4  # m/s


@dataclasses.dataclass(frozen=True)
class Comparison:
  """One feature over all rows.

  Attributes:
    index: of the feature.
    name: of the feature.
    error: largest difference.
    where: clip and row with it.
    tolerance: largest difference that is accepted.
  """

  index: int
  name: str
  error: float
  where: str
  tolerance: float

  @property
  def passed(self) -> bool:
    """Whether the rows are the environment's."""
    return self.error <= self.tolerance


def of_clips(
  clips: list[clip_lib.MotionClip], velocity_mode: str
) -> list[Comparison]:
  """The dataset builder's features of clips against the environment's."""
  rows = [build.clip_features(clip, velocity_mode) for clip in clips]
  return _compare(clips, rows, velocity_mode)


def of_dataset(
  dataset: dataset_lib.ReferenceDataset,
  clips: list[clip_lib.MotionClip],
  where: str,
) -> list[Comparison]:
  """A dataset's rows against the environment's features of its clips.

  Args:
    dataset: the rows.
    clips: those it was built of, and maybe others.
    where: name of the dataset's file.

  Raises:
    DatasetError: when a clip is missing, or its rows do not fit its frames.
  """
  by_name = {clip.name: clip for clip in clips}
  known = dataset.meta.get("clips", {})
  chosen, rows = [], []
  for i, name in enumerate(dataset.clip_names):
    stem = name.partition("#")[0]
    if stem not in by_name:
      raise dataset_lib.DatasetError(
        f"{where}: is built of the clip '{stem}', which is not among those"
        " given; name their folder with --clips"
      )
    clip = by_name[stem]
    span = known.get(name, {}).get("rows")
    found = dataset.clip(i)
    whole = build.clip_features(clip, dataset.velocity_mode)
    first, last = span or (0, len(whole) - 1)
    if last - first + 1 != len(found) or last >= len(whole):
      raise dataset_lib.DatasetError(
        f"{where}: has {len(found)} rows of '{name}', whose clip gives"
        f" {len(whole)}; build the dataset again"
      )
    padded = whole.copy()
    padded[first : last + 1] = found
    chosen.append(clip)
    rows.append(padded)
  return _compare(chosen, rows, dataset.velocity_mode)


def _compare(
  clips: list[clip_lib.MotionClip], rows: list[np.ndarray], velocity_mode: str
) -> list[Comparison]:
  """Every index, over the rows of all clips."""
  environment = _environment_features(clips, velocity_mode)
  gaps = [
    np.abs(ours.astype(np.float64) - theirs)
    for ours, theirs in zip(rows, environment, strict=True)
  ]
  for gap, clip in zip(gaps, clips, strict=True):
    _forgive(gap, clip)
  gap = np.concatenate(gaps)
  places = [
    f"{clip.name} row {k}" for clip in clips for k in range(_rows(clip))
  ]
  tolerance = np.zeros(features_lib.NUM_FEATURES)
  for group, value in TOLERANCES:
    tolerance[group] = value
  return [
    Comparison(
      i, name, float(gap[worst, i]), places[worst], float(tolerance[i])
    )
    for i, name in enumerate(features_lib.FEATURE_NAMES)
    for worst in [int(np.argmax(gap[:, i]))]
  ]


def _environment_features(
  clips: list[clip_lib.MotionClip], velocity_mode: str
) -> list[np.ndarray]:
  """(M, 29) features of each clip as the walking environment computes them."""
  import jax
  import jax.numpy as jp

  from wildrobot_playground.envs import walk

  env = walk.WildRobotWalk(
    config_overrides={"velocity_mode": velocity_mode, "impl": "mujoco"}
  )
  for clip in clips:
    if abs(clip.dt - env.dt) > 1e-9:
      raise clip_lib.ClipError(
        f"{clip.name}: has {clip.fps:g} fps, the environment steps at"
        f" {1 / env.dt:g}; resample the clip"
      )

  @jax.jit
  @jax.vmap
  def compute(before: jax.Array, now: jax.Array) -> jax.Array:
    return env._amp_info(before, now, jp.ones(1))["amp_features"]

  found = []
  for clip in clips:
    before, now = clip.previous_qpos()
    # Around its own origin, as single precision is finest there.
    origin = now[:, :2].copy()
    before, now = before.copy(), now.copy()
    before[:, :2] -= origin
    now[:, :2] -= origin
    computed = compute(
      jp.asarray(before, jp.float32), jp.asarray(now, jp.float32)
    )
    found.append(np.asarray(computed, np.float64))
  return found


def _forgive(gap: np.ndarray, clip: clip_lib.MotionClip) -> None:
  """Zeroes (M, 29) differences of rows that sit on a threshold."""
  before, now = clip.previous_qpos()
  sole = kinematics.default_robot().sole
  near = np.abs(sole.heights(now) - sole_lib.CONTACT_HEIGHT) < _NEAR_HEIGHT
  gap[:, features_lib.FOOT_CONTACTS][near] = 0.0
  speed = np.linalg.norm(now[:, :3] - before[:, :3], axis=1) * clip.fps
  edge = np.abs(speed - features_lib.DIRECTION_THRESHOLD) < _NEAR_SPEED
  gap[edge, features_lib.ROOT_LINVEL] = 0.0


def _rows(clip: clip_lib.MotionClip) -> int:
  """Rows of a clip."""
  return clip.num_frames - (not clip.cyclic)
