"""The exported file, judged as on the robot."""

import ctypes.util
import json
import re
import subprocess
import sys

import pytest

from wildrobot_playground.policy.controller import ContractError
from wildrobot_playground.policy.sim import robustness, sim_to_sim
from wildrobot_playground.policy.sim.conditions import Conditions


def _evaluate(*arguments):
  return subprocess.run(
    [sys.executable, "-m", "wildrobot_playground.evaluate", *arguments],
    capture_output=True,
    text=True,
    check=False,
  )


def test_a_run_in_place_of_its_export_is_told(tmp_path):
  (tmp_path / "config.json").write_text("{}")
  with pytest.raises(ContractError, match="export it first") as refused:
    sim_to_sim.load(tmp_path)
  assert "\n" not in str(refused.value)


def test_no_jax_is_in_the_process(walk_folder):
  script = f"""
import sys
from wildrobot_playground.policy.sim import sim_to_sim
report = sim_to_sim.evaluate(
  sim_to_sim.load({str(walk_folder)!r}), commands=[0.4], num_episodes=2,
  seconds=2.0)
print(report.rows[0]["falls"], [m for m in ("jax", "brax") if m in sys.modules])
"""
  done = subprocess.run(
    [sys.executable, "-c", script], capture_output=True, text=True, check=False
  )
  assert done.stdout == "0 []\n", done.stderr


def test_the_command_line_prints_and_writes_the_table(walk_folder, tmp_path):
  path = tmp_path / "eval.json"
  done = _evaluate(
    f"--policy={walk_folder}",
    "--commands=0,0.4",
    "--episodes=2",
    "--seconds=3",
    f"--json={path}",
  )
  assert done.returncode == 0, done.stderr
  assert "through the contract" in done.stdout
  rows = json.loads(path.read_text())["commands"]
  assert [row["command"] for row in rows] == [0.0, 0.4]
  assert rows[1]["velocity_error"] < 0.1


@pytest.mark.parametrize(
  ("flags", "message"),
  [
    (["--policy=nowhere.onnx"], "there is no policy at nowhere.onnx"),
    (["--checkpoint=RUN", "--policy=p"], "give one of"),
    (["--checkpoint=RUN", "--suite=robustness"], "--suite needs --policy"),
    (["--policy=p", "--physics=mjx"], "plain MuJoCo"),
    (["--policy=p", "--suite=robustness", "--reference=r"], "no use for"),
    (["--policy=p", "--json=no/where.json"], "is no folder"),
    (["--policy=p", "--json=."], "is a folder; give a file"),
    (["--policy=p", "--video=no/where.mp4"], "is no folder"),
    (["--policy=walk", "--commands="], "--commands= is empty"),
    (["--policy=walk", "--suite=robustness", "--seconds=nan"], "of nan s"),
  ],
)
def test_mistakes_cost_one_line(flags, message):
  done = _evaluate(*flags)
  assert done.returncode == 2
  assert done.stderr.count("\n") == 1
  assert message in done.stderr


@pytest.mark.skipif(
  not ctypes.util.find_library("EGL"), reason="this machine cannot render"
)
def test_an_evaluation_is_filmed(tmp_path):
  film = tmp_path / "walk.gif"
  done = _evaluate(
    "--policy=walk",
    "--commands=0.4",
    "--episodes=1",
    "--seconds=1.2",
    f"--video={film}",
  )
  assert done.returncode == 0, done.stderr
  assert re.search("video    .*walk.gif", done.stdout)
  assert film.is_file()


_REFUSED = [
  *(f"--commands={text}" for text in ("", ",", "nan", "0,inf", "1e9", "x")),
  *(f"--seconds={text}" for text in ("nan", "inf", "-inf", "-1", "0", "1e300")),
  *(f"--episodes={text}" for text in ("0", "-1", "nan", "1e3", str(10**30))),
  *(f"--seed={text}" for text in ("-1", "nan", str(2**70))),
]


def test_numbers_that_mean_nothing_are_refused_in_one_line():
  """All in one process: what is refused costs nothing but its line."""
  script = """
import sys
from absl import flags
from absl.testing import flagsaver
from wildrobot_playground import evaluate
from wildrobot_playground.system import cli, errors
for suite in ("commands", "robustness"):
  for argument in sys.argv[1:]:
    with flagsaver.flagsaver():
      try:
        words = ["--policy=walk", "--suite=" + suite, argument]
        cli.parse(words, flags.FLAGS)
        evaluate.main()
      except errors.UsageError as error:
        print("refused", len(str(error).strip().splitlines()))
"""
  done = subprocess.run(
    [sys.executable, "-c", script, *_REFUSED],
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  said = done.stdout.splitlines()
  assert said == ["refused 1"] * (2 * len(_REFUSED)), said


def test_rows_count_falls_and_errors(walk, monkeypatch):
  rows = {"nominal": Conditions(), "ice": Conditions(friction=0.01)}
  monkeypatch.setattr(robustness, "ROWS", rows)
  nominal, ice = robustness.run(
    walk, commands=(0.0, 0.6), num_episodes=4, seconds=4.0
  )
  assert (nominal.episodes, nominal.falls) == (8, 0)
  assert ice.falls > 0
  assert ice.falls == sum(ice.falls_by_command)
  assert nominal.velocity_error < ice.worst_velocity_error
  assert "ice" in robustness.line(ice)


def test_every_condition_has_a_row():
  fields = {
    name
    for conditions in robustness.ROWS.values()
    for name, value in vars(conditions).items()
    if value != getattr(Conditions(), name)
  }
  assert fields == set(vars(Conditions()))


def test_another_version_of_our_robot_is_refused(walk):
  walk.controller.contract["model_hash"] = "0" * 16
  with pytest.raises(ContractError, match="another version of the robot"):
    sim_to_sim.evaluate(walk, commands=[0.0], num_episodes=1, seconds=2.0)
