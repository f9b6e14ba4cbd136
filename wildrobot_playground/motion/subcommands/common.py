"""What the subcommands share: results, options, storing what passes."""

import dataclasses
import pathlib
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tqdm
from absl import flags

from wildrobot_playground import robots
from wildrobot_playground.config import ranges, typed_flags
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import spans
from wildrobot_playground.motion.datasets import shipped as default_lib
from wildrobot_playground.motion.edit import trim
from wildrobot_playground.motion.quality import collision, frames
from wildrobot_playground.motion.show import tables
from wildrobot_playground.robots import WILDROBOT, catalog
from wildrobot_playground.system import cli, commands, echo, errors, files

_MOST_STRETCHES = 4  # of bad frames, in a message
_MOST_SPEEDS = 200
T = TypeVar("T")

CLIPS = commands.Words("clips", "clips (.npz) or folders")
# Flags: of every subcommand, and of those that make clips.
SHARED = (
  typed_flags.text(
    "robot",
    f"{', '.join(catalog.names())}, or a folder with a robot.toml.",
    WILDROBOT.name,
  ),
  typed_flags.text("json", "File to write the table to as well."),
)
STORE = (
  *SHARED,
  typed_flags.text("output", "Folder of the clips."),
  flags.BooleanFlag("force", False, "Keep refused clips."),
)
RATE = ranges.Number(*clip_lib.RATES, "Hz")
SPEED = ranges.Number(-10, 10, "m/s")  # What makes a clip knows more.


@dataclasses.dataclass(frozen=True)
class Result:
  """What a subcommand shows.

  Attributes:
    headings: of the table.
    rows: of the table.
    records: the same for JSON.
    failures: one line for each gate that failed.
    notes: lines below the table.
    next: what to do then; see `cli.say_next`.
  """

  headings: tuple[str, ...]
  rows: list[tuple[str, ...]]
  records: list[dict[str, Any]]
  failures: tuple[str, ...] = ()
  notes: tuple[str, ...] = ()
  next: tuple[tuple[str, ...], ...] = ()


def show(result: Result, json: str | None) -> None:
  """Prints a result, and writes it to a file where one is given.

  Raises:
    UsageError: where a quality gate failed.
    OSError: where the file cannot be written.
  """
  try:
    print(echo.printable(tables.text(result.headings, result.rows)))
    for note in result.notes:
      print(echo.line(note))
  finally:  # Also where nobody reads the table.
    if json:
      path = pathlib.Path(json)
      path.parent.mkdir(parents=True, exist_ok=True)
      files.write_json(path, result.records)
  if result.failures:
    more = len(result.failures) - 1
    tail = f" (and {more} more)" if more else ""
    raise errors.UsageError(result.failures[0] + tail)
  cli.say_next(*result.next)


def robot_of(args: types.SimpleNamespace) -> robots.Robot:
  """The robot that is asked for.

  Raises:
    UsageError: for a name that is none, or a folder without a robot.
  """
  return robots.of(catalog.find(args.robot))


def named(args: types.SimpleNamespace) -> tuple[str, ...]:
  """The flag that names the robot, in what is to be done next."""
  return () if args.robot == WILDROBOT.name else (f"--robot={args.robot}",)


def names_at_speeds(stem: str, speeds: Sequence[float]) -> list[str]:
  """A clip's name at each speed.

  Raises:
    UsageError: for speeds that share a name, too many of them, or a stem that
      is no file name.
  """
  if pathlib.PurePath(stem).name != stem or len(stem) > 200:
    raise errors.UsageError(
      f"'{echo.short(stem)}' is no name of a clip, expected one without"
      " folders; name them with --output"
    )
  if len(speeds) > _MOST_SPEEDS:
    raise errors.UsageError(
      f"--speed has {len(speeds)} speeds, expected at most {_MOST_SPEEDS}; make"
      " them in several runs"
    )
  names = [default_lib.clip_name(stem, speed) for speed in speeds]
  for i, name in enumerate(names):
    if name in names[:i]:
      other = speeds[names.index(name)]
      raise errors.UsageError(
        f"--speed {speeds[i]:g} and {other:g} would both be written as"
        f" '{name}'; give speeds that differ by 0.01 m/s"
      )
  return names


def load_clips(
  paths: Sequence[str], robot: robots.RobotDescription
) -> list[clip_lib.MotionClip]:
  """The clips at the paths or in folders, or those shipped for the robot.

  Raises:
    UsageError: for a folder without clips.
    ClipError: for a clip that cannot be used, or is another robot's.
  """
  files: list[pathlib.Path] = []
  for path in map(pathlib.Path, paths or [robot.clips]):
    inside = sorted(path.glob("*.npz")) if path.is_dir() else [path]
    if not inside:
      raise errors.UsageError(f"{path}: no clip (*.npz) in this folder")
    files += inside
  return [clip_lib.load(file, robot) for file in files]


def progress(items: Iterable[T], what: str) -> Iterator[T]:
  """The items, with a progress bar where a person watches."""
  yield from tqdm.tqdm(
    items, desc=what, leave=False, disable=not sys.stderr.isatty()
  )


def override(
  options: Any,
  settings: list[str],
  limits: Mapping[str, tuple[float, float]],
) -> Any:
  """A dataclass of numbers with `key=value` settings applied.

  Args:
    options: the dataclass.
    settings: as typed.
    limits: smallest and largest value of each key.

  Raises:
    UsageError: for an unknown key, or a value that is no number in its range.
  """
  changes = {}
  for setting in settings:
    key, _, value = setting.partition("=")
    if key not in limits:
      raise errors.UsageError(
        f"--set {echo.short(setting)}: unknown key '{echo.short(key)}';"
        f" {cli.nearest(key, limits)}"
      )
    whole = isinstance(getattr(options, key), int)
    may_be = (ranges.Whole if whole else ranges.Number)(*limits[key])
    try:
      changes[key] = typed_flags.read(value, may_be)
    except ValueError as error:
      raise errors.UsageError(
        f"--set {key}={echo.short(value)}: {error}"
      ) from error
  return dataclasses.replace(options, **changes)


def store(
  made: Iterable[clip_lib.MotionClip],
  args: types.SimpleNamespace,
  notes: tuple[str, ...] = (),
) -> Result:
  """Writes the clips that pass their gates, or all when forced."""
  robot = robot_of(args)
  rest = "--trim" if hasattr(args, "trim") else "`motion trim`"
  results, failures, written = [], [], set()
  for clip in made:
    if clip.name in written:
      raise errors.UsageError(
        f"two clips are called '{echo.short(clip.name)}', and one would be"
        " written over the other; rename a file, or write to another folder"
      )
    written.add(clip.name)
    clip, reasons = assessed(clip, robot)
    results.append(clip)
    if reasons and not args.force:
      failures.append(
        f"{clip.name} is refused: "
        + "; ".join(
          [*reasons, *bad_frames(clip, robot, rest), "--force keeps it"]
        )
      )
    else:
      path = pathlib.Path(args.output) / f"{clip.name}.npz"
      clip_lib.save(path, clip)
  steps = (
    ("motion", "view", *named(args), args.output),
    ("train", *named(args), f"--reference={args.output}"),
  )
  result = clip_result(results, tuple(failures), notes)
  return dataclasses.replace(result, next=steps)


def assessed(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> tuple[clip_lib.MotionClip, tuple[str, ...]]:
  """The clip with its tier and metrics, and why it is refused, if it is."""
  clip, report = default_lib.assessed(clip, robot)
  overlaps = [
    f"{what} by {-np.min(gap):.3g} m"
    for what, gap in (
      ("the legs overlap", collision.leg_gap(clip.qpos, robot)),
      ("arms and thighs overlap", collision.arm_gap(clip.qpos, robot)),
    )
    if np.min(gap) < 0
  ]
  if not overlaps:
    return clip, report.reasons
  clip = dataclasses.replace(clip, meta={**clip.meta, "tier": "refused"})
  return clip, (*report.reasons, *overlaps)


def bad_frames(
  clip: clip_lib.MotionClip, robot: robots.Robot, rest: str | None = None
) -> list[str]:
  """What names the worst stretches of an open clip, and what helps, if any.

  Args:
    clip: that was refused.
    robot: the robot.
    rest: what keeps the other frames; None where nothing does.
  """
  if clip.cyclic:
    return []
  found = frames.stretches(clip, robot)
  found.sort(key=lambda stretch: stretch.start - stretch.end)
  if not found:
    return []
  named = "; ".join(map(str, found[:_MOST_STRETCHES]))
  more = len(found) - _MOST_STRETCHES
  tail = f" and {more} more" if more > 0 else ""
  remedies = (
    [f"{rest} keeps the rest"] if rest and _is_good(clip, found) else []
  )
  if any(stretch.reason == frames.TWISTING for stretch in found):
    remedies.append("--set turning=0.2 walks straighter")
  return [f"{named}{tail}", *remedies]


def _is_good(
  clip: clip_lib.MotionClip, found: Sequence[frames.Stretch]
) -> bool:
  """Whether a piece that is long enough lies outside of the bad stretches."""
  bad = np.zeros(clip.num_frames, bool)
  for stretch in found:
    bad[stretch.start : stretch.end] = True
  least = trim.SHORTEST * clip.fps
  return any(end - start >= least for start, end in spans.of(~bad))


def clip_result(
  clips: list[clip_lib.MotionClip],
  failures: tuple[str, ...] = (),
  notes: tuple[str, ...] = (),
) -> Result:
  """A table of clips."""
  return Result(
    tables.HEADINGS,
    [tables.clip_row(clip) for clip in clips],
    [tables.clip_record(clip) for clip in clips],
    failures,
    notes,
  )
