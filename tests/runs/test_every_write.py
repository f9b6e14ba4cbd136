"""A run that is killed, or loses its disk, at any of its writes, goes on.

What is lost is at most the work since the last checkpoint.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.runs import every_write

_FINAL = [120, 160, 200]  # The newest three checkpoints.


# An odd number, so that a few of them meet many kinds of writes.
@pytest.mark.parametrize("every", [47, pytest.param(1, marks=pytest.mark.slow)])
def test_every_write_may_be_the_last(tmp_path, every):
  done = subprocess.run(
    [sys.executable, "-m", "tests.runs.every_write", str(tmp_path), str(every)],
    stdout=subprocess.PIPE,
    text=True,
    check=True,
    env={**os.environ, "MUJOCO_GL": "disable"},
  )
  report = json.loads(done.stdout)
  whole = report["whole"]
  assert len(report["writes"]) > 100
  assert len(report["found"]) >= 2 * (len(report["writes"]) // every)
  assert whole["steps"] == _FINAL
  for found in report["found"]:
    what = json.dumps(found, indent=2)
    assert "TRACEBACK" not in found["said"], what
    assert found["second"] == 0, what  # It goes on, to the same end.
    assert found["weight"] == whole["weight"], what
    assert found["steps"][-1] == _FINAL[-1], what
    assert found["names"] == whole["names"], what
    assert found["others"] == 0, what
    records = found["records"]
    assert records == sorted(set(records)), what
    # A checkpoint is written while the next iteration is under way.
    lost = found["reached"] - found["saved"]
    if found["disturbance"].startswith("kill"):
      assert lost <= 2 * every_write.STEPS, what
