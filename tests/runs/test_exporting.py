"""An export is the policy itself, or nothing is written."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from jax import export as jax_export

from wildrobot_playground.policy import controller, graph
from wildrobot_playground.policy.sim import sim_to_sim
from wildrobot_playground.runs import exporting
from wildrobot_playground.runs.exporting.trained import ExportError
from wildrobot_playground.runs.store import checkpoint


@pytest.fixture(scope="module")
def exported(tiny_run, tmp_path_factory):
  folder = tmp_path_factory.mktemp("export")
  lines = exporting.export(tiny_run, exporting.FORMATS, folder)
  return folder, lines


@pytest.fixture
def run_dir(tiny_run, tmp_path):
  """A copy of the run that may be damaged."""
  return pathlib.Path(shutil.copytree(tiny_run, tmp_path / "run"))


def test_everything_is_written_and_what_was_proved_is_said(exported):
  folder, lines = exported
  assert {path.name for path in folder.iterdir()} == {
    "brax",
    "controller.py",
    "policy.json",
    "policy.onnx",
    "policy.stablehlo",
    "style.onnx",
  }
  said = "\n".join(lines)
  assert "10,000 random observations" in said
  assert "1,000 steps of a rollout" in said
  assert "ms the whole control step" in said


def test_every_format_gives_the_same_actions(exported, tiny_run):
  folder, _ = exported
  policy = sim_to_sim.load(folder)
  rows = np.random.default_rng(1).normal(size=(7, 38)).astype(np.float32)
  stored = bytearray((folder / "policy.stablehlo").read_bytes())
  ours = policy.infer(rows)
  theirs = np.asarray(jax_export.deserialize(stored).call(rows))
  np.testing.assert_allclose(ours, theirs, atol=1e-5)
  original = checkpoint.load_policy(tiny_run)
  observation = {"state": rows, "privileged_state": np.zeros((7, 96))}
  np.testing.assert_allclose(ours, original(observation, None)[0], atol=1e-5)


def test_the_contract_says_how_it_was_trained(exported, tiny_run):
  folder, _ = exported
  contract = json.loads((folder / "policy.json").read_text())
  config = checkpoint.load_config(tiny_run)
  assert contract["training"]["seed"] == config["seed"]
  assert contract["control_rate"] == 50.0
  assert contract["versions"]["brax"] == config["versions"]["brax"]
  assert len(contract["normalizer"]["mean"]) == 38
  assert sum(e["size"] for e in contract["observation"]) == 38
  ends = [e["start"] + e["size"] for e in contract["observation"]]
  starts = [e["start"] for e in contract["observation"]]
  assert starts == [0, *ends[:-1]]


def test_the_controller_beside_it_is_ours(exported):
  folder, _ = exported
  ours = pathlib.Path(controller.__file__).read_text()
  assert (folder / "controller.py").read_text() == ours


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_policy_is_refused_by_the_name_of_the_file(
  run_dir, tmp_path, damage
):
  files = [p for p in (run_dir / "policy").rglob("*") if p.is_file()]
  victim = max(files, key=lambda path: path.stat().st_size)
  data = bytearray(victim.read_bytes())
  data[len(data) // 2] ^= 1
  if damage == "remove":
    victim.unlink()
  else:
    victim.write_bytes(data if damage == "flip" else data[:-10])
  with pytest.raises(checkpoint.CheckpointError, match=victim.name):
    exporting.export(run_dir, ["onnx"], tmp_path / "out")
  assert not (tmp_path / "out").exists()


def test_a_policy_for_another_robot_is_refused(run_dir, tmp_path):
  path = run_dir / "policy" / "ppo_network_config.json"
  network = json.loads(path.read_text())
  network["observation_size"]["state"] = [45]
  path.write_text(json.dumps(network))
  (run_dir / "policy" / "sha256.json").unlink()
  with pytest.raises(ValueError, match="another robot"):
    exporting.export(run_dir, ["onnx"], tmp_path / "out")


def test_an_environment_that_nobody_knows_is_named(run_dir, tmp_path):
  config = json.loads((run_dir / "config.json").read_text())
  config["env"] = "CartpoleBalanced"
  (run_dir / "config.json").write_text(json.dumps(config))
  with pytest.raises(ValueError, match="CartpoleBalanced"):
    exporting.export(run_dir, ["onnx"], tmp_path / "out")


def test_a_bad_value_is_told_by_the_path_of_its_file(run_dir, tmp_path):
  path = run_dir / "config.json"
  config = json.loads(path.read_text())
  config["env_config"]["sim_dt"] = [1]
  path.write_text(json.dumps(config))
  with pytest.raises(ValueError, match=r"env_config\.sim_dt is") as error:
    exporting.export(run_dir, ["onnx"], tmp_path)
  assert str(path) in str(error.value)


def test_a_difference_means_that_nothing_is_written(
  tiny_run, tmp_path, monkeypatch
):
  build = graph.build

  def wrong(perceptron, metadata):
    kernel, bias = perceptron.layers[0]
    perceptron.layers[0] = kernel, bias + 1e-3
    return build(perceptron, metadata)

  monkeypatch.setattr(graph, "build", wrong)
  out = tmp_path / "out"
  with pytest.raises(ExportError, match="nothing was written"):
    exporting.export(tiny_run, ["onnx"], out)
  assert not list(out.iterdir())


def test_unknown_formats_are_named(tiny_run, tmp_path):
  with pytest.raises(ExportError, match=r"tflite.*onnx, stablehlo"):
    exporting.export(tiny_run, ["tflite"], tmp_path / "out")


@pytest.mark.parametrize(
  ("number", "code"),
  [
    (signal.SIGTERM, 143),
    pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
  ],
)
def test_a_stopped_export_leaves_what_was_there(
  tiny_run, tmp_path, number, code
):
  (tmp_path / "policy.json").write_text("mine")
  process = subprocess.Popen(
    [
      *(sys.executable, "-m", "wildrobot_playground.export"),
      *(f"--checkpoint={tiny_run}", f"--output={tmp_path}"),
    ],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  while not list(tmp_path.glob(".new-*/*")) and process.poll() is None:
    time.sleep(0.01)
  process.send_signal(number)
  _, said = process.communicate(timeout=60)
  assert process.returncode == code
  assert len(said.splitlines()) == 1, said
  assert [path.name for path in tmp_path.iterdir()] == ["policy.json"]
  assert (tmp_path / "policy.json").read_text() == "mine"


def test_a_folder_of_the_users_own_is_never_deleted(tiny_run, tmp_path):
  mine = tmp_path / "brax" / "thesis.tex"
  mine.parent.mkdir()
  mine.write_text("years of work")
  with pytest.raises(ExportError, match="no exported policy") as caught:
    exporting.export(tiny_run, ["onnx", "brax"], tmp_path)
  assert "\n" not in str(caught.value)
  assert mine.read_text() == "years of work"
  assert {path.name for path in tmp_path.iterdir()} == {"brax"}


def test_a_file_of_the_users_own_in_an_export_is_never_deleted(
  tiny_run, tmp_path
):
  exporting.export(tiny_run, ["brax"], tmp_path)
  mine = tmp_path / "brax" / "notes.txt"
  mine.write_text("mine")
  with pytest.raises(ExportError, match="files of your own"):
    exporting.export(tiny_run, ["brax"], tmp_path)
  assert mine.read_text() == "mine"


def test_an_earlier_export_is_replaced_even_a_damaged_one(tiny_run, tmp_path):
  exporting.export(tiny_run, ["brax"], tmp_path)
  network = tmp_path / "brax" / "ppo_network_config.json"
  network.write_text("{}")
  exporting.export(tiny_run, ["brax"], tmp_path)
  checkpoint.check_policy(tmp_path / "brax")
  assert {path.name for path in tmp_path.iterdir()} == {"brax"}


@pytest.mark.parametrize(
  "name",
  [
    "policy.onnx",
    "policy.json",
    "controller.py",
    "style.onnx",
    "policy.stablehlo",
  ],
)
@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_file_is_not_replaced_by_one(tiny_run, tmp_path, name, kind):
  target, mine = tmp_path / name, tmp_path / "mine"
  mine.mkdir()
  if kind == "folder":
    mine.rename(target)
    mine = target
  elif kind == "link":
    target.symlink_to(mine)
  else:
    os.mkfifo(target)
  (mine / "notes").write_text("mine")
  before = target.lstat()
  with pytest.raises(ExportError, match=f"{name} is .*move it away"):
    exporting.export(tiny_run, ["onnx", "stablehlo"], tmp_path)
  assert (mine / "notes").read_text() == "mine"
  assert target.lstat().st_ino == before.st_ino


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_is_not_replaced_by_one(tiny_run, tmp_path, kind):
  target = tmp_path / "brax"
  if kind == "file":
    target.write_text("mine")
  else:
    (tmp_path / "mine").mkdir()
    target.symlink_to(tmp_path / "mine")
  with pytest.raises(ExportError, match="is no folder"):
    exporting.export(tiny_run, ["brax"], tmp_path)
  assert target.is_symlink() or target.read_text() == "mine"
