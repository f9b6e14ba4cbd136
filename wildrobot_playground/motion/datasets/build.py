"""Clips to a dataset of features."""

import dataclasses

import numpy as np

from wildrobot_playground import features as features_lib
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import spans
from wildrobot_playground.system import echo

# Share of the dataset by kind of clip.
DEFAULT_SHARES = {"retargeted": 0.8, "generated": 0.2}
MAX_OVER_TORQUE = 0.5  # share of frames
_STANDING = 0.05  # m/s: slower clips are no walking


def layout_of(clip: clip_lib.MotionClip) -> features_lib.FeatureLayout:
  """Of the features of a clip's robot."""
  return features_lib.FeatureLayout(clip.joint_names, clip.contact_names)


def clip_features(clip: clip_lib.MotionClip, velocity_mode: str) -> np.ndarray:
  """(M, F) float32 features; T - 1 rows, or T for a cyclic clip."""
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
  min_speed: float = 0.0,
  speed_bin: float = 0.001,
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
    min_speed: rows in which the pelvis goes slower [m/s] are left out; a clip
      is parted there, and its parts are named `#1`, `#2`, ...
    speed_bin: speeds that fall into one bin [m/s] count as one speed.

  Raises:
    DatasetError: for no clip, clips of different rates or robots or of the same
      name, nothing that is fast enough, or an unknown `velocity_mode`.
  """
  features_lib.check_velocity_mode(velocity_mode)
  # A file's name may have what a dataset does not keep.
  clips = [
    dataclasses.replace(clip, name=echo.printable(clip.name)) for clip in clips
  ]
  moving = [
    clip
    for clip in sorted(clips, key=lambda clip: clip.name)
    if (include_standing or _speed(clip) > _STANDING)
    and clip.meta.get("quality", {}).get("over_torque", 0.0) <= max_over_torque
  ]
  _check_alike(moving, len(clips))
  if not speed_bin > 0:
    raise dataset_lib.DatasetError(
      f"speed_bin is {speed_bin}, expected a positive number of m/s"
    )
  weights = clip_weights(moving, shares or DEFAULT_SHARES, speed_bin)
  parts = [part for clip in moving for part in _parts(clip, min_speed)]
  if not parts:
    raise dataset_lib.DatasetError(
      f"no row of {len(moving)} clips is at least {min_speed} m/s fast; lower"
      " --min_speed"
    )
  return dataset_lib.make(
    layout=layout_of(moving[0]),
    clips=[
      clip_features(part.clip, velocity_mode)[part.start : part.end]
      for part in parts
    ],
    clip_names=tuple(part.name for part in parts),
    clip_speeds=np.array([_speed(part.clip) for part in parts]),
    clip_weights=_part_weights(parts, moving, weights),
    velocity_mode=velocity_mode,
    dt=moving[0].dt,
    model_hash=moving[0].meta.get("model_hash", ""),
    meta={"clips": {part.name: _provenance(part) for part in parts}},
  )


def _check_alike(clips: list[clip_lib.MotionClip], given: int) -> None:
  """Refuses no clip, and clips of different rates or robots."""
  if not clips:
    raise dataset_lib.DatasetError(
      f"none of {given} clips walks within the servos' torque; give other"
      " clips, or raise --max_over_torque"
    )
  names = [clip.name for clip in clips]
  twice = sorted({name for name in names if names.count(name) > 1})
  if twice:
    raise dataset_lib.DatasetError(
      f"more than one clip is called '{twice[0]}'; rename its file"
    )
  for what, values in (
    ("frame rates", {clip.fps for clip in clips}),
    ("joints", {", ".join(clip.joint_names) for clip in clips}),
    ("contacts", {", ".join(clip.contact_names) for clip in clips}),
    ("robots", {clip.meta.get("model_hash", "") for clip in clips}),
  ):
    if len(values) > 1:
      raise dataset_lib.DatasetError(
        f"clips have different {what}:"
        f" {echo.short(' and '.join(map(str, sorted(values))), 300)};"
        " build a dataset of each, or make the clips again"
      )


def row_speeds(clip: clip_lib.MotionClip) -> np.ndarray:
  """(M,) how fast the pelvis goes over the ground in each row [m/s]."""
  before, now = clip.previous_qpos()
  return np.linalg.norm(now[:, :2] - before[:, :2], axis=1) * clip.fps


def clip_weights(
  clips: list[clip_lib.MotionClip],
  shares: dict[str, float],
  speed_bin: float = 0.001,
) -> np.ndarray:
  """(C,) weights: of a kind's share, each of its speeds has the same part.

  Args:
    clips: to be weighed.
    shares: of the kinds.
    speed_bin: speeds that fall into one bin [m/s] count as one speed.

  Raises:
    DatasetError: when no clip is of a kind with a share.
  """
  kinds = [clip.meta.get("kind", "retargeted") for clip in clips]
  speeds = [round(_speed(clip) / speed_bin) for clip in clips]
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


@dataclasses.dataclass(frozen=True)
class _Part:
  """Rows start to end (exclusive) of a clip."""

  clip: clip_lib.MotionClip
  start: int
  end: int
  name: str


def _parts(clip: clip_lib.MotionClip, min_speed: float) -> list[_Part]:
  """The clip, or its stretches that are fast enough."""
  fast = row_speeds(clip) >= min_speed
  if np.all(fast):
    return [_Part(clip, 0, len(fast), clip.name)]
  return [
    _Part(clip, start, end, f"{clip.name}#{i}")
    for i, (start, end) in enumerate(spans.of(fast), 1)
  ]


def _part_weights(
  parts: list[_Part], clips: list[clip_lib.MotionClip], weights: np.ndarray
) -> np.ndarray:
  """(P,) each part's share of its clip's weight (C,), by its rows."""
  rows = {clip.name: 0 for clip in clips}
  for part in parts:
    rows[part.clip.name] += part.end - part.start
  weight = dict(zip(rows, weights, strict=True))
  return np.array(
    [
      weight[part.clip.name] * ((part.end - part.start) / rows[part.clip.name])
      for part in parts
    ]
  )


def _provenance(part: _Part) -> dict[str, object]:
  """What the dataset says of a clip."""
  keys = ("kind", "tier", "source", "mirrored")
  said = {key: part.clip.meta[key] for key in keys if key in part.clip.meta}
  if part.name != part.clip.name:
    said["rows"] = [part.start, part.end - 1]
  return said
