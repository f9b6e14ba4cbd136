"""Subcommands that change clips: mirror, resample, trim, scale, loop."""

import dataclasses
import pathlib
import types

from absl import flags

from wildrobot_playground.config import ranges, typed_flags
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import exporters as export_lib
from wildrobot_playground.motion.edit import close_loop as loop_lib
from wildrobot_playground.motion.edit import mirror as mirror_lib
from wildrobot_playground.motion.edit import resample as resample_lib
from wildrobot_playground.motion.edit import retime
from wildrobot_playground.motion.edit import trim as trim_lib
from wildrobot_playground.motion.subcommands import common
from wildrobot_playground.system import commands, errors


def mirror(args: types.SimpleNamespace) -> common.Result:
  """Mirrors clips."""
  robot = common.robot_of(args)
  clips = [
    mirror_lib.mirror(clip, robot)
    for clip in common.load_clips(args.clips, robot.description)
  ]
  return common.store(clips, args)


def resample(args: types.SimpleNamespace) -> common.Result:
  """Brings clips to another frame rate."""
  robot = common.robot_of(args)
  clips = [
    resample_lib.resample(clip, args.fps, robot)
    for clip in common.load_clips(args.clips, robot.description)
  ]
  return common.store(clips, args)


def trim(args: types.SimpleNamespace) -> common.Result:
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
      raise errors.UsageError(
        "; ".join(
          [
            f"{clip.name}: no {args.shortest:g} s in a row pass the gates",
            *common.bad_frames(clip, robot),
          ]
        )
      )
    pieces += good
  return common.store(pieces, args)


def scale(args: types.SimpleNamespace) -> common.Result:
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


def loop(args: types.SimpleNamespace) -> common.Result:
  """Finds a gait cycle in each clip and closes it."""
  robot = common.robot_of(args)
  clips = [
    loop_lib.close(clip, robot)
    for clip in common.load_clips(args.clips, robot.description)
  ]
  return common.store(clips, args)


def export(args: types.SimpleNamespace) -> common.Result:
  """Writes clips as GMR motion (.pkl)."""
  robot = common.robot_of(args)
  clips = common.load_clips(args.clips, robot.description)
  for clip in clips:
    export_lib.gmr(pathlib.Path(args.output) / f"{clip.name}.pkl", clip)
  return common.clip_result(clips)


_RESAMPLE = (
  *common.STORE,
  typed_flags.number("fps", "Frame rate.", common.RATE),
)
_SECONDS = ranges.Number(0, 1e5, "s")
_TRIM = (
  *common.STORE,
  typed_flags.number("start", "First second that is kept.", _SECONDS),
  typed_flags.number("end", "Last second that is kept.", _SECONDS),
  typed_flags.number(
    "shortest",
    "Of the stretches that are kept [s].",
    _SECONDS,
    trim_lib.SHORTEST,
  ),
)
_SCALE = (
  *common.STORE,
  typed_flags.numbers("speed", "Speeds [m/s].", common.SPEED),
  flags.EnumFlag(
    "method",
    "froude",
    "Share the speed among cadence and stride, or run through faster.",
    ["froude", "plain"],
  ),
)
_EXPORT = (*common.SHARED, typed_flags.text("output", "Folder of the files."))

_CLIPS, _OUTPUT = common.CLIPS, ("output",)
COMMANDS = (
  commands.Command("mirror", mirror, common.STORE, _CLIPS, _OUTPUT),
  commands.Command("resample", resample, _RESAMPLE, _CLIPS, ("fps", "output")),
  commands.Command("trim", trim, _TRIM, _CLIPS, _OUTPUT),
  commands.Command("scale", scale, _SCALE, _CLIPS, ("speed", "output")),
  commands.Command("loop", loop, common.STORE, _CLIPS, _OUTPUT),
  commands.Command("export", export, _EXPORT, _CLIPS, _OUTPUT),
)
