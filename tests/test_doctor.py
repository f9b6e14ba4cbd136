"""The command line: a table, a verdict, and an exit code."""

import json

import pytest
from absl import flags

from tests import planted
from wildrobot_playground import doctor
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.runs.doctor import checks, finding, versions
from wildrobot_playground.system import errors


def diagnose(*arguments):
  """Runs the doctor in this process; returns its exit code."""
  flags.FLAGS(["doctor", *arguments], known_only=True)
  try:
    return doctor.main()
  finally:
    flags.FLAGS.unparse_flags()
    for name in ("reference", "checkpoint", "json"):
      flags.FLAGS[name].unparse()


def test_a_sound_installation_passes(tmp_path, capsys):
  path = tmp_path / "doctor.json"
  assert diagnose(f"--json={path}") == 0
  shown = capsys.readouterr().out
  report = json.loads(path.read_text())
  assert f"verdict  {report['verdict']}" in shown
  looked_at = {found["check"] for found in report["findings"]}
  assert looked_at >= {
    "versions",
    "backend",
    "memory",
    "rendering",
    "model",
    "environment",
    "parity",
    "joint order",
    "foot contacts",
    "root height",
    "coverage",
  }
  for found in report["findings"]:
    assert (found["verdict"] == finding.OK) == (found["remedy"] == "")


def test_a_leak_fails_with_code_1(tmp_path, capsys):
  shipped = dataset_lib.load(WILDROBOT.dataset)

  def another_height(rows):
    rows[:, 24] = 0.99

  path = tmp_path / "leaky.npz"
  dataset_lib.save(path, planted.dataset(shipped, another_height))
  assert diagnose(f"--reference={path}") == 1
  assert "root_height is another quantity" in capsys.readouterr().out


def test_a_reference_that_cannot_be_read_fails_with_code_1(tmp_path, capsys):
  path = tmp_path / "none.npz"
  assert diagnose(f"--reference={path}") == 1
  assert str(path) in capsys.readouterr().out


def test_a_bad_pair_of_versions_fails(monkeypatch, capsys):
  monkeypatch.setattr(checks, "full", lambda *args: [])
  known = versions.installed()
  monkeypatch.setattr(
    versions, "installed", lambda: {**known, "mujoco-mjx": "3.1.0"}
  )
  assert diagnose() == 1
  assert "mujoco-mjx 3.1.0" in capsys.readouterr().out


@pytest.mark.parametrize(
  ("argument", "message"),
  [
    ("--checkpoint=/nowhere", "--checkpoint=/nowhere is no folder"),
    ("--json=/nowhere/a.json", "/nowhere is no folder"),
  ],
)
def test_paths_that_are_not_there_are_usage_errors(argument, message):
  with pytest.raises(errors.UsageError, match=message):
    diagnose(argument)


def test_a_folder_that_is_no_run_is_a_usage_error(tmp_path):
  with pytest.raises(errors.UsageError, match="is no run folder"):
    diagnose(f"--checkpoint={tmp_path}")
