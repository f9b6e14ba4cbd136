"""What the documentation shows works as it is shown."""

import ast
import json
import pathlib
import re
import sys
import types

import pytest

from wildrobot_playground import assets
from wildrobot_playground.policy import controller

DOCS = pathlib.Path(__file__).parent.parent / "docs"


def _blocks(name):
  text = (DOCS / name).read_text()
  return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.slow
def test_the_playground_page_runs(capsys):
  folder = (assets.policies() / "walk" / "brax").resolve()
  names = {"policy_folder": str(folder)}
  for block in _blocks("playground.md"):
    exec(compile(block, "playground.md", "exec"), names)
  said = dict(re.findall(r"^(\w+) ([-\d.]+)", capsys.readouterr().out, re.M))
  assert float(said["walked"]) == pytest.approx(0.4 * 100 * 0.02, abs=0.25)
  assert float(said["reward"]) > 0


class _TimeIsUpError(Exception):
  pass


def test_the_control_loop_of_the_robot_page_runs(monkeypatch):
  (block,) = _blocks("robot.md")
  sent = []

  def servo_targets(names, targets):
    sent.append((names, targets))
    if len(sent) == 3:
      raise _TimeIsUpError

  walk = assets.policies() / "walk" / "policy.onnx"
  module = types.SimpleNamespace(
    Policy=lambda path: controller.Policy(walk),
    Readings=controller.Readings,
    BlindError=controller.BlindError,
  )
  monkeypatch.setitem(sys.modules, "controller", module)
  pose = controller.Policy(walk).controller.default_pose
  names = {
    "imu_orientation": lambda: [1.0, 0.0, 0.0, 0.0],
    "imu_gyro": lambda: [0.0, 0.0, 0.0],
    "servo_angles": lambda names: pose,
    "servo_targets": servo_targets,
    "speed": 0.2,
  }
  with pytest.raises(_TimeIsUpError):
    exec(compile(block, "robot.md", "exec"), names)
  assert all(targets.shape == (9,) for _, targets in sent)


def test_the_control_loop_of_the_robot_page_stops_a_blind_robot(monkeypatch):
  (block,) = _blocks("robot.md")
  walk = assets.policies() / "walk" / "policy.onnx"
  monkeypatch.setitem(sys.modules, "controller", controller)
  policy, stopped = controller.Policy(walk), []
  pose = policy.controller.default_pose
  names = {
    "imu_orientation": lambda: [1.0, 0.0, 0.0, 0.0],
    "imu_gyro": lambda: None,  # It does not answer.
    "servo_angles": lambda names: pose,
    "servo_targets": lambda names, targets: None,
    "stop_servos": lambda: stopped.append(True),
    "speed": 0.2,
  }
  block = block.replace('"policy.onnx"', repr(str(walk)))
  with (
    pytest.warns(RuntimeWarning, match="gyro is None"),
    pytest.raises(controller.BlindError),
  ):
    exec(compile(block, "robot.md", "exec"), names)
  assert stopped == [True]


@pytest.mark.parametrize("name", ["your_robot.md", "playground.md", "robot.md"])
def test_blocks_are_python_and_files_exist(name):
  text = (DOCS / name).read_text()
  for block in _blocks(name):
    ast.parse(block)
  root = DOCS.parent
  for path in re.findall(r"`((?:envs|amp|motion|xmls)/[\w./]*)`", text):
    inside = root / "wildrobot_playground" / path
    assert inside.exists() or (root / path).exists(), path


def test_the_notebook_has_no_stale_output():
  notebook = json.loads((DOCS / "tutorial.ipynb").read_text())
  code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
  assert code
  for cell in code:
    assert cell["outputs"] == []
    source = "".join(cell["source"])
    ast.parse(
      "\n".join(line for line in source.splitlines() if line[:1] not in "!%")
    )


@pytest.mark.slow
def test_the_notebook_runs(monkeypatch):
  monkeypatch.setenv("TUTORIAL_STEPS", "100000")
  notebook = json.loads((DOCS / "tutorial.ipynb").read_text())
  names = {"__name__": "tutorial"}
  for cell in notebook["cells"]:
    source = "".join(cell["source"])
    if "import IPython" in source:
      # Not before: matplotlib asks an IPython that is there for more.
      shown = types.SimpleNamespace(Image=lambda data: data)
      ipython = types.SimpleNamespace(display=shown)
      monkeypatch.setitem(sys.modules, "IPython", ipython)
      monkeypatch.setitem(sys.modules, "IPython.display", shown)
    if cell["cell_type"] == "code":
      exec(compile(source, "tutorial", "exec"), names)
  assert len(names["report"].rows) == 3
