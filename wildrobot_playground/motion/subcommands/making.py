"""Subcommands that make clips: generate, import, retarget, default."""

import argparse
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

from wildrobot_playground import features, robots
from wildrobot_playground.motion import axes, human, importers, walk_generator
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import shipped as default_lib
from wildrobot_playground.motion.edit import trim
from wildrobot_playground.motion.importers import gmr
from wildrobot_playground.motion.retargeting import from_clip, recording
from wildrobot_playground.motion.subcommands import common

_CADENCES = (0.5, 3.0)
_speed = common.number(-10, 10)  # m/s; what makes the clip knows more
_ONE_SPEED = (
  "at one speed, the natural one; --speed 0.1 0.2 0.3 0.4 0.5 0.6 makes a walk"
  " for each speed that the robot is told"
)
# What an importer found out, in the order to be shown.
_FOUND = (
  "format",
  "skeleton",
  "layout",
  "unit",
  "up",
  "forward",
  "rest_frames",
  "joint_order",
  "licence",
)


def generate(args: argparse.Namespace) -> common.Result:
  """Generates walking at each speed."""
  robot = common.robot_of(args)
  options = walk_generator.scaled(robot)
  if args.cadence is not None:
    options = dataclasses.replace(
      options, cycle_time=1 / args.cadence, cycle_time_slope=0.0
    )
  if args.step_height is not None:
    options = dataclasses.replace(
      options, clearance=args.step_height, clearance_slope=0.0
    )
  options = common.override(options, args.set, walk_generator.RANGES)
  names = common.names_at_speeds("generated_walk", args.speed)
  clips = (
    walk_generator.generate(speed, name, robot, options)
    for speed, name in common.progress(
      list(zip(args.speed, names, strict=True)), "generating"
    )
  )
  return common.store(clips, args)


def take(args: argparse.Namespace) -> common.Result:
  """Imports a recording, and retargets it where it is a human's."""
  stem = args.name or pathlib.Path(args.source).stem
  names = common.names_at_speeds(stem, args.speed or [])
  robot = common.robot_of(args)
  told = importers.Conventions(
    args.fps, args.unit, args.up, args.quat, args.joint_order
  )
  found = importers.load(args.source, robot, args.format, told)
  options = recording.scaled(robot)
  if isinstance(found, clip_lib.MotionClip):
    notes = (_describe(found.meta.get("source", {}), found),)
    if not (args.speed or args.clean):
      return common.store(_trimmed(iter([found]), args, robot), args, notes)
    options = from_clip.own_options(found, robot)
    found = from_clip.as_human(found, robot)
  else:
    notes = (_describe(found.source, found),)
  if not args.speed:
    notes += (_ONE_SPEED,)
  options = common.override(options, args.set, recording.RANGES)
  speeds = list(zip(args.speed or [], names, strict=True))
  clips = _retargeted(found, stem, speeds, robot, options)
  return common.store(_trimmed(clips, args, robot), args, notes)


def default(args: argparse.Namespace) -> common.Result:
  """Rebuilds the reference folder."""
  clips = default_lib.write(
    args.source, args.output, args.velocity_mode, common.robot_of(args)
  )
  return common.clip_result(clips)


def _retargeted(
  motion: human.HumanMotion,
  stem: str,
  speeds: list[tuple[float, str]],
  robot: robots.Robot,
  options: recording.Options,
) -> Iterator[clip_lib.MotionClip]:
  """A clip for each speed and its name, or one at the natural speed."""
  if not speeds:
    yield recording.follow(motion, stem, robot, None, options)
    return
  for speed, name in common.progress(speeds, "retargeting"):
    yield recording.follow(motion, name, robot, speed, options)


def _trimmed(
  clips: Iterator[clip_lib.MotionClip],
  args: argparse.Namespace,
  robot: robots.Robot,
) -> Iterator[clip_lib.MotionClip]:
  """The clips, or their good pieces when asked for."""
  for clip in clips:
    if not args.trim:
      yield clip
      continue
    pieces = trim.good_pieces(clip, robot)
    if not pieces:
      raise common.CommandError(
        f"{clip.name}: no {trim.SHORTEST:g} s in a row pass the gates;"
        f"{common.bad_frames(clip, robot)}"
      )
    yield from pieces


def _describe(
  source: dict[str, object], motion: human.HumanMotion | clip_lib.MotionClip
) -> str:
  """One line: what the file is, as far as could be told."""
  told = ", ".join(f"{key} {source[key]}" for key in _FOUND if key in source)
  seconds = motion.num_frames / motion.fps
  return (
    f"{source.get('file', 'clip')}: {told}; {motion.num_frames} frames at"
    f" {motion.fps:.4g} fps, {seconds:.2f} s"
  )


def _generate_flags(parser: argparse.ArgumentParser) -> None:
  parser.add_argument("--speed", nargs="+", type=_speed, required=True)
  parser.add_argument(
    "--cadence",
    type=common.number(*_CADENCES),
    metavar="HZ",
    help="cycles of two steps a second",
  )
  parser.add_argument(
    "--step_height",
    type=common.number(*walk_generator.RANGES["clearance"]),
    metavar="M",
    help="of the swinging sole",
  )
  _settings(parser, walk_generator.Options)
  common.output(parser)


def _take_flags(parser: argparse.ArgumentParser) -> None:
  parser.add_argument(
    "source", help="DeepMimic .txt, BVH, AMASS .npz, GMR or AMP .pkl, or a clip"
  )
  parser.add_argument("--name", help="of the clips; the file's by default")
  parser.add_argument("--format", default="auto", choices=importers.FORMATS)
  parser.add_argument(
    "--speed", nargs="+", type=_speed, help="by default the natural one [m/s]"
  )
  parser.add_argument(
    "--trim", action="store_true", help="keep the stretches that are good"
  )
  parser.add_argument(
    "--clean",
    action="store_true",
    help="place the feet of a robot's motion anew",
  )
  parser.add_argument(
    "--fps", type=common.number(*clip_lib.RATES), help="of the file"
  )
  parser.add_argument("--unit", default="auto", help="/".join(axes.UNITS))
  parser.add_argument("--up", default="auto", help="axis, such as y or -z")
  parser.add_argument("--quat", default="xyzw", choices=gmr.QUATERNIONS)
  parser.add_argument(
    "--joint_order",
    default="contract",
    help=f"{', '.join(gmr.JOINT_ORDERS)}, or names with commas",
  )
  _settings(parser, recording.Options)
  common.output(parser)


def _default_flags(parser: argparse.ArgumentParser) -> None:
  parser.add_argument("--source", metavar="FILE", help="DeepMimic walk")
  parser.add_argument("--output", metavar="DIR", help="the reference folder")
  velocity_mode(parser)


def _settings(parser: argparse.ArgumentParser, options: Any) -> None:
  keys = ", ".join(field.name for field in dataclasses.fields(options))
  parser.add_argument(
    "--set", action="append", default=[], metavar="KEY=VALUE", help=keys
  )


def velocity_mode(parser: argparse.ArgumentParser) -> None:
  """Adds what becomes of the root's velocity in features."""
  parser.add_argument(
    "--velocity_mode",
    default="direction",
    choices=features.VELOCITY_MODES,
    help="what becomes of the root's velocity",
  )


COMMANDS = (
  common.Command("generate", generate, _generate_flags),
  common.Command("import", take, _take_flags),
  common.Command("retarget", take, _take_flags),
  common.Command("default", default, _default_flags),
)
