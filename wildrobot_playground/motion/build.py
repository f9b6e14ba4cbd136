"""Clips to a dataset of features."""

import numpy as np

from wildrobot_playground.amp import dataset as dataset_lib
from wildrobot_playground.amp import features as features_lib
from wildrobot_playground.motion import clip as clip_lib

# Share of the dataset by kind of clip.
DEFAULT_SHARES = {"retargeted": 0.8, "generated": 0.2}
MAX_OVER_TORQUE = 0.5  # share of frames
_STANDING = 0.05  # m/s: slower clips are no walking


def clip_features(clip: clip_lib.MotionClip, velocity_mode: str) -> np.ndarray:
  """(M, 29) float32 features; T - 1 rows, or T for a cyclic clip."""
  before, now = clip.previous_qpos()
  contacts = clip.foot_contacts[-len(now) :].astype(np.float64)
  return features_lib.amp_features(
    before, now, contacts, clip.dt, velocity_mode
  ).astype(np.float32)


def build(
  clips: list[clip_lib.MotionClip],
  velocity_mode: str = "direction",
  shares: dict[str, float] | None = None,
  include_standing: bool = False,
  max_over_torque: float = MAX_OVER_TORQUE,
) -> dataset_lib.ReferenceDataset:
  """A dataset in which each kind has its share and each speed the same.

  Args:
    clips: of one robot and one rate.
    velocity_mode: of the features.
    shares: of the kinds of clips (`retargeted`, `generated`); kinds that are
      not there give theirs to the others.
    include_standing: whether clips that go nowhere are let in.
    max_over_torque: clips with a larger share of frames beyond the servos'
      torque are left out: a prior must not ask for what no policy can do.

  Raises:
    DatasetError: for no clip, clips of different rates or robots, or an unknown
      `velocity_mode`.
  """
  features_lib.check_velocity_mode(velocity_mode)
  moving = [
    clip
    for clip in sorted(clips, key=lambda clip: clip.name)
    if (include_standing or _speed(clip) > _STANDING)
    and clip.meta.get("quality", {}).get("over_torque", 0.0) <= max_over_torque
  ]
  if not moving:
    raise dataset_lib.DatasetError(
      f"none of {len(clips)} clips walks within the servos' torque; give other"
      " clips, or raise --max_over_torque"
    )
  for what, values in (
    ("frame rates", {clip.fps for clip in moving}),
    ("robots", {clip.meta.get("model_hash", "") for clip in moving}),
  ):
    if len(values) > 1:
      raise dataset_lib.DatasetError(
        f"clips have different {what}: {', '.join(map(str, sorted(values)))};"
        " build a dataset of each, or make the clips again"
      )
  return dataset_lib.make(
    clips=[clip_features(clip, velocity_mode) for clip in moving],
    clip_names=tuple(clip.name for clip in moving),
    clip_speeds=np.array([_speed(clip) for clip in moving]),
    clip_weights=clip_weights(moving, shares or DEFAULT_SHARES),
    velocity_mode=velocity_mode,
    dt=moving[0].dt,
    model_hash=moving[0].meta.get("model_hash", ""),
    meta={"clips": {clip.name: _provenance(clip) for clip in moving}},
  )


def clip_weights(
  clips: list[clip_lib.MotionClip], shares: dict[str, float]
) -> np.ndarray:
  """(C,) weights: of a kind's share, each of its speeds has the same part.

  Raises:
    DatasetError: when no clip is of a kind with a share.
  """
  kinds = [clip.meta.get("kind", "retargeted") for clip in clips]
  speeds = [round(_speed(clip), 3) for clip in clips]
  weights = np.zeros(len(clips))
  for i, (kind, speed) in enumerate(zip(kinds, speeds, strict=True)):
    of_kind = {s for k, s in zip(kinds, speeds, strict=True) if k == kind}
    alike = sum(
      pair == (kind, speed) for pair in zip(kinds, speeds, strict=True)
    )
    weights[i] = shares.get(kind, 0.0) / len(of_kind) / alike
  if not np.sum(weights) > 0:
    raise dataset_lib.DatasetError(
      f"no clip is of a kind with a share; the kinds are"
      f" {', '.join(sorted(set(kinds)))}"
    )
  return weights / np.sum(weights)


def _speed(clip: clip_lib.MotionClip) -> float:
  """Commanded forward speed [m/s]."""
  return float(clip.command[0])


def _provenance(clip: clip_lib.MotionClip) -> dict[str, object]:
  """What the dataset says of a clip."""
  keys = ("kind", "tier", "source", "mirrored")
  return {key: clip.meta[key] for key in keys if key in clip.meta}
