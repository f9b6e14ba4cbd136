"""Reference motion: `python -m wildrobot_playground.motion COMMAND ...`."""

import argparse
import json
import pathlib
import sys

from wildrobot_playground.amp import features
from wildrobot_playground.motion import build, commands, tables


class _Parser(argparse.ArgumentParser):
  """Reports a usage error as one line."""

  def error(self, message: str):
    raise commands.CommandError(f"{message}; see {self.prog} --help")


def main(argv: list[str] | None = None) -> int:
  """Runs one subcommand.

  Returns:
    0, or 2 after one line on standard error: an input that cannot be used, or
    a quality gate that failed.
  """
  try:
    args = _parser().parse_args(argv)
    result = args.run(args)
    print(tables.text(result.headings, result.rows))
    if args.json:
      content = json.dumps(result.records, indent=2) + "\n"
      pathlib.Path(args.json).write_text(content, encoding="utf-8")
  except (ValueError, OSError) as error:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    return 2
  if result.failures:
    more = len(result.failures) - 1
    tail = f" (and {more} more)" if more else ""
    print(f"error: {result.failures[0]}{tail}", file=sys.stderr)
    return 2
  return 0


def _parser() -> argparse.ArgumentParser:
  parser = _Parser(
    prog="python -m wildrobot_playground.motion",
    description="Makes, checks and collects WildRobot's reference motion.",
  )
  subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

  def add(run) -> argparse.ArgumentParser:
    summary = run.__doc__.splitlines()[0]
    sub = subparsers.add_parser(run.__name__, help=summary, description=summary)
    sub.add_argument("--json", metavar="FILE", help="also write the table here")
    sub.set_defaults(run=run)
    return sub

  for run in (commands.generate, commands.retarget, commands.mirror):
    _add_clip_flags(add(run), run.__name__)
  sub = add(commands.build)
  sub.add_argument("clips", nargs="*", help="the shipped ones by default")
  sub.add_argument("--output", required=True, metavar="FILE")
  sub.add_argument("--share", action="append", default=[], metavar="KIND=X")
  sub.add_argument("--include_standing", action="store_true")
  sub.add_argument(
    "--max_over_torque",
    type=float,
    default=build.MAX_OVER_TORQUE,
    metavar="SHARE",
    help="leave out clips with more of their frames beyond the servos' torque",
  )
  sub.add_argument("--force", action="store_true", help="take refused clips")
  _add_velocity_mode(sub)
  add(commands.validate).add_argument("files", nargs="+")
  sub = add(commands.analyze)
  sub.add_argument("clips", nargs="*", help="the shipped ones by default")
  sub.add_argument(
    "--command",
    nargs=2,
    type=float,
    default=(0.1, 0.6),
    metavar=("LOW", "HIGH"),
    help="commanded speeds to compare with [m/s]",
  )
  sub = add(commands.default)
  sub.add_argument("--source", metavar="FILE", help="DeepMimic walk")
  sub.add_argument("--output", metavar="DIR", help="the reference folder")
  _add_velocity_mode(sub)
  return parser


def _add_clip_flags(sub: argparse.ArgumentParser, name: str) -> None:
  """Flags of the commands that write clips."""
  if name == "retarget":
    sub.add_argument("source", help="DeepMimic motion (.txt), one cycle")
    sub.add_argument("--name", help="of the clips; the file's by default")
  if name == "mirror":
    sub.add_argument("clips", nargs="+")
  else:
    sub.add_argument(
      "--speed", nargs="+", type=float, required=name == "generate"
    )
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
  sub.add_argument("--output", required=True, metavar="DIR")
  sub.add_argument("--force", action="store_true", help="keep refused clips")


def _add_velocity_mode(sub: argparse.ArgumentParser) -> None:
  sub.add_argument(
    "--velocity_mode",
    default="direction",
    choices=features.VELOCITY_MODES,
    help="what becomes of the root's velocity",
  )


if __name__ == "__main__":
  sys.exit(main())
