"""Runs another module with WildRobot's environments registered.

For Playground's own scripts, which know no plug-ins:

  python -m wildrobot_playground.with_playground learning.train_jax_ppo \
      --env_name=WildRobotWalk
"""

import importlib.util
import runpy
import sys
from types import ModuleType

import wrapt

import wildrobot_playground
from wildrobot_playground.system import cli, errors, mujoco_warnings, off_screen


def main() -> int:
  """Runs the module named by the first argument with the others as its own."""
  if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
    raise errors.UsageError(
      "usage: python -m wildrobot_playground.with_playground MODULE"
      " [ARGUMENT ...]"
    )
  module = sys.argv[1]
  if not _exists(module):
    raise errors.UsageError(
      f"no module '{module}' can be imported; name one as `python -m` takes it,"
      " like learning.train_jax_ppo"
    )
  # The stock script asks for EGL, but after MuJoCo is imported: too late.
  off_screen.prepare()
  mujoco_warnings.take()
  wildrobot_playground.register()
  wrapt.register_post_import_hook(_lend_ffmpeg, "mediapy")
  sys.argv = sys.argv[1:]
  runpy.run_module(module, run_name="__main__", alter_sys=True)
  return 0


def _lend_ffmpeg(mediapy: ModuleType) -> None:
  """Lets scripts write videos where the system has no ffmpeg."""
  import imageio_ffmpeg

  mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())


def _exists(module: str) -> bool:
  """Whether `module` can be found; its parent packages are imported."""
  try:
    return importlib.util.find_spec(module) is not None
  except ModuleNotFoundError as error:
    # A parent package is missing, not something that it needs.
    if error.name and f"{module}.".startswith(f"{error.name}."):
      return False
    raise


if __name__ == "__main__":
  sys.exit(cli.exit_code(main))
