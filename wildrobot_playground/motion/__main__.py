"""Reference motion: `python -m wildrobot_playground.motion COMMAND ...`."""

import argparse
import pathlib
import sys

from wildrobot_playground.system import cli, echo, errors, files

# Imported inside: `cli.end_with` prepares the process for MuJoCo first.


class _Parser(argparse.ArgumentParser):
  """Reports a usage error as one line."""

  def error(self, message: str):
    raise errors.UsageError(f"{message}; see {self.prog} --help")


def main(argv: list[str] | None = None) -> int:
  """Runs one subcommand.

  Returns:
    0, or 2 after one line on standard error: an input that cannot be used, or
    a quality gate that failed.
  """
  from wildrobot_playground.motion.show import tables

  try:
    args = _parser().parse_args(argv)
    result = args.run(args)
    try:
      print(echo.printable(tables.text(result.headings, result.rows)))
      for note in result.notes:
        print(echo.line(note))
    finally:  # Also where nobody reads the table.
      if args.json:
        path = pathlib.Path(args.json)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(path, result.records)
  except (ValueError, OSError, MemoryError) as error:
    print(f"error: {echo.line(error)}", file=sys.stderr)
    return 2
  if result.failures:
    more = len(result.failures) - 1
    tail = f" (and {more} more)" if more else ""
    print(f"error: {echo.line(result.failures[0] + tail)}", file=sys.stderr)
    return 2
  cli.say_next(*result.next)
  return 0


def _parser() -> argparse.ArgumentParser:
  from wildrobot_playground.motion import subcommands
  from wildrobot_playground.motion.subcommands import common

  parser = _Parser(
    prog="python -m wildrobot_playground.motion",
    description="Makes, checks and collects a robot's reference motion.",
  )
  subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
  for command in subcommands.ALL:
    summary = (command.run.__doc__ or "").splitlines()[0]
    sub = subparsers.add_parser(command.name, help=summary, description=summary)
    common.robot_flag(sub)
    sub.add_argument("--json", metavar="FILE", help="also write the table here")
    sub.set_defaults(run=command.run)
    command.add_flags(sub)
  return parser


if __name__ == "__main__":
  cli.end_with(main)
