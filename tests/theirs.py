"""Runs test files of other packages, with a few words in them changed."""

import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Mapping

import wildrobot_playground

_ROOT = pathlib.Path(wildrobot_playground.__file__).parent.parent


def run(
  file: pathlib.Path,
  folder: pathlib.Path,
  changes: Mapping[str, str],
  chosen: str = "",
  before: str = "",
  **environment: str,
) -> int:
  """How many of its cases passed; none may have failed.

  Args:
    file: the test file.
    folder: to write the changed file to.
    changes: what is there once, to what shall be there.
    chosen: pytest's expression for cases; all when empty.
    before: Python that runs first.
    **environment: variables.
  """
  text = file.read_text()
  for old, new in changes.items():
    assert text.count(old) == 1, old
    text = text.replace(old, new)
  (folder / file.name).write_text(text)
  (folder / "conftest.py").write_text(before)
  found = subprocess.run(
    [sys.executable, "-m", "pytest", "-q", file.name, "-k", chosen],
    cwd=folder,
    env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
    capture_output=True,
    text=True,
  )
  assert found.returncode == 0, found.stdout[-4000:]
  (passed,) = re.findall(r"(\d+) passed", found.stdout)
  return int(passed)
