"""What the documentation shows works as it is shown."""

import ast
import json
import math
import os
import pathlib
import re
import runpy
import subprocess
import sys
import types

import numpy as np
import pytest

from wildrobot_playground.motion.quality import gates
from wildrobot_playground.policy import controller
from wildrobot_playground.system import assets

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


def test_the_page_of_other_environments_runs(capsys):
  names = {}
  for block in _blocks("playground_cpu.md"):
    exec(compile(block, "playground_cpu.md", "exec"), names)
  assert capsys.readouterr().out.startswith("mujoco ")
  assert len(names["told"]) == 2
  assert np.isfinite(names["told"]).all()


class _TimeIsUpError(Exception):
  pass


def test_the_control_loop_of_the_robot_page_runs(monkeypatch):
  (block,) = _blocks("to_the_robot.md")
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
    exec(compile(block, "to_the_robot.md", "exec"), names)
  assert all(targets.shape == (9,) for _, targets in sent)


def test_the_control_loop_of_the_robot_page_stops_a_blind_robot(monkeypatch):
  (block,) = _blocks("to_the_robot.md")
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
    exec(compile(block, "to_the_robot.md", "exec"), names)
  assert stopped == [True]


@pytest.mark.parametrize(
  "name",
  ["your_robot.md", "playground.md", "playground_cpu.md", "to_the_robot.md"],
)
def test_blocks_are_python_and_files_exist(name):
  text = (DOCS / name).read_text()
  for block in _blocks(name):
    ast.parse(block)
  root = DOCS.parent
  for path in re.findall(r"`((?:envs|amp|motion|xmls)/[\w./]*)`", text):
    inside = root / "wildrobot_playground" / path
    assert inside.exists() or (root / path).exists(), path


_GATES_ON_THE_PAGE = {
  "inverse kinematics, worst": ("ik_error", 1e-3),
  "below the ground, worst": ("penetration", 1e-3),
  "no foot down": ("airborne", 1e-2),
  "fastest joint": ("joint_speed", 1),
  "hip at its limit of extension": ("hip_at_limit", 1e-2),
  "achieved against commanded speed": ("speed_error", 1e-2),
  "jump where the cycle closes": ("seam", 1),
  "frames beyond the servos' torque": ("over_torque", 1e-2),
  "ground force that nothing explains": ("unmatched_force", 1e-2),
}


def test_the_table_of_gates_is_the_programs():
  text = (DOCS / "motion.md").read_text("utf-8").split("| gate |")[1]
  table = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in text.split("\n\n")[0].splitlines()[2:]
  ]
  rows = {name: limits for name, *limits in table}
  slides = rows.pop("standing foot slides, mean and 95 %")
  means, peaks = (
    gates.GATES["stance_slide_mean"],
    gates.GATES["stance_slide_p95"],
  )
  assert slides == [
    f"{mean:.2f}, {peak:.2f} m/s"
    for mean, peak in zip(means, peaks, strict=True)
  ]
  assert rows.pop("joint beyond its limit") == ["never", "never"]
  assert gates.GATES["joint_limit_violation"] == (1e-6, 1e-6)
  assert rows.keys() == _GATES_ON_THE_PAGE.keys()
  for name, limits in rows.items():
    metric, unit = _GATES_ON_THE_PAGE[name]
    for cell, limit in zip(limits, gates.GATES[metric], strict=True):
      said = {"never": 0.0, "-": math.inf}.get(cell)
      if said is None:
        said = float(cell.split()[0]) * unit
      assert said == pytest.approx(limit), name


PAGES = sorted(
  [
    *DOCS.glob("*.md"),
    *DOCS.parent.glob("*.md"),
    *DOCS.parent.glob("*/README.md"),
  ]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_the_repository_lead_somewhere(page):
  text = page.read_text("utf-8")
  for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", text):
    if ":" not in target:
      assert (page.parent / target).exists(), target


def test_the_site_builds_and_has_every_page(tmp_path):
  subprocess.run(
    [sys.executable, "-m", "mkdocs", "build", "--quiet", "-d", tmp_path],
    check=True,  # Strict: a broken link, anchor or orphan page fails.
    cwd=DOCS.parent,
    env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
  )
  built = {page.stem for page in tmp_path.glob("*.html")}
  assert {page.stem for page in DOCS.glob("*.md")} <= built
  for page in tmp_path.glob("*.html"):
    text = page.read_text("utf-8")
    assert not re.findall(r'(?:src|srcset)="https?:', text), page


def test_the_page_of_commands_is_current():
  page = runpy.run_path(str(DOCS / "commands_page.py"))["page"]
  assert page() == (DOCS / "commands.md").read_text("utf-8"), (
    "write it again with `python docs/commands_page.py`"
  )


@pytest.mark.slow
def test_the_readme_block_runs():
  text = (DOCS.parent / "README.md").read_text("utf-8")
  (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
  names = {}
  exec(compile(block, "README.md", "exec"), names)
  assert (
    names["state"].obs["state"].shape == names["env"].observation_size["state"]
  )


def test_the_readme_fits_a_first_look():
  assert len((DOCS.parent / "README.md").read_text("utf-8").splitlines()) <= 120


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
