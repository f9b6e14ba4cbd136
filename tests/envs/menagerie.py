"""Where the files of Playground's robots are, for tests that need them."""

import os
import pathlib

import pytest
from mujoco_playground._src import mjx_env

# A checkout of MuJoCo's menagerie, where Playground has not brought its own.
_FOLDER = os.environ.get("MUJOCO_MENAGERIE")


def needed() -> None:
  """Makes Playground find its robots' files; skips the test without them."""
  if _FOLDER:
    mjx_env.MENAGERIE_PATH = type(mjx_env.MENAGERIE_PATH)(_FOLDER)
  brought()


def brought() -> None:
  """Skips a test of programs of their own where Playground has no files."""
  if not pathlib.Path(mjx_env.MENAGERIE_PATH).is_dir():
    pytest.skip("MuJoCo's menagerie is not here")


def told() -> str:
  """Python that tells another process where the files are."""
  path = str(mjx_env.MENAGERIE_PATH)
  return (
    "import etils.epath\n"
    "from mujoco_playground._src import mjx_env\n"
    f"mjx_env.MENAGERIE_PATH = etils.epath.Path({path!r})\n"
  )
