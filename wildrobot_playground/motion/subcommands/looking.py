"""Subcommands that show clips: render, plot, view, realize."""

import dataclasses
import pathlib
import types

from absl import flags

from wildrobot_playground.config import ranges, typed_flags
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.edit import play_physics as realize_lib
from wildrobot_playground.motion.show import plot as plot_lib
from wildrobot_playground.motion.show import render as render_lib
from wildrobot_playground.motion.show import tables
from wildrobot_playground.motion.show import viewer as viewer_lib
from wildrobot_playground.motion.subcommands import common
from wildrobot_playground.system import commands, errors, stopping
from wildrobot_playground.web import address

_FILMS = (".mp4",)
_PICTURES = (".png",)


def render(args: types.SimpleNamespace) -> common.Result:
  """Draws clips: a contact sheet (.png) or a film (.mp4)."""
  robot = common.robot_of(args)
  clips = common.load_clips(args.clips, robot.description)
  suffix = pathlib.Path(args.output).suffix.lower()
  if suffix in _PICTURES:
    render_lib.contact_sheet(clips, args.output, robot, args.count, args.camera)
  elif suffix in _FILMS:
    render_lib.film(clips, args.output, robot, args.seconds, args.camera)
  else:
    raise errors.UsageError(
      f"--output {args.output}: expected a name that ends in"
      f" {', '.join(_PICTURES + _FILMS)}"
    )
  step = ("open", args.output)
  return dataclasses.replace(common.clip_result(clips), next=(step,))


def plot(args: types.SimpleNamespace) -> common.Result:
  """Draws the curves of clips: joints, feet, contacts, torques (.png)."""
  robot = common.robot_of(args)
  clips = common.load_clips(args.clips, robot.description)
  plot_lib.curves(clips, args.output, robot)
  step = ("open", args.output)
  return dataclasses.replace(common.clip_result(clips), next=(step,))


def view(args: types.SimpleNamespace) -> common.Result:
  """Plays clips beside each other in a browser."""
  listener = address.listen("127.0.0.1", args.port)
  robot = common.robot_of(args)
  clips = common.load_clips(args.clips, robot.description)
  viewer = viewer_lib.Viewer(clips, robot, listener)
  print(f"open {listener.url}; stop with Ctrl-C", flush=True)
  with stopping.StopRequest() as stop:
    viewer.run(stop.steps())
    viewer.close()
  return common.clip_result(clips)


def realize(args: types.SimpleNamespace) -> common.Result:
  """Plays clips through the servos, and says how much help they need."""
  robot = common.robot_of(args)
  options = realize_lib.Options(help_cap=args.help_cap)
  records = []
  clips = common.load_clips(args.clips, robot.description)
  for clip in common.progress(clips, "realizing"):
    found = realize_lib.realize(clip, robot, options)
    records.append({"clip": clip.name, **found.metrics})
    if args.output:
      path = pathlib.Path(args.output) / f"{found.clip.name}.npz"
      clip_lib.save(path, found.clip)
  rows = [tuple(map(tables.cell, record.values())) for record in records]
  falls = tuple(
    f"{record['clip']}: falls after {100 * record['survived']:.0f}% of its"
    f" time with at most {args.help_cap:g} of its weight as help"
    for record in records
    if record["survived"] < 1
  )
  return common.Result(tuple(records[0]), rows, records, falls)


_RENDER = (
  *common.SHARED,
  typed_flags.text("output", "Picture (.png) or film (.mp4)."),
  flags.EnumFlag("camera", "side", "From where.", list(render_lib.CAMERAS)),
  typed_flags.number("count", "Pictures in a row.", ranges.Whole(1, 100), 10),
  typed_flags.number(
    "seconds", "Length of a film [s].", ranges.Number(0.02, 600, "s"), 6.0
  ),
)
_PLOT = (*common.SHARED, typed_flags.text("output", "Picture (.png)."))
_VIEW = (
  *common.SHARED,
  typed_flags.number(
    "port",
    f"The first free one from {address.DEFAULT_PORT} on by default.",
    ranges.Whole(0, 65535),
  ),
)
_REALIZE = (
  *common.SHARED,
  typed_flags.number(
    "help_cap",
    "Most that the stabiliser pushes, over the weight.",
    ranges.Number(0, 10),
    realize_lib.Options().help_cap,
  ),
  typed_flags.text("output", "Folder to keep the motions with physics in."),
)

_CLIPS, _OUTPUT = common.CLIPS, ("output",)
COMMANDS = (
  commands.Command("render", render, _RENDER, _CLIPS, _OUTPUT),
  commands.Command("plot", plot, _PLOT, _CLIPS, _OUTPUT),
  commands.Command("view", view, _VIEW, _CLIPS),
  commands.Command("realize", realize, _REALIZE, _CLIPS),
)
