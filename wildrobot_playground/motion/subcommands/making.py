"""Subcommands that make clips: generate, import, retarget, default."""

import dataclasses
import pathlib
import types
from collections.abc import Iterator
from typing import Any

from absl import flags

from wildrobot_playground import features, robots
from wildrobot_playground.config import ranges, typed_flags
from wildrobot_playground.motion import (
  axes,
  human,
  importers,
  walk_generator,
  walk_options,
)
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import shipped as default_lib
from wildrobot_playground.motion.edit import trim
from wildrobot_playground.motion.importers import gmr, skeleton
from wildrobot_playground.motion.retargeting import from_clip, recording
from wildrobot_playground.motion.subcommands import common
from wildrobot_playground.system import commands, echo, errors

_ONE_SPEED = (
  "at one speed, the natural one; --speed 0.1 0.2 0.3 0.4 0.5 0.6 makes a walk"
  " for each speed that the robot is told"
)
# What an importer found out, in the order to be shown.
_FOUND = (
  "format",
  "layout",
  "unit",
  "up",
  "forward",
  "rest_frames",
  "joint_order",
  "licence",
)


def generate(args: types.SimpleNamespace) -> common.Result:
  """Generates walking at each speed."""
  robot = common.robot_of(args)
  options = walk_options.scaled(robot)
  if args.cadence is not None:
    options = dataclasses.replace(
      options, cycle_time=1 / args.cadence, cycle_time_slope=0.0
    )
  if args.step_height is not None:
    options = dataclasses.replace(
      options, clearance=args.step_height, clearance_slope=0.0
    )
  options = common.override(options, args.set, walk_options.RANGES)
  names = common.names_at_speeds("generated_walk", args.speed)
  clips = (
    walk_generator.generate(speed, name, robot, options)
    for speed, name in common.progress(
      list(zip(args.speed, names, strict=True)), "generating"
    )
  )
  return common.store(clips, args)


def take(args: types.SimpleNamespace) -> common.Result:
  """Imports a recording, and retargets it where it is a human's."""
  (source,) = args.source
  stem = args.name or pathlib.Path(source).stem
  names = common.names_at_speeds(stem, args.speed or [])
  robot = common.robot_of(args)
  told = importers.Conventions(
    args.fps,
    args.unit,
    args.up,
    args.quat,
    args.joint_order,
    _joints(args.map),
  )
  found = importers.load(source, robot, args.format, told)
  options = recording.scaled(robot)
  if isinstance(found, clip_lib.MotionClip):
    notes = (_describe(found.meta.get("source", {}), found),)
    if not (args.speed or args.clean):
      return common.store(_trimmed(iter([found]), args, robot), args, notes)
    options = from_clip.own_options(found, robot)
    found = from_clip.as_human(found, robot)
  else:
    notes = (_describe(found.source, found), *_doubts(found.source))
  if not args.speed:
    notes += (_ONE_SPEED,)
  options = common.override(options, args.set, recording.RANGES)
  speeds = list(zip(args.speed or [], names, strict=True))
  clips = _retargeted(found, stem, speeds, robot, options)
  return common.store(_trimmed(clips, args, robot), args, notes)


def default(args: types.SimpleNamespace) -> common.Result:
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
  args: types.SimpleNamespace,
  robot: robots.Robot,
) -> Iterator[clip_lib.MotionClip]:
  """The clips, or their good pieces when asked for."""
  for clip in clips:
    if not args.trim:
      yield clip
      continue
    pieces = trim.good_pieces(clip, robot)
    if not pieces:
      raise errors.UsageError(
        "; ".join(
          [
            f"{clip.name}: no {trim.SHORTEST:g} s in a row pass the gates",
            *common.bad_frames(clip, robot),
          ]
        )
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


def _doubts(source: dict[str, Any]) -> tuple[str, ...]:
  """What was found of a person's joints, and what is not clear, a line each."""
  joints = source.get("skeleton")
  said = (f"skeleton: {skeleton.described(joints)}",) if joints else ()
  return (*said, *(f"note: {doubt}" for doubt in source.get("doubts", ())))


def _joints(settings: list[str]) -> dict[str, str]:
  """A person's joints, as told by `--map`.

  Raises:
    UsageError: for one that is no ROLE=NAME.
  """
  joints = {}
  for setting in settings:
    role, equals, name = setting.partition("=")
    if not equals or not name:
      raise errors.UsageError(
        f"--map {echo.short(setting)}: expected ROLE=NAME, such as"
        f" {skeleton.ROLES[-1]}=LeftHand"
      )
    joints[role.strip()] = name.strip()
  return joints


def _settings(options: Any) -> flags.Flag:
  """The flag of keys that change a dataclass."""
  keys = ", ".join(field.name for field in dataclasses.fields(options))
  return typed_flags.texts("set", f"KEY=VALUE; keys are {keys}")


_GENERATE = (
  *common.STORE,
  typed_flags.numbers("speed", "Speeds [m/s].", common.SPEED),
  typed_flags.number(
    "cadence", "Cycles of two steps a second.", ranges.Number(0.5, 3, "Hz")
  ),
  typed_flags.number(
    "step_height",
    "Of the swinging sole [m].",
    ranges.Number(*walk_options.RANGES["clearance"], "m"),
  ),
  _settings(walk_options.Options),
)
_TAKE = (
  *common.STORE,
  typed_flags.text("name", "Of the clips; the file's by default."),
  flags.EnumFlag("format", "auto", "Of the file.", list(importers.FORMATS)),
  typed_flags.numbers(
    "speed", "Speeds [m/s]; the natural one by default.", common.SPEED
  ),
  flags.BooleanFlag("trim", False, "Keep the stretches that are good."),
  flags.BooleanFlag("clean", False, "Place the feet of a robot's motion anew."),
  typed_flags.number("fps", "Frame rate of the file.", common.RATE),
  typed_flags.text("unit", f"{'/'.join(axes.UNITS)}.", "auto"),
  typed_flags.text("up", "Axis, such as y or -z.", "auto"),
  flags.EnumFlag(
    "quat", "xyzw", "Order of quaternions.", list(gmr.QUATERNIONS)
  ),
  typed_flags.text(
    "joint_order",
    f"{', '.join(gmr.JOINT_ORDERS)}, or names with commas.",
    "contract",
  ),
  typed_flags.texts(
    "map",
    f"ROLE=NAME of a person's joint; roles are {', '.join(skeleton.ROLES)}.",
  ),
  _settings(recording.Options),
)
VELOCITY_MODE = flags.EnumFlag(
  "velocity_mode",
  "direction",
  "What becomes of the root's velocity.",
  list(features.VELOCITY_MODES),
)
_DEFAULT = (
  *common.SHARED,
  typed_flags.text("source", "DeepMimic walk."),
  typed_flags.text("output", "The reference folder; the robot's by default."),
  VELOCITY_MODE,
)
_SOURCE = commands.Words(
  "source",
  "DeepMimic .txt, BVH, AMASS .npz, GMR or AMP .pkl, or a clip",
  most=1,
)

COMMANDS = (
  commands.Command(
    "generate", generate, _GENERATE, required=("speed", "output")
  ),
  commands.Command("import", take, _TAKE, _SOURCE, ("output",)),
  commands.Command("retarget", take, _TAKE, _SOURCE, ("output",)),
  commands.Command("default", default, _DEFAULT),
)
