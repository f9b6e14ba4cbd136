"""Reference motion: `python -m wildrobot_playground.motion COMMAND ...`."""

import argparse
import pathlib
import signal
import sys

from wildrobot_playground.system import echo, mujoco_warnings, off_screen

off_screen.prepare()
mujoco_warnings.take()

from wildrobot_playground.motion import subcommands  # noqa: E402
from wildrobot_playground.motion.show import tables  # noqa: E402
from wildrobot_playground.motion.subcommands import common  # noqa: E402
from wildrobot_playground.system import (  # noqa: E402
  cli,
  files,
  stopping,
)


class _Parser(argparse.ArgumentParser):
  """Reports a usage error as one line."""

  def error(self, message: str):
    raise common.CommandError(f"{message}; see {self.prog} --help")


def main(argv: list[str] | None = None) -> int:
  """Runs one subcommand.

  Returns:
    0, or 2 after one line on standard error: an input that cannot be used, or
    a quality gate that failed.
  """
  try:
    if argv is None:
      stopping.hand_over()
    args = _parser().parse_args(argv)
    result = args.run(args)
    print(tables.text(result.headings, result.rows))
    for note in result.notes:
      print(echo.line(note))
    if args.json:
      path = pathlib.Path(args.json)
      path.parent.mkdir(parents=True, exist_ok=True)
      files.write_json(path, result.records)
  except (ValueError, OSError, MemoryError) as error:
    print(f"error: {echo.line(error)}", file=sys.stderr)
    return 2
  except KeyboardInterrupt as error:
    terminated = isinstance(error, stopping.TerminatedError)
    number = signal.SIGTERM if terminated else signal.SIGINT
    print(stopping.word(number), file=sys.stderr)
    return 128 + number
  if result.failures:
    more = len(result.failures) - 1
    tail = f" (and {more} more)" if more else ""
    print(f"error: {echo.line(result.failures[0] + tail)}", file=sys.stderr)
    return 2
  cli.say_next(*result.next)
  return 0


def _parser() -> argparse.ArgumentParser:
  parser = _Parser(
    prog="python -m wildrobot_playground.motion",
    description="Makes, checks and collects WildRobot's reference motion.",
  )
  subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
  for command in subcommands.ALL:
    summary = (command.run.__doc__ or "").splitlines()[0]
    sub = subparsers.add_parser(command.name, help=summary, description=summary)
    sub.add_argument("--json", metavar="FILE", help="also write the table here")
    sub.set_defaults(run=command.run)
    command.add_flags(sub)
  return parser


if __name__ == "__main__":
  sys.exit(main())
