import os
import pathlib

import filelock
import pytest

from tests.runs import tiny
from wildrobot_playground.runs import training


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> pathlib.Path:
  """The folder of a finished run; not to be changed.

  All workers share it: who needs it first trains.
  """
  folder = tmp_path_factory.getbasetemp()
  if "PYTEST_XDIST_WORKER" in os.environ:
    folder = folder.parent
  run_dir, is_done = folder / "tiny", folder / "tiny.done"
  with filelock.FileLock(folder / "tiny.lock"):
    if not is_done.exists():
      training.run(tiny.request(run_dir))
      is_done.touch()
  return run_dir
