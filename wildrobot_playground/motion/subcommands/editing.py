"""Subcommands that change clips: mirror, resample, trim, scale, loop."""

import argparse
import dataclasses
import pathlib

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import exporters as export_lib
from wildrobot_playground.motion.edit import close_loop as loop_lib
from wildrobot_playground.motion.edit import mirror as mirror_lib
from wildrobot_playground.motion.edit import resample as resample_lib
from wildrobot_playground.motion.edit import retime
from wildrobot_playground.motion.edit import trim as trim_lib
from wildrobot_playground.motion.subcommands import common

_seconds = common.number(0, 1e5)
_speed = common.number(-10, 10)  # m/s; what scales the clip knows more


def mirror(args: argparse.Namespace) -> common.Result:
  """Mirrors clips."""
  robot = common.robot_of(args)
  clips = [
    mirror_lib.mirror(clip, robot)
    for clip in common.load_clips(args.clips, robot.description)
  ]
  return common.store(clips, args)


def resample(args: argparse.Namespace) -> common.Result:
  """Brings clips to another frame rate."""
  robot = common.robot_of(args)
  clips = [
    resample_lib.resample(clip, args.fps, robot)
    for clip in common.load_clips(args.clips, robot.description)
  ]
  return common.store(clips, args)


def trim(args: argparse.Namespace) -> common.Result:
  """Cuts clips to a range of seconds, or to the stretches that pass."""
  robot = common.robot_of(args)
  pieces: list[clip_lib.MotionClip] = []
  for clip in common.load_clips(args.clips, robot.description):
    if args.start is not None or args.end is not None:
      start = round((args.start or 0.0) * clip.fps)
      last = clip.num_frames / clip.fps if args.end is None else args.end
      pieces.append(trim_lib.cut(clip, start, round(last * clip.fps)))
      continue
    good = trim_lib.good_pieces(clip, robot, args.shortest)
    if not good:
      raise common.CommandError(
        f"{clip.name}: no {args.shortest:g} s in a row pass the gates;"
        f"{common.bad_frames(clip, robot)}"
      )
    pieces += good
  return common.store(pieces, args)


def scale(args: argparse.Namespace) -> common.Result:
  """Brings clips to other speeds."""
  robot = common.robot_of(args)
  method = {"froude": retime.froude, "plain": retime.plain}[args.method]
  clips = (
    dataclasses.replace(method(clip, speed, robot), name=name)
    for clip in common.load_clips(args.clips, robot.description)
    for speed, name in common.progress(
      list(
        zip(
          args.speed,
          common.names_at_speeds(clip.name, args.speed),
          strict=True,
        )
      ),
      clip.name,
    )
  )
  return common.store(clips, args)


def loop(args: argparse.Namespace) -> common.Result:
  """Finds a gait cycle in each clip and closes it."""
  robot = common.robot_of(args)
  clips = [
    loop_lib.close(clip, robot)
    for clip in common.load_clips(args.clips, robot.description)
  ]
  return common.store(clips, args)


def export(args: argparse.Namespace) -> common.Result:
  """Writes clips as GMR motion (.pkl)."""
  robot = common.robot_of(args)
  clips = common.load_clips(args.clips, robot.description)
  for clip in clips:
    export_lib.gmr(pathlib.Path(args.output) / f"{clip.name}.pkl", clip)
  return common.clip_result(clips)


def _edit_flags(parser: argparse.ArgumentParser) -> None:
  common.clips(parser)
  common.output(parser)


def _resample_flags(parser: argparse.ArgumentParser) -> None:
  _edit_flags(parser)
  parser.add_argument(
    "--fps", type=common.number(*clip_lib.RATES), required=True
  )


def _trim_flags(parser: argparse.ArgumentParser) -> None:
  _edit_flags(parser)
  parser.add_argument("--start", type=_seconds, metavar="SECONDS")
  parser.add_argument("--end", type=_seconds, metavar="SECONDS")
  parser.add_argument(
    "--shortest",
    type=_seconds,
    default=trim_lib.SHORTEST,
    metavar="SECONDS",
    help="of the stretches that are kept",
  )


def _scale_flags(parser: argparse.ArgumentParser) -> None:
  _edit_flags(parser)
  parser.add_argument(
    "--speed", nargs="+", type=_speed, required=True, help="[m/s]"
  )
  parser.add_argument(
    "--method",
    default="froude",
    choices=("froude", "plain"),
    help="share the speed among cadence and stride, or run through faster",
  )


def _export_flags(parser: argparse.ArgumentParser) -> None:
  common.clips(parser)
  parser.add_argument("--output", required=True, metavar="DIR")


COMMANDS = (
  common.Command("mirror", mirror, _edit_flags),
  common.Command("resample", resample, _resample_flags),
  common.Command("trim", trim, _trim_flags),
  common.Command("scale", scale, _scale_flags),
  common.Command("loop", loop, _edit_flags),
  common.Command("export", export, _export_flags),
)
