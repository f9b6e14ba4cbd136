"""A run of an environment of Playground's own: judged, exported, reported."""

import json

import numpy as np
import onnxruntime
import pytest

from tests.runs.tiny import TINY, request
from wildrobot_playground.policy import controller
from wildrobot_playground.runs import (
  exporting,
  joystick_evaluation,
  joystick_player,
  reporting,
  training,
)
from wildrobot_playground.runs.reporting import data, overview
from wildrobot_playground.system import assets, errors

ENV = "CartpoleBalance"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
  folder = tmp_path_factory.mktemp("theirs") / "run"
  training.run(
    request(
      folder,
      env=ENV,
      amp_weight=0.0,
      num_timesteps=200,
      impl="auto",
      overrides=(*TINY, "--ppo.num_resets_per_eval=0"),
    )
  )
  return folder


def test_it_is_judged_at_the_end(run_dir):
  judged = json.loads((run_dir / "eval.json").read_text())
  assert judged["physics"] == "mujoco"
  (row,) = judged["joystick"]
  assert row["episodes"] == 32
  assert row["falls"] == 0
  assert row["seconds"] == pytest.approx(10.0)
  assert row["reward"] > 0
  assert row["velocity_error"] is None


def test_it_is_in_its_report_and_among_all_runs(run_dir):
  page = reporting.write(run_dir).read_text()
  assert "The environment&#x27;s own commands" in page
  assert overview.verdict(data.load(run_dir)) == "lasts"


def test_it_is_judged_again_alike(run_dir):
  one, two = (
    joystick_evaluation.evaluate(run_dir, num_episodes=4, seconds=2.0).report
    for _ in range(2)
  )
  assert json.dumps(one.rows) == json.dumps(two.rows)
  with pytest.raises(ValueError, match="takes no commands"):
    joystick_evaluation.evaluate(run_dir, [0.5])
  with pytest.raises(errors.UsageError, match="free joint"):
    joystick_evaluation.evaluate(run_dir, reference=assets.reference())


def test_its_network_is_exported_and_described(run_dir, tmp_path):
  lines = exporting.export(run_dir, ["onnx", "stablehlo"], tmp_path)
  assert any("onnx     within" in line for line in lines)
  card = json.loads((tmp_path / "policy.json").read_text())
  assert card["environment"] == ENV
  assert card["observation"]["size"] == 5
  assert card["observation"]["made_by"].endswith("cartpole.Balance")
  assert card["action"]["joints"] == ["slider"]
  assert card["command"] is None
  assert card["control_rate"] == pytest.approx(100)
  session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
  rows = np.zeros((3, 5), np.float32)
  assert session.run(["action"], {"observation": rows})[0].shape == (3, 1)
  assert not (tmp_path / "controller.py").exists()
  with pytest.raises(controller.ContractError, match="name its run with"):
    controller.Policy(tmp_path / "policy.onnx")


def test_nobody_drives_what_is_told_no_speeds(run_dir):
  with pytest.raises(errors.UsageError, match="CartpoleBalance is told no"):
    joystick_player.JoystickPlayer(run_dir)
