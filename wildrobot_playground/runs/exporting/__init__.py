"""A run's policy as files for the robot, each proved against the original."""

import os
import pathlib
import shutil
from collections.abc import Sequence

from wildrobot_playground.policy.sim import sim_to_sim
from wildrobot_playground.runs.exporting import onnx_policy, stablehlo, trained
from wildrobot_playground.runs.exporting.trained import ExportError, Trained
from wildrobot_playground.runs.store import checkpoint
from wildrobot_playground.system import files

FORMATS = ("onnx", "stablehlo", "brax")
_FILES = {
  "onnx": (
    sim_to_sim.POLICY_FILE,
    "policy.json",
    "controller.py",
    sim_to_sim.STYLE_FILE,
  ),
  "stablehlo": (stablehlo.FILE,),
}


def export(
  run_dir: pathlib.Path, formats: Sequence[str], output: pathlib.Path
) -> list[str]:
  """Writes a run's policy, or nothing at all.

  Args:
    run_dir: run folder.
    formats: some of `FORMATS`.
    output: folder; files of the same names in it are replaced.

  Returns:
    What was written and measured, a line each.

  Raises:
    ValueError: for a run that cannot be exported, or a file that does not do as
      the original does.
  """
  unknown = [name for name in formats if name not in FORMATS]
  if unknown or not formats:
    raise ExportError(
      f"format '{', '.join(unknown)}' is unknown; choose from"
      f" {', '.join(FORMATS)}"
    )
  _check_target(output, formats)
  policy = trained.read(run_dir)
  output.mkdir(parents=True, exist_ok=True)
  lines = []
  writers = {
    "onnx": onnx_policy.write,
    "stablehlo": stablehlo.write,
    "brax": _brax,
  }
  with files.scratch(output) as staging:
    for name in dict.fromkeys(formats):
      lines += writers[name](policy, run_dir, staging)
    _check_target(output, formats)  # It has been minutes.
    for path in sorted(staging.iterdir()):
      target = output / path.name
      if target.is_dir():
        target.rename(staging / f"{path.name}.old")
      path.replace(target)
      lines.append(f"wrote    {target}")
  return lines


def _check_target(output: pathlib.Path, formats: Sequence[str]) -> None:
  """Refuses to put a file or a policy's folder in the place of another thing.

  Raises:
    ExportError: when there is no regular file where one would be written, or a
      folder that is no exported policy.
  """
  for name in formats:
    for file in _FILES.get(name, ()):
      path = output / file
      if os.path.lexists(path) and not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        raise ExportError(
          f"{path} is {what}, which the export does not replace: move it away,"
          " or give another --output"
        )
  target = output / checkpoint.BRAX_FOLDER
  if "brax" not in formats or not os.path.lexists(target):
    return
  if target.is_symlink() or not target.is_dir():
    raise ExportError(
      f"{target} is no folder: move it away, or give another --output"
    )
  if any(target.iterdir()) and not checkpoint.is_policy(target):
    raise ExportError(
      f"{target} is no exported policy, or holds files of your own: move it"
      " away, or give another --output"
    )


def _brax(
  policy: Trained, run_dir: pathlib.Path, folder: pathlib.Path
) -> list[str]:
  """`brax/`: a stock Brax checkpoint, for `ppo.checkpoint.load_policy`."""
  del policy  # It has read the folder already, so that is in order.
  shutil.copytree(
    run_dir / checkpoint.POLICY_FOLDER, folder / checkpoint.BRAX_FOLDER
  )
  checkpoint.seal(folder / checkpoint.BRAX_FOLDER)
  return []
