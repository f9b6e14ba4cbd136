"""Checks an installation, a reference and a run, before they cost hours.

python -m wildrobot_playground.doctor
python -m wildrobot_playground.doctor --reference=my_walk --checkpoint=RUN
"""

import ctypes.util
import os
import pathlib
import sys

from absl import flags

from wildrobot_playground.runs import robot_option
from wildrobot_playground.runs.doctor import finding, versions
from wildrobot_playground.system import cli, errors

flags.adopt_module_key_flags(robot_option)
_REFERENCE = flags.DEFINE_string(
  "reference",
  None,
  "Reference: a dataset (.npz) or a folder of clips; ours by default.",
)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Run folder.")
_JSON = flags.DEFINE_string("json", None, "File to write the findings to.")


@errors.of_input()
def main() -> int:
  """Prints the table; 0 unless something fails."""
  run_dir = pathlib.Path(_CHECKPOINT.value) if _CHECKPOINT.value else None
  if run_dir is not None and not run_dir.is_dir():
    raise errors.UsageError(f"--checkpoint={run_dir} is no folder")
  path = cli.file_to_write("json", _JSON.value)
  findings = versions.check(versions.installed())
  findings += _others(_REFERENCE.value, run_dir)
  try:
    print(finding.table(findings))
  finally:  # Also where nobody reads the table.
    if path is not None:
      _save(findings, path)
  failed = finding.overall(findings) == finding.FAIL
  if not failed:
    cli.say_next(_train())
  return int(failed)


def _save(findings: list[finding.Finding], path: pathlib.Path) -> None:
  try:
    finding.save(findings, path)
  except OSError as error:
    raise errors.RunFailedError(
      f"{path} cannot be written: {error.strerror}"
    ) from error


def _train() -> list[str]:
  """The training that was looked at."""
  if _CHECKPOINT.value:
    return ["export", f"--checkpoint={_CHECKPOINT.value}"]
  options = (robot_option.ROBOT, _REFERENCE)
  given = [f"--{flag.name}={flag.value}" for flag in options if flag.value]
  return ["train", *given]


def _others(
  reference: str | None, run_dir: pathlib.Path | None
) -> list[finding.Finding]:
  """All but the versions; one finding when they cannot even be imported."""
  # Imported here: `cli.run` prepares the process for jax first.
  try:
    from wildrobot_playground.runs.doctor import checks
  except Exception as error:
    first = (str(error).splitlines() or [""])[0]
    return [
      finding.Finding(
        "import",
        finding.FAIL,
        f"{type(error).__name__}: {first}",
        "mend the versions first, or install the package again",
      )
    ]
  robot = robot_option.chosen() if run_dir is None else None
  if robot is not None:
    return checks.full(reference, run_dir, robot)
  return checks.full(reference, run_dir)


def run() -> None:
  """Entry point of the command line."""
  # MuJoCo cannot be imported when told to use an EGL that is not there.
  if sys.platform == "linux" and not ctypes.util.find_library("EGL"):
    os.environ.setdefault("MUJOCO_GL", "disable")
  cli.run(main)


if __name__ == "__main__":
  run()
