"""Exports a run's policy for the robot, and proves that it is the same.

python -m wildrobot_playground.export --checkpoint=RUN --output=DIR
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from wildrobot_playground.runs import robot_option  # noqa: F401  its flag
from wildrobot_playground.system import cli, errors

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Run folder.")
_FORMAT = flags.DEFINE_list(
  "format", "onnx", "Some of onnx, stablehlo and brax, with commas."
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "Folder to write to; export/ in the run folder by default."
)


def main(rest: Sequence[str]) -> int:
  """Prints what was proved and written; see `runs.exporting`."""
  if rest:
    raise errors.UsageError(f"unknown argument '{rest[0]}'")
  if _CHECKPOINT.value is None:
    raise errors.UsageError("--checkpoint=RUN_FOLDER is required")
  # Imported here: `cli.run` prepares the process for jax first.
  from wildrobot_playground.runs import exporting

  run_dir = pathlib.Path(_CHECKPOINT.value)
  output = pathlib.Path(_OUTPUT.value) if _OUTPUT.value else run_dir / "export"
  try:
    for line in exporting.export(run_dir, _FORMAT.value, output):
      print(line)
    if "onnx" in _FORMAT.value:
      cli.say_next(
        ("play", f"--policy={output}"),
        ("evaluate", f"--policy={output}", "--suite=robustness"),
      )
  except ValueError as error:
    raise errors.UsageError(str(error)) from error
  except OSError as error:
    raise errors.UsageError(
      f"{error.filename or output} cannot be written: {error.strerror}"
    ) from error
  return 0


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
