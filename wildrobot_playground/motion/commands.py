"""The subcommands of `python -m wildrobot_playground.motion`."""

import argparse
import ast
import dataclasses
import pathlib
from typing import Any

import numpy as np

from wildrobot_playground import assets
from wildrobot_playground.amp import dataset as dataset_lib
from wildrobot_playground.motion import build as build_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import default as default_lib
from wildrobot_playground.motion import gait, kinematics, quality, tables
from wildrobot_playground.motion import mirror as mirror_lib
from wildrobot_playground.motion import retarget as retarget_lib
from wildrobot_playground.motion.importers import deepmimic

_MOVING = 0.05  # m/s


class CommandError(ValueError):
  """An argument that cannot be used; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class Result:
  """What a subcommand shows.

  Attributes:
    headings: of the table.
    rows: of the table.
    records: the same for JSON.
    failures: one line for each gate that failed.
  """

  headings: tuple[str, ...]
  rows: list[tuple[str, ...]]
  records: list[dict[str, Any]]
  failures: tuple[str, ...] = ()


def generate(args: argparse.Namespace) -> Result:
  """Generates walking at each speed."""
  options = override(gait.Options(), args.set)
  robot = kinematics.default_robot()
  clips = [
    gait.generate(
      speed, default_lib.clip_name("generated_walk", speed), robot, options
    )
    for speed in args.speed
  ]
  return _store(clips, args)


def retarget(args: argparse.Namespace) -> Result:
  """Retargets one human cycle at each speed."""
  options = override(retarget_lib.Options(), args.set)
  robot = kinematics.default_robot()
  motion = deepmimic.load(args.source)
  stem = args.name or pathlib.Path(args.source).stem
  speeds = args.speed or [round(retarget_lib.natural_speed(motion, robot), 2)]
  clips = [
    retarget_lib.retarget(
      motion, speed, default_lib.clip_name(stem, speed), robot, options
    )
    for speed in speeds
  ]
  return _store(clips, args)


def mirror(args: argparse.Namespace) -> Result:
  """Mirrors clips."""
  clips = [mirror_lib.mirror(clip_lib.load(path)) for path in args.clips]
  return _store(clips, args)


def build(args: argparse.Namespace) -> Result:
  """Builds a dataset of clips."""
  paths = args.clips or sorted((assets.reference() / "clips").glob("*.npz"))
  clips = [clip_lib.load(path) for path in paths]
  for clip in clips:
    if clip.meta.get("tier") == "refused" and not args.force:
      raise CommandError(
        f"{clip.name} failed its quality gates; leave it out or give --force"
      )
  shares = dict(map(_share, args.share)) or None
  dataset = build_lib.build(
    clips,
    args.velocity_mode,
    shares,
    args.include_standing,
    args.max_over_torque,
  )
  dataset_lib.save(args.output, dataset)
  return _dataset_result(dataset)


def validate(args: argparse.Namespace) -> Result:
  """Checks clips and datasets against their formats, gates and tiers."""
  robot = kinematics.default_robot()
  clips, failures = [], []
  for path in args.files:
    if _is_dataset(path):
      expected = kinematics.model_hash(robot.model)
      dataset_lib.load(path, model_hash=expected)
      continue
    clip = clip_lib.load(path)
    declared = clip.meta.get("tier", "kinematic")
    clip, report = default_lib.assessed(clip, robot)
    clips.append(clip)
    if report.reasons:
      failures.append(f"{clip.name}: {'; '.join(report.reasons)}")
    elif quality.TIERS.index(report.tier) > quality.TIERS.index(declared):
      failures.append(
        f"{clip.name}: is in tier '{report.tier}', its file says '{declared}'"
      )
  return _clip_result(clips, tuple(failures))


def analyze(args: argparse.Namespace) -> Result:
  """Compares clips' speeds with the commanded range."""
  low, high = args.command
  paths = args.clips or sorted((assets.reference() / "clips").glob("*.npz"))
  rows, records, everything = [], [], []
  for clip in [clip_lib.load(path) for path in paths]:
    before, now = clip.previous_qpos()
    everything.append((now[:, 0] - before[:, 0]) * clip.fps)
    records.append(_speed_record(clip.name, everything[-1], low, high))
  records.append(_speed_record("all", np.concatenate(everything), low, high))
  for record in records:
    name, *numbers = record.values()
    rows.append((name, *(f"{number:.2f}" for number in numbers)))
  return Result(tuple(records[0]), rows, records)


def default(args: argparse.Namespace) -> Result:
  """Rebuilds the reference folder."""
  clips = default_lib.write(args.source, args.output, args.velocity_mode)
  return _clip_result(clips)


def override(options: Any, settings: list[str]) -> Any:
  """A dataclass of numbers with `key=value` settings applied.

  Raises:
    CommandError: for an unknown key or a value that is no number.
  """
  known = [field.name for field in dataclasses.fields(options)]
  changes = {}
  for setting in settings:
    key, _, value = setting.partition("=")
    if key not in known:
      raise CommandError(
        f"--set {setting}: unknown key '{key}'; choose one of"
        f" {', '.join(known)}"
      )
    kind = type(getattr(options, key))
    try:
      changes[key] = kind(ast.literal_eval(value))
    except (ValueError, SyntaxError, TypeError) as e:
      raise CommandError(f"--set {setting}: expected a {kind.__name__}") from e
  return dataclasses.replace(options, **changes)


def _store(
  clips: list[clip_lib.MotionClip], args: argparse.Namespace
) -> Result:
  """Writes the clips that pass their gates, or all when forced."""
  robot = kinematics.default_robot()
  results, failures = [], []
  for clip in clips:
    clip, report = default_lib.assessed(clip, robot)
    results.append(clip)
    if report.reasons and not args.force:
      failures.append(
        f"{clip.name} is refused: {'; '.join(report.reasons)}; --force keeps it"
      )
    else:
      clip_lib.save(pathlib.Path(args.output) / f"{clip.name}.npz", clip)
  return _clip_result(results, tuple(failures))


def _clip_result(
  clips: list[clip_lib.MotionClip], failures: tuple[str, ...] = ()
) -> Result:
  return Result(
    tables.HEADINGS,
    [tables.clip_row(clip) for clip in clips],
    [tables.clip_record(clip) for clip in clips],
    failures,
  )


def _dataset_result(dataset: dataset_lib.ReferenceDataset) -> Result:
  """A dataset's clips with their shares."""
  records = []
  for i, name in enumerate(dataset.clip_names):
    start, end = dataset.clip_offsets[i : i + 2]
    records.append(
      {
        "clip": name,
        "speed": float(dataset.clip_speeds[i]),
        "rows": int(end - start),
        "weight": float(np.sum(dataset.weights[start:end])),
      }
    )
  rows = [
    (r["clip"], f"{r['speed']:.2f}", str(r["rows"]), f"{r['weight']:.4f}")
    for r in records
  ]
  return Result(("clip", "m/s", "rows", "weight"), rows, records)


def _speed_record(
  name: str, speed: np.ndarray, low: float, high: float
) -> dict[str, Any]:
  """Distribution of forward speed [m/s] (T,)."""
  p5, p50, p95 = np.percentile(speed, (5, 50, 95))
  inside = (speed >= low) & (speed <= high)
  return {
    "clip": name,
    "mean": float(np.mean(speed)),
    "p5": float(p5),
    "p50": float(p50),
    "p95": float(p95),
    "moving share": float(np.mean(np.abs(speed) > _MOVING)),
    "in range": float(np.mean(inside)),
  }


def _share(text: str) -> tuple[str, float]:
  """Reads kind=share."""
  kind, _, value = text.partition("=")
  try:
    share = float(value)
  except ValueError:
    share = -1.0
  if kind not in build_lib.DEFAULT_SHARES or share < 0:
    raise CommandError(
      f"--share {text}: expected KIND=NUMBER with KIND one of"
      f" {', '.join(build_lib.DEFAULT_SHARES)}"
    )
  return kind, share


def _is_dataset(path: str) -> bool:
  """Whether the file says that it is a dataset."""
  try:
    with np.load(path, allow_pickle=False) as archive:
      return str(archive["format"]) == dataset_lib.FORMAT
  except Exception:  # The clip's loader says what is wrong.
    return False
