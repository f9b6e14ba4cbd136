"""Makes the report of a run anew; evaluates nothing.

python -m wildrobot_playground.report --run=runs/WildRobotWalk-...
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from wildrobot_playground import cli

_RUN = flags.DEFINE_string("run", None, "Run folder.")


def main(rest: Sequence[str]) -> int:
  """Writes the page; see `runs.report`."""
  if rest:
    raise cli.UsageError(f"unknown argument '{rest[0]}'")
  if _RUN.value is None:
    raise cli.UsageError("--run=RUN_FOLDER is required")
  # Imported here: `cli.run` prepares the process for jax first.
  from wildrobot_playground.runs import report

  run_dir = pathlib.Path(_RUN.value)
  try:
    path = report.write(run_dir)
  except ValueError as error:
    raise cli.UsageError(str(error)) from error
  except OSError as error:
    raise cli.UsageError(
      f"the report of {run_dir} cannot be written: {error.strerror}"
    ) from error
  print(f"report   {path}")
  return 0


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
