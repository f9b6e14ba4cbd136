"""Exports a run's policy for the robot, and proves that it is the same.

python -m wildrobot_playground.export --checkpoint=RUN --output=DIR
"""

import pathlib

from absl import flags

from wildrobot_playground.runs import robot_option
from wildrobot_playground.system import cli, errors

flags.adopt_module_key_flags(robot_option)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Run folder.")
_FORMAT = flags.DEFINE_list(
  "format", "onnx", "Some of onnx, stablehlo and brax, with commas."
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "Folder to write to; export/ in the run folder by default."
)


@errors.of_input()
def main() -> int:
  """Prints what was proved and written; see `runs.exporting`."""
  if _CHECKPOINT.value is None:
    raise errors.UsageError("--checkpoint=RUN_FOLDER is required")
  # Imported here: `cli.run` prepares the process for jax first.
  from wildrobot_playground.runs import exporting, joystick_evaluation
  from wildrobot_playground.runs.store import checkpoint

  run_dir = pathlib.Path(_CHECKPOINT.value)
  output = pathlib.Path(_OUTPUT.value) if _OUTPUT.value else run_dir / "export"
  for line in exporting.export(run_dir, _FORMAT.value, output):
    print(line)
  if joystick_evaluation.is_theirs(checkpoint.load_config(run_dir)):
    cli.say_next(("play", f"--checkpoint={run_dir}"))
  elif "onnx" in _FORMAT.value:
    cli.say_next(
      ("play", f"--policy={output}"),
      ("evaluate", f"--policy={output}", "--suite=robustness"),
    )
  return 0


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
