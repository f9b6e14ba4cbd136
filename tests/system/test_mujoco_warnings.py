"""What MuJoCo warns of is told on the screen and leaves no file behind."""

import os
import pathlib
import subprocess
import sys

import pytest

from wildrobot_playground.system import mujoco_warnings

ROOT = pathlib.Path(__file__).parents[2]
# Robots whose numbers are not finite: in plain C, and on all of its threads.
DIVERGE = """
import numpy as np, mujoco
from wildrobot_playground.envs import batch_stepper
model = mujoco.MjModel.from_xml_path("{scene}")
data = mujoco.MjData(model)
data.qvel[:] = 1e30
mujoco.mj_step(model, data)
qpos = np.tile(data.qpos, (64, 1))
qpos[:, 2] = np.nan
step = batch_stepper.BatchStepper(model)
for _ in range(4):
  found = step(5, {{"qpos": qpos}})
assert np.isnan(found["qpos"]).all()
"""
DOORS = {
  "commands": (
    "from wildrobot_playground.system import cli\ncli.prepare_process()"
  ),
  "Playground's scripts": (
    "import sys\n"
    "from wildrobot_playground import with_playground\n"
    "sys.argv = ['with_playground', 'this']\n"
    "with_playground.main()"
  ),
}


def _diverge(folder, door):
  scene = ROOT / "xmls" / "scene_flat_terrain.xml"
  return subprocess.run(
    [sys.executable, "-c", f"{DOORS[door]}\n{DIVERGE.format(scene=scene)}"],
    cwd=folder,
    capture_output=True,
    text=True,
    timeout=120,
    env={**os.environ, "PYTHONPATH": str(ROOT)},
  )


@pytest.mark.parametrize("door", DOORS)
def test_robots_that_diverge_leave_no_file(tmp_path, door):
  (tmp_path / "this.py").touch()
  done = _diverge(tmp_path, door)
  assert done.returncode == 0, done.stderr
  left = {path.name for path in tmp_path.iterdir()}
  assert left - {"__pycache__"} == {"this.py"}
  told = done.stderr.splitlines()
  assert all(line.startswith("warning: MuJoCo: Nan, Inf") for line in told)
  # Once a kind, and then with 10 and 100 of the 256.
  times = [line for line in told if "QPOS" in line]
  assert len(times) == 3
  assert "(100 times so far)" in times[-1]


def test_kinds_are_counted_whatever_their_numbers(capsys):
  counter = mujoco_warnings.Counter()
  for dof in range(12):
    counter(f"Nan in QACC at DOF {dof}. Unstable. Time = {dof / 10:.4f}.")
  counter("Pre-allocated constraint buffer is full.")
  assert sorted(counter.counts.values()) == [1, 12]
  said = capsys.readouterr().err.splitlines()
  assert len(said) == 3
  assert "10 times so far" in said[1]
