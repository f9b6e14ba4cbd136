"""A robot that nobody here has planned for, all the way to its policy's file.

The path of docs/your_robot.md, command by command: a folder with an MJCF and an
empty `robot.toml`, through doctor, training, export and evaluation.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.robots import biped
from wildrobot_playground.features import dataset

_STEPS = 100_000
_SMALL = (
  "--ppo.num_envs=256",
  "--ppo.batch_size=64",
  "--ppo.network_factory.policy_hidden_layer_sizes=64,64",
  "--ppo.network_factory.value_hidden_layer_sizes=64,64",
)


def _run(
  folder: pathlib.Path, program: str, *arguments: str, code: int = 0
) -> str:
  """What a command line says, in the folder of the robot's owner."""
  done = subprocess.run(
    [sys.executable, "-m", f"wildrobot_playground.{program}", *arguments],
    cwd=folder,
    env={**os.environ, "PYTHONPATH": str(pathlib.Path.cwd())},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )
  assert done.returncode == code, done.stdout[-2000:]
  assert "Traceback" not in done.stdout
  return done.stdout


@pytest.fixture(scope="module")
def owner(tmp_path_factory) -> pathlib.Path:
  """Who has a robot: a box for a left foot, balls for a right one."""
  folder = tmp_path_factory.mktemp("owner")
  biped.write(folder / "my_biped", "mixed")
  return folder


@pytest.fixture(scope="module")
def trained(owner) -> pathlib.Path:
  """The run of a training that made the robot's walks by itself."""
  said = _run(
    owner,
    "train",
    "--robot=my_biped",
    "--amp_weight=0.3",
    f"--num_timesteps={_STEPS}",
    "--run_dir=run",
    "--wandb=disabled",
    "--novideo",
    *_SMALL,
  )
  assert "making walks" in said
  assert "MyBipedWalk" in said
  return owner / "run"


@pytest.mark.slow
def test_the_doctor_looks_at_it(owner, trained):
  said = _run(owner, "doctor", "--robot=my_biped")
  assert "my_biped, " in said
  assert "12 servos in the contract's order" in said
  assert "the legs mirror each other" in said


@pytest.mark.slow
def test_its_reference_is_of_its_own_joints(owner, trained):
  folder = owner / "my_biped" / "reference"
  found = dataset.load(folder / "my_biped_walk.npz")
  assert found.features.shape[1] == 2 * 12 + 7 + 2
  assert found.layout.joints[0] == "left_hip_yaw"
  assert np.isfinite(found.features).all()


@pytest.mark.slow
def test_its_policy_leaves_as_a_file_and_is_judged(owner, trained):
  _run(owner, "export", "--checkpoint=run")
  contract = json.loads((trained / "export" / "policy.json").read_text())
  assert contract["robot"] == "my_biped"
  assert [joint["name"] for joint in contract["joints"]] == [
    f"{side}_{name}" for side in biped.SIDES for name, *_ in biped.JOINTS
  ]
  table = _run(
    owner,
    "evaluate",
    "--policy=run/export",
    "--commands=0,0.3",
    "--episodes=2",
    "--seconds=2",
  )
  assert "physics mujoco through the contract" in table
  moved = _run(
    owner, "evaluate", "--checkpoint=run", "--commands=0", "--seconds=2"
  )
  assert "32 episodes a command" in moved


@pytest.mark.slow
def test_a_folder_that_has_moved_is_named_once(owner, trained):
  (owner / "my_biped").rename(owner / "elsewhere")
  try:
    said = _run(owner, "evaluate", "--checkpoint=run", "--commands=0", code=2)
    assert "say where it is with --robot" in said
    _run(
      owner,
      "evaluate",
      "--checkpoint=run",
      "--robot=elsewhere",
      "--commands=0",
      "--seconds=2",
      "--episodes=2",
    )
    page = owner / "run" / "report.html"
    _run(owner, "report", "--run=run")
    assert "say where it is with --robot" in page.read_text("utf-8")
    _run(owner, "report", "--run=run", "--robot=elsewhere")
    assert "--robot=elsewhere" in page.read_text("utf-8")
  finally:
    (owner / "elsewhere").rename(owner / "my_biped")
