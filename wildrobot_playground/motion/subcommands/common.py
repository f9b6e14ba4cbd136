"""What the subcommands share: results, options, storing what passes."""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tqdm

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import shipped as default_lib
from wildrobot_playground.motion.quality import collision, frames
from wildrobot_playground.motion.show import tables
from wildrobot_playground.robots import WILDROBOT, catalog
from wildrobot_playground.system import echo

_MOST_STRETCHES = 4  # of bad frames, in a message
_MOST_SPEEDS = 200
T = TypeVar("T")


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
    notes: lines below the table.
    next: what to do then; see `cli.say_next`.
  """

  headings: tuple[str, ...]
  rows: list[tuple[str, ...]]
  records: list[dict[str, Any]]
  failures: tuple[str, ...] = ()
  notes: tuple[str, ...] = ()
  next: tuple[tuple[str, ...], ...] = ()


@dataclasses.dataclass(frozen=True)
class Command:
  """A subcommand.

  Attributes:
    name: as typed.
    run: takes the parsed arguments; its docstring is the help.
    add_flags: adds its flags to a parser.
  """

  name: str
  run: Callable[[argparse.Namespace], Result]
  add_flags: Callable[[argparse.ArgumentParser], None]


def robot_flag(parser: argparse.ArgumentParser) -> None:
  """Adds whose motion it is."""
  parser.add_argument(
    "--robot",
    default=WILDROBOT.name,
    metavar="NAME or DIR",
    help=f"{', '.join(catalog.names())}, or a folder with a robot.toml",
  )


def robot_of(args: argparse.Namespace) -> robots.Robot:
  """The robot that is asked for.

  Raises:
    UsageError: for a name that is none, or a folder without a robot.
  """
  return robots.of(catalog.find(args.robot))


def named(args: argparse.Namespace) -> tuple[str, ...]:
  """The flag that names the robot, in what is to be done next."""
  return () if args.robot == WILDROBOT.name else (f"--robot={args.robot}",)


def clips(parser: argparse.ArgumentParser, number: str = "+") -> None:
  """Adds the clips that a command works on."""
  parser.add_argument(
    "clips",
    nargs=number,
    help="the shipped ones by default"
    if number == "*"
    else "clips (.npz) or folders",
  )


def output(parser: argparse.ArgumentParser) -> None:
  """Adds where clips go, and whether refused ones are kept."""
  parser.add_argument("--output", required=True, metavar="DIR")
  parser.add_argument("--force", action="store_true", help="keep refused clips")


def number(
  low: float, high: float, kind: type[float] | type[int] = float
) -> Callable[[str], float]:
  """What reads a flag's number, and refuses one outside of low to high."""

  def read(text: str) -> float:
    try:
      value = kind(text)
    except (ValueError, OverflowError):
      value = float("nan")
    if not low <= value <= high:
      raise argparse.ArgumentTypeError(
        f"is '{echo.short(text)}', expected {low:g} to {high:g}"
      )
    return value

  return read


def names_at_speeds(stem: str, speeds: Sequence[float]) -> list[str]:
  """A clip's name at each speed.

  Raises:
    CommandError: for speeds that share a name, too many of them, or a stem that
      is no file name.
  """
  if pathlib.PurePath(stem).name != stem or len(stem) > 200:
    raise CommandError(
      f"'{echo.short(stem)}' is no name of a clip, expected one without"
      " folders; name them with --output"
    )
  if len(speeds) > _MOST_SPEEDS:
    raise CommandError(
      f"--speed has {len(speeds)} speeds, expected at most {_MOST_SPEEDS}; make"
      " them in several runs"
    )
  names = [default_lib.clip_name(stem, speed) for speed in speeds]
  for i, name in enumerate(names):
    if name in names[:i]:
      other = speeds[names.index(name)]
      raise CommandError(
        f"--speed {speeds[i]:g} and {other:g} would both be written as"
        f" '{name}'; give speeds that differ by 0.01 m/s"
      )
  return names


def load_clips(
  paths: Sequence[str], robot: robots.RobotDescription
) -> list[clip_lib.MotionClip]:
  """The clips at the paths or in folders, or those shipped for the robot.

  Raises:
    CommandError: for a folder without clips.
    ClipError: for a clip that cannot be used, or is another robot's.
  """
  files: list[pathlib.Path] = []
  for path in map(pathlib.Path, paths or [robot.clips]):
    inside = sorted(path.glob("*.npz")) if path.is_dir() else [path]
    if not inside:
      raise CommandError(f"{path}: no clip (*.npz) in this folder")
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
  ranges: Mapping[str, tuple[float, float]],
) -> Any:
  """A dataclass of numbers with `key=value` settings applied.

  Args:
    options: the dataclass.
    settings: as typed.
    ranges: smallest and largest value of each key.

  Raises:
    CommandError: for an unknown key, or a value that is no number in its range.
  """
  changes = {}
  for setting in settings:
    key, _, value = setting.partition("=")
    if key not in ranges:
      raise CommandError(
        f"--set {echo.short(setting)}: unknown key '{echo.short(key)}'; choose"
        f" one of {', '.join(ranges)}"
      )
    kind = type(getattr(options, key))
    try:
      changes[key] = number(*ranges[key], kind)(value)
    except argparse.ArgumentTypeError as e:
      raise CommandError(f"--set {key}: {e}, a {kind.__name__}") from e
  return dataclasses.replace(options, **changes)


def store(
  made: Iterable[clip_lib.MotionClip],
  args: argparse.Namespace,
  notes: tuple[str, ...] = (),
) -> Result:
  """Writes the clips that pass their gates, or all when forced."""
  robot = robot_of(args)
  rest = "--trim" if hasattr(args, "trim") else "`motion trim`"
  results, failures, written = [], [], set()
  for clip in made:
    if clip.name in written:
      raise CommandError(
        f"two clips are called '{echo.short(clip.name)}', and one would be"
        " written over the other; rename a file, or write to another folder"
      )
    written.add(clip.name)
    clip, reasons = assessed(clip, robot)
    results.append(clip)
    if reasons and not args.force:
      failures.append(
        f"{clip.name} is refused: {'; '.join(reasons)};"
        f"{bad_frames(clip, robot, rest)} --force keeps it"
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
) -> str:
  """A clause that names the worst stretches of an open clip, or nothing.

  Args:
    clip: that was refused.
    robot: the robot.
    rest: what keeps the other frames; None where nothing does.
  """
  if clip.cyclic:
    return ""
  found = frames.stretches(clip, robot)
  found.sort(key=lambda stretch: stretch.start - stretch.end)
  if not found:
    return ""
  named = "; ".join(map(str, found[:_MOST_STRETCHES]))
  more = len(found) - _MOST_STRETCHES
  tail = f" and {more} more" if more > 0 else ""
  turns = any(stretch.reason == frames.TWISTING for stretch in found)
  hint = " --set turning=0.2 walks straighter," if turns else ""
  kept = f" {rest} keeps the rest," if rest else ""
  return f" {named}{tail};{kept}{hint}"


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
