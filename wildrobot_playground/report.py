"""Makes the report of a run anew, or a table of all runs; evaluates nothing.

python -m wildrobot_playground.report --run=runs/WildRobotWalk-...
python -m wildrobot_playground.report --all

A run of your own robot needs its folder; `--robot` says where it is now.
"""

import pathlib

from absl import flags

from wildrobot_playground.runs import robot_option
from wildrobot_playground.system import cli, errors

flags.adopt_module_key_flags(robot_option)
_RUN = flags.DEFINE_string("run", None, "Run folder.")
_ALL = flags.DEFINE_boolean(
  "all", False, "All runs below --root, as a table and as a page."
)
_ROOT = flags.DEFINE_string("root", "runs", "Folder of the runs, for --all.")


@errors.of_input()
def main() -> int:
  """Writes the page; see `runs.reporting`."""
  if _ALL.value == (_RUN.value is not None):
    raise errors.UsageError("give one of --run=RUN_FOLDER and --all")
  if _ROOT.present and not _ALL.value:
    raise errors.UsageError("--root is for --all only")
  robot_option.chosen()
  folder = pathlib.Path(_ROOT.value if _ALL.value else _RUN.value or "")
  path = _write_all(folder) if _ALL.value else _write(folder)
  print(f"report   {path}")
  cli.say_next(("open", str(path)))
  return 0


# Imported inside: `cli.run` prepares the process for jax first.


def _write(run_dir: pathlib.Path) -> pathlib.Path:
  from wildrobot_playground.runs import reporting

  return reporting.write(run_dir)


def _write_all(root: pathlib.Path) -> pathlib.Path:
  """Prints the table as well."""
  from wildrobot_playground.runs.reporting import overview

  entries = overview.gather(root)
  if not entries:
    raise errors.UsageError(
      f"{root} holds no runs; name their folder with --root"
    )
  print(overview.table(entries))
  return overview.write(root, entries)


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
