import pathlib

import pytest

from tests.runs import tiny
from wildrobot_playground.runs import training


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> pathlib.Path:
  """The folder of a finished run; not to be changed."""
  return training.run(tiny.request(tmp_path_factory.mktemp("runs") / "tiny"))
