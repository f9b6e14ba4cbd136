"""The built wheel works where there is no checkout."""

import os
import pathlib
import subprocess
import sys
import venv
import zipfile

import pytest

_ROOT = pathlib.Path(__file__).resolve().parent.parent

_USE = """
import pathlib, sys
import wildrobot_playground
home = pathlib.Path(wildrobot_playground.__file__).resolve()
assert sys.prefix in str(home), home
from mujoco_playground import registry
env = registry.load("WildRobotWalk")
assert sys.prefix in env.xml_path
from wildrobot_playground.system import assets
from wildrobot_playground.features import dataset
assert dataset.load(assets.reference() / "wildrobot_walk.npz").num_clips > 1
from wildrobot_playground.policy.sim import sim_to_sim
sim_to_sim.load(assets.find_policy("walk"))
from wildrobot_playground.runs import training
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
  folder = tmp_path_factory.mktemp("wheel")
  subprocess.run(
    [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
    check=True,
    capture_output=True,
    cwd=_ROOT,
  )
  (path,) = folder.glob("*.whl")
  return path


def test_it_is_small(wheel):
  assert wheel.stat().st_size < 10e6


def test_data_travels_inside(wheel):
  names = zipfile.ZipFile(wheel).namelist()
  for name in (
    "xmls/wildrobot.xml",
    "reference/wildrobot_walk.npz",
    "policies/walk/policy.onnx",
    "policy/page/joystick.html",
    "reference/sources/LICENSE.DeepMimic.txt",
  ):
    assert f"wildrobot_playground/{name}" in names
  assert not [name for name in names if name.startswith(("tests", "xmls"))]


def test_wheel_works_outside_the_checkout(wheel, tmp_path):
  # The dependencies are this environment's; the package itself is not.
  venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
  python = tmp_path / "venv" / "bin" / "python"
  (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
  with zipfile.ZipFile(wheel) as archive:
    archive.extractall(site)
  import jax

  ours = pathlib.Path(jax.__file__).parent.parent
  (site / "dependencies.pth").write_text(f"{ours}\n")
  environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
  subprocess.run(
    [python, "-c", _USE], check=True, cwd=tmp_path, env=environment
  )
