"""Subcommands around datasets: build, validate, analyze."""

import dataclasses
import pathlib
import types
from typing import Any

import numpy as np
from absl import flags

from wildrobot_playground.config import ranges, typed_flags
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import build as build_lib
from wildrobot_playground.motion.datasets import speeds
from wildrobot_playground.motion.quality import gates
from wildrobot_playground.motion.show import tables
from wildrobot_playground.motion.subcommands import common, making
from wildrobot_playground.system import commands, echo, errors, npz


def build(args: types.SimpleNamespace) -> common.Result:
  """Builds a dataset of clips."""
  robot = common.robot_of(args)
  clips = common.load_clips(args.clips, robot.description)
  for clip in clips:
    if clip.meta.get("tier") == "refused" and not args.force:
      raise errors.UsageError(
        f"{clip.name} failed its quality gates; leave it out or give --force"
      )
  shares = dict(map(_share, args.share)) or None
  dataset = build_lib.build(
    clips,
    args.velocity_mode,
    shares,
    args.include_standing,
    args.max_over_torque,
    args.min_speed,
    args.speed_bin,
  )
  dataset_lib.save(args.output, dataset)
  step = ("train", *common.named(args), f"--reference={args.output}")
  return dataclasses.replace(_dataset_result(dataset), next=(step,))


def validate(args: types.SimpleNamespace) -> common.Result:
  """Checks clips and datasets against formats, gates and tiers."""
  robot = common.robot_of(args)
  expected = robot.fingerprint
  datasets = {
    path: dataset_lib.load(path, model_hash=expected)
    for path in args.files
    if is_dataset(path)
  }
  clips = [
    clip_lib.load(path, robot.description)
    for path in args.files
    if path not in datasets
  ]
  results, failures = [], []
  for clip in common.progress(clips, "validating"):
    declared = clip.meta.get("tier", "kinematic")
    clip, reasons = common.assessed(clip, robot)
    results.append(clip)
    tier = clip.meta["tier"]
    if reasons:
      failures.append(f"{clip.name}: {'; '.join(reasons)}")
    elif gates.TIERS.index(tier) > gates.TIERS.index(declared):
      failures.append(
        f"{clip.name}: is in tier '{tier}', its file says '{declared}'"
      )
  notes = tuple(_tiers(dataset, path) for path, dataset in datasets.items())
  return common.clip_result(results, tuple(failures), notes)


def analyze(args: types.SimpleNamespace) -> common.Result:
  """Compares the speeds of clips and datasets with the commanded range."""
  low, high = args.command
  robot = common.robot_of(args).description
  shipped = sorted(robot.clips.glob("*.npz"))
  parts: list[speeds.Speeds] = []
  for path in args.files or map(str, shipped):
    if pathlib.Path(path).suffix in (".pkl", ".pickle"):
      parts.append(speeds.of_amp_pickle(path))
    elif is_dataset(path):
      parts += speeds.of_dataset(dataset_lib.load(path), path)
    else:
      parts.append(speeds.of_clip(clip_lib.load(path, robot)))
  everything = [*parts, speeds.together(parts)]
  records = [speeds.record(part, low, high) for part in everything]
  if args.plot:
    speeds.plot(parts, low, high, args.plot)
  columns = [key for key in records[0] if key not in ("moving", "stationary")]
  rows = [
    tuple(tables.cell(record[key]) for key in columns) for record in records
  ]
  last = records[-1]
  note = (
    f"{last['moving']} of {last['rows']} rows move"
    f" ({100 * last['moving_share']:.1f}%), {last['stationary']} stand"
    f" ({100 * last['stationary_share']:.1f}%); commanded {low:g} to"
    f" {high:g} m/s"
  )
  return common.Result(tuple(columns), rows, records, notes=(note,))


def is_dataset(path: str) -> bool:
  """Whether the file says that it is a dataset."""
  try:
    found = npz.read(path, ("format",), ValueError)
  except ValueError:  # The clip's loader says what is wrong.
    return False
  return str(found["format"]) == dataset_lib.FORMAT


def _tiers(dataset: dataset_lib.ReferenceDataset, path: str) -> str:
  """One line: how many of a dataset's clips are in which tier."""
  said = dataset.meta.get("clips", {})
  tiers = [said.get(n, {}).get("tier", "unknown") for n in dataset.clip_names]
  counts = ", ".join(
    f"{tiers.count(tier)} {tier}" for tier in sorted(set(tiers))
  )
  return (
    f"{path}: {len(dataset.features)} rows of {dataset.num_clips} clips"
    f" ({counts}), velocity_mode {dataset.velocity_mode}"
  )


def _dataset_result(dataset: dataset_lib.ReferenceDataset) -> common.Result:
  """A dataset's clips with their shares."""
  said = dataset.meta.get("clips", {})
  records: list[dict[str, Any]] = []
  for i, name in enumerate(dataset.clip_names):
    start, end = dataset.clip_offsets[i : i + 2]
    records.append(
      {
        "clip": name,
        "tier": said.get(name, {}).get("tier", "unknown"),
        "speed": float(dataset.clip_speeds[i]),
        "rows": int(end - start),
        "weight": float(np.sum(dataset.weights[start:end])),
      }
    )
  rows = [
    (
      record["clip"],
      record["tier"],
      tables.cell(record["speed"], 2),
      tables.cell(record["rows"]),
      tables.cell(record["weight"], 4),
    )
    for record in records
  ]
  return common.Result(("clip", "tier", "m/s", "rows", "weight"), rows, records)


def _share(text: str) -> tuple[str, float]:
  """Reads kind=share."""
  kind, _, value = text.partition("=")
  try:
    if kind not in build_lib.DEFAULT_SHARES:
      raise ValueError(f"there is no kind '{echo.short(kind)}'")
    return kind, typed_flags.read(value, ranges.Number(0, 1e6))
  except ValueError as error:
    raise errors.UsageError(
      f"--share {echo.short(text)}: expected KIND=NUMBER with KIND one of"
      f" {', '.join(build_lib.DEFAULT_SHARES)}; {error}"
    ) from error


_BUILD = (
  typed_flags.text("output", "Dataset (.npz)."),
  flags.BooleanFlag("force", False, "Take refused clips."),
  typed_flags.texts(
    "share",
    "KIND=NUMBER: weight of a kind of clips; kinds are"
    f" {', '.join(build_lib.DEFAULT_SHARES)}",
  ),
  flags.BooleanFlag("include_standing", False, "Take clips that stand."),
  typed_flags.number(
    "max_over_torque",
    "Leave out clips with more of their frames beyond the servos' torque.",
    ranges.Number(0, 1),
    build_lib.MAX_OVER_TORQUE,
  ),
  typed_flags.number(
    "min_speed",
    "Leave out rows in which the pelvis is slower [m/s].",
    ranges.Number(0, 10, "m/s"),
    0.0,
  ),
  typed_flags.number(
    "speed_bin",
    "Speeds this near weigh as one [m/s]; every speed weighs the same.",
    ranges.Number(1e-6, 10, "m/s"),
    0.001,
  ),
  making.VELOCITY_MODE,
)
_ANALYZE = (
  typed_flags.numbers(
    "command",
    "Slowest and fastest commanded speed to compare with [m/s].",
    ranges.Rising(common.SPEED),
    (0.1, 0.6),
  ),
  typed_flags.text("plot", "Picture (.png) to draw them in."),
)

COMMANDS = (
  commands.Command(
    "build",
    build,
    (*common.SHARED, *_BUILD),
    commands.Words("clips", "the shipped ones by default", least=0),
    ("output",),
  ),
  commands.Command(
    "validate",
    validate,
    common.SHARED,
    commands.Words("files", "clips and datasets"),
  ),
  commands.Command(
    "analyze",
    analyze,
    (*common.SHARED, *_ANALYZE),
    commands.Words(
      "files",
      "clips, datasets or AMP pickles; the shipped clips by default",
      least=0,
    ),
  ),
)
