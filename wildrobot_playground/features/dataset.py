"""Reference features: the `.npz` file that the motion prior learns from."""

import dataclasses
import json
import os
from typing import Any

import numpy as np

from wildrobot_playground.features import consistency
from wildrobot_playground.features.layout import FeatureLayout
from wildrobot_playground.robots import sole
from wildrobot_playground.system import echo, npz, schema

FORMAT = "wildrobot-amp/1"
CONTACT_RULE = f"sole corner within {sole.CONTACT_HEIGHT} m of the ground"

_REBUILD = "build it again with `python -m wildrobot_playground.motion build`"
_LARGEST = 1e3  # rad, rad/s, m/s or m: no feature of a robot is beyond
_FASTEST = 10.0  # m/s, of a commanded speed


class DatasetError(ValueError):
  """A dataset that cannot be used; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class ReferenceDataset:
  """Feature vectors of reference motion, clip after clip.

  A clip's row is `amp_features` of the step that ends in one of its frames, so
  a clip of T frames has T - 1 rows, or T when it is cyclic.

  Attributes:
    layout: what the F features are.
    features: (N, F) float32, see `features.vector`.
    clip_offsets: (C + 1,) rows of clip i are offsets i to i + 1.
    clip_names: of the C clips.
    clip_speeds: (C,) commanded forward speed [m/s].
    weights: (N,) probability of each row to be sampled; their sum is 1.
    mean: (F,) weighted mean.
    std: (F,) weighted standard deviation, not below the group's floor.
    velocity_mode: of the root's velocity, see `features.vector`.
    dt: time between rows [s].
    model_hash: of the robot that the clips were made for.
    contact_rule: when a sole plate counts as touching, in words.
    meta: plain values: per clip tier, licence and source.
  """

  layout: FeatureLayout
  features: np.ndarray
  clip_offsets: np.ndarray
  clip_names: tuple[str, ...]
  clip_speeds: np.ndarray
  weights: np.ndarray
  mean: np.ndarray
  std: np.ndarray
  velocity_mode: str
  dt: float
  model_hash: str
  contact_rule: str = CONTACT_RULE
  meta: dict[str, Any] = dataclasses.field(default_factory=dict)

  @property
  def num_clips(self) -> int:
    """Number of clips C."""
    return len(self.clip_names)

  def clip(self, index: int) -> np.ndarray:
    """(n, F) rows of one clip."""
    start, end = self.clip_offsets[index : index + 2]
    return self.features[start:end]


def make(
  layout: FeatureLayout,
  clips: list[np.ndarray],
  clip_names: tuple[str, ...],
  clip_speeds: np.ndarray,
  clip_weights: np.ndarray,
  velocity_mode: str,
  dt: float,
  model_hash: str,
  meta: dict[str, Any],
) -> ReferenceDataset:
  """A dataset of clips, with its statistics.

  Args:
    layout: what the F features are.
    clips: (n_i, F) rows of each clip.
    clip_names: of the C clips.
    clip_speeds: (C,) commanded forward speed [m/s].
    clip_weights: (C,) share of a clip, shared evenly by its rows; any sum.
    velocity_mode: of the rows.
    dt: time between rows [s].
    model_hash: of the robot.
    meta: plain values.
  """
  features = np.concatenate(clips).astype(np.float32)
  lengths = np.array([len(rows) for rows in clips])
  shares = np.asarray(clip_weights, dtype=np.float64) / np.sum(clip_weights)
  weights = np.repeat(shares / lengths, lengths)
  mean, std = consistency.statistics(features, weights, layout)
  dataset = ReferenceDataset(
    layout=layout,
    features=features,
    clip_offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    clip_names=tuple(clip_names),
    clip_speeds=np.asarray(clip_speeds, dtype=np.float64),
    weights=weights,
    mean=mean,
    std=std,
    velocity_mode=velocity_mode,
    dt=dt,
    model_hash=model_hash,
    meta=meta,
  )
  check(dataset, "dataset")
  return dataset


def save(path: str | os.PathLike[str], dataset: ReferenceDataset) -> None:
  """Writes `dataset`, the same bytes for the same dataset."""
  check(dataset, str(path))
  names = (*_fields(dataset.layout), "meta")
  arrays = {name: np.array(getattr(dataset, name)) for name in names}
  arrays["meta"] = np.array(json.dumps(dataset.meta, sort_keys=True))
  header = {
    "format": np.array(FORMAT),
    "feature_names": np.array(dataset.layout.names),
  }
  npz.write(path, header | arrays)


def load(
  path: str | os.PathLike[str],
  velocity_mode: str | None = None,
  dt: float | None = None,
  model_hash: str | None = None,
  layout: FeatureLayout | None = None,
) -> ReferenceDataset:
  """Reads a dataset.

  Args:
    path: of the `.npz` file.
    velocity_mode: that the environment uses; None accepts any.
    dt: the environment's control step [s]; None accepts any.
    model_hash: of the environment's robot; None accepts any.
    layout: of the environment's features; None accepts any.

  Raises:
    DatasetError: when it is missing, damaged, or made for something else.
  """
  names = [field.name for field in dataclasses.fields(ReferenceDataset)]
  names.remove("layout")
  arrays = npz.read(path, ("format", "feature_names", *names), DatasetError)
  found = arrays.pop("format")
  if str(found) != FORMAT:
    raise DatasetError(
      f"{path}: format is '{echo.short(found)}', expected '{FORMAT}';"
      f" {_REBUILD}"
    )
  found_layout = _layout(arrays.pop("feature_names"), layout, str(path))
  schema.check(arrays, _fields(found_layout), str(path), DatasetError, _REBUILD)
  dataset = _from_arrays(arrays, found_layout, str(path))
  check(dataset, str(path))
  wanted = {"velocity_mode": velocity_mode, "dt": dt, "model_hash": model_hash}
  for name, expected in wanted.items():
    _check_expected(dataset, name, expected, str(path))
  return dataset


def check(dataset: ReferenceDataset, where: str) -> None:
  """Raises DatasetError unless shapes, offsets and values fit together."""
  table = _fields(dataset.layout)
  arrays = {name: getattr(dataset, name) for name in table}
  arrays["clip_names"] = np.array(dataset.clip_names, dtype=str)
  schema.check(arrays, table, where, DatasetError, _REBUILD)
  problem = consistency.problem(dataset, CONTACT_RULE)
  if problem:
    raise DatasetError(f"{where}: {problem}; {_REBUILD}")


def _fields(layout: FeatureLayout) -> dict[str, schema.Field]:
  """What the arrays must be: N rows, C clips and C + 1 ends (E)."""
  size = layout.size
  return {
    "features": schema.Field("number", ("N", size), -_LARGEST, _LARGEST),
    "clip_offsets": schema.Field("whole", ("E",), 0, 1e9),
    "clip_names": schema.Field("text", ("C",), high=200),
    "clip_speeds": schema.Field("number", ("C",), -_FASTEST, _FASTEST),
    "weights": schema.Field("number", ("N",), 0, 1),
    "mean": schema.Field("number", (size,), -_LARGEST, _LARGEST),
    "std": schema.Field("number", (size,), 0, _LARGEST),
    "velocity_mode": schema.Field("text", high=100),
    "dt": schema.Field("number", (), 1e-3, 0.2),
    "model_hash": schema.Field("text", high=100),
    "contact_rule": schema.Field("text", high=100),
  }


def _check_expected(
  dataset: ReferenceDataset, name: str, expected: Any, where: str
) -> None:
  """Refuses a dataset whose `name` is not the environment's."""
  found = getattr(dataset, name)
  if expected not in (None, found):
    raise DatasetError(
      f"{where}: {name} is {found}, the environment's is {expected}; {_REBUILD}"
      " for this environment"
    )


def _layout(
  names: np.ndarray, expected: FeatureLayout | None, where: str
) -> FeatureLayout:
  """The layout of a file's features; refuses other ones than expected."""
  found = tuple(map(str, np.ravel(names)))
  if expected is None:
    try:
      return FeatureLayout.of_names(found)
    except ValueError as error:
      raise DatasetError(f"{where}: {echo.line(error)}; {_REBUILD}") from error
  if found == expected.names:
    return expected
  if len(found) != expected.size:
    detail = f"has {len(found)} features, expected {expected.size}"
  else:
    pairs = zip(found, expected.names, strict=True)
    i = next(i for i, (a, b) in enumerate(pairs) if a != b)
    detail = (
      f"feature {i} is '{echo.short(found[i])}', expected '{expected.names[i]}'"
    )
  raise DatasetError(f"{where}: {detail}; {_REBUILD}")


def _from_arrays(
  arrays: dict[str, np.ndarray], layout: FeatureLayout, where: str
) -> ReferenceDataset:
  """The dataset of the file's arrays, which are as the table says."""
  values: dict[str, Any] = dict(arrays)
  for names, kind in (
    (("features", "mean", "std"), np.float32),
    (("clip_speeds", "weights"), np.float64),
    (("clip_offsets",), np.int64),
  ):
    values |= {name: values[name].astype(kind) for name in names}
  for name in ("velocity_mode", "model_hash", "contact_rule"):
    values[name] = str(values[name])
  values["clip_names"] = tuple(map(str, values["clip_names"]))
  values["dt"] = float(values["dt"])
  try:
    values["meta"] = schema.read_json(str(values["meta"]))
  except ValueError as e:
    raise DatasetError(
      f"{where}: meta is damaged ({echo.short(e)}); {_REBUILD}"
    ) from e
  return ReferenceDataset(layout=layout, **values)
