"""Subcommands that show clips: render, plot, view, realize."""

import argparse
import dataclasses
import pathlib

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.edit import play_physics as realize_lib
from wildrobot_playground.motion.show import plot as plot_lib
from wildrobot_playground.motion.show import render as render_lib
from wildrobot_playground.motion.show import tables
from wildrobot_playground.motion.show import viewer as viewer_lib
from wildrobot_playground.motion.subcommands import common
from wildrobot_playground.system import stopping
from wildrobot_playground.web import address

_FILMS = (".mp4",)
_PICTURES = (".png",)


def render(args: argparse.Namespace) -> common.Result:
  """Draws clips: a contact sheet (.png) or a film (.mp4)."""
  robot = common.robot_of(args)
  clips = common.load_clips(args.clips, robot.description)
  suffix = pathlib.Path(args.output).suffix.lower()
  if suffix in _PICTURES:
    render_lib.contact_sheet(clips, args.output, robot, args.count, args.camera)
  elif suffix in _FILMS:
    render_lib.film(clips, args.output, robot, args.seconds, args.camera)
  else:
    raise common.CommandError(
      f"--output {args.output}: expected a name that ends in"
      f" {', '.join(_PICTURES + _FILMS)}"
    )
  step = ("open", args.output)
  return dataclasses.replace(common.clip_result(clips), next=(step,))


def plot(args: argparse.Namespace) -> common.Result:
  """Draws the curves of clips: joints, feet, contacts, torques (.png)."""
  robot = common.robot_of(args)
  clips = common.load_clips(args.clips, robot.description)
  plot_lib.curves(clips, args.output, robot)
  step = ("open", args.output)
  return dataclasses.replace(common.clip_result(clips), next=(step,))


def view(args: argparse.Namespace) -> common.Result:
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


def realize(args: argparse.Namespace) -> common.Result:
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


def _render_flags(parser: argparse.ArgumentParser) -> None:
  common.clips(parser)
  parser.add_argument("--output", required=True, metavar="PNG or MP4")
  parser.add_argument(
    "--camera", default="side", choices=tuple(render_lib.CAMERAS)
  )
  parser.add_argument(
    "--count",
    type=common.number(1, 100, int),
    default=10,
    help="pictures in a row",
  )
  parser.add_argument(
    "--seconds",
    type=common.number(0.02, 600),
    default=6.0,
    help="length of a film",
  )


def _plot_flags(parser: argparse.ArgumentParser) -> None:
  common.clips(parser)
  parser.add_argument("--output", required=True, metavar="PNG")


def _view_flags(parser: argparse.ArgumentParser) -> None:
  common.clips(parser)
  parser.add_argument(
    "--port",
    type=int,
    help=f"the first free one from {address.DEFAULT_PORT} on by default",
  )


def _realize_flags(parser: argparse.ArgumentParser) -> None:
  common.clips(parser)
  cap = realize_lib.Options().help_cap
  parser.add_argument(
    "--help_cap",
    type=common.number(0, 10),
    default=cap,
    metavar="WEIGHTS",
    help=f"most that the stabiliser pushes, over the weight ({cap:g})",
  )
  parser.add_argument(
    "--output", metavar="DIR", help="keep the motions with physics"
  )


COMMANDS = (
  common.Command("render", render, _render_flags),
  common.Command("plot", plot, _plot_flags),
  common.Command("view", view, _view_flags),
  common.Command("realize", realize, _realize_flags),
)
