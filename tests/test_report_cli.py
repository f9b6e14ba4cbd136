"""The command line of the report."""

import json

import pytest
from absl import flags

from wildrobot_playground import report
from wildrobot_playground.runs import plan, plan_record
from wildrobot_playground.runs.store import checkpoint
from wildrobot_playground.system import errors


def make(*arguments):
  """Runs the command in this process; returns its exit code."""
  flags.FLAGS(["report", *arguments], known_only=True)
  try:
    return report.main()
  finally:
    flags.FLAGS.unparse_flags()
    for name in ("run", "all", "root", "robot"):
      flags.FLAGS[name].unparse()


def test_it_writes_the_page_and_says_where(tmp_path, capsys):
  (tmp_path / "config.json").write_text(json.dumps({"env": "WildRobotWalk"}))
  assert make(f"--run={tmp_path}") == 0
  page = tmp_path / "report.html"
  assert page.read_text("utf-8").startswith("<!doctype html>")
  assert capsys.readouterr().out == (f"report   {page}\nnext     open {page}\n")
  assert sorted(p.name for p in tmp_path.iterdir()) == [
    "config.json",
    "report.html",
  ]


def test_a_run_whose_robot_has_moved_asks_for_it(tmp_path):
  config = {"env": "ZbotWalk", "robot": str(tmp_path / "zbot"), "preset": "cpu"}
  (tmp_path / "config.json").write_text(json.dumps(config))
  assert make(f"--run={tmp_path}") == 0
  page = (tmp_path / "report.html").read_text("utf-8")
  assert "say where it is with --robot=FOLDER" in page
  with pytest.raises(errors.UsageError, match="robot 'nowhere'"):
    make(f"--run={tmp_path}", "--robot=nowhere")


def test_a_users_own_page_is_kept(tmp_path):
  _make_run(tmp_path / "one", 1000)
  for folder, flag in ((tmp_path, "--root"), (tmp_path / "one", "--run")):
    page = folder / "report.html"
    page.write_text("<p>my thesis</p>")
    arguments = ["--all"] if flag == "--root" else []
    with pytest.raises(errors.UsageError, match="no report of ours"):
      make(*arguments, f"{flag}={folder}")
    assert page.read_text() == "<p>my thesis</p>"
    page.unlink()
    for _ in range(2):  # One of ours is written anew.
      assert make(*arguments, f"{flag}={folder}") == 0


def test_a_run_or_all_is_required():
  for arguments in ([], ["--run=x", "--all"]):
    with pytest.raises(errors.UsageError, match="give one of --run=RUN_FOLDER"):
      make(*arguments)


def _make_run(folder, steps, rows=None, **changes):
  """A run folder with a configuration, one record and an evaluation."""
  folder.mkdir()
  config = plan_record.describe(plan.make_plan(plan.Request(preset="cpu")))
  config["ppo"]["num_timesteps"] = 1000
  for key, value in changes.items():
    config["amp"][key] = value
  checkpoint.save_config(folder, config)
  (folder / "metrics.jsonl").write_text(f'{{"steps": {steps}}}\n')
  if rows is not None:
    report = {"physics": "mujoco", "commands": rows}
    (folder / "eval.json").write_text(json.dumps(report))


def _row(error=0.02, falls=0):
  return {
    "command": 0.4,
    "speed": 0.4 - error,
    "episodes": 32,
    "falls": falls,
    "velocity_error": error,
    "style_distance": 0.3,
  }


def test_all_runs_are_one_table_with_what_became_of_them(tmp_path, capsys):
  _make_run(tmp_path / "good", 1000, [_row()], weight=0.5)
  _make_run(tmp_path / "half", 500)
  _make_run(tmp_path / "slow", 1000, [_row(error=0.3)])
  _make_run(tmp_path / "lazy", 1000, [_row(error=0.39)])
  _make_run(tmp_path / "wobbly", 1000, [_row(falls=2)])
  _make_run(tmp_path / "clumsy", 1000, [_row(falls=20)])
  _make_run(tmp_path / "alone", 1000)
  (tmp_path / "broken").mkdir()
  (tmp_path / "broken" / "config.json").write_text("[1")
  (tmp_path / "good" / "report.html").write_text("")
  assert make("--all", f"--root={tmp_path}") == 0
  said = capsys.readouterr().out
  lines = {name: line for line in said.splitlines() for name in line.split()}
  for name, verdict in (
    ("good", "walks"),
    ("half", "50% done"),
    ("slow", "does not keep its speed"),
    ("lazy", "stands still"),
    ("wobbly", "walks, falls at times"),
    ("clumsy", "falls"),
    ("alone", "not judged"),
    ("broken", "cannot be read"),
  ):
    assert verdict in lines[name]
  assert "--amp_weight=0.5" in lines["good"]
  assert "--amp_weight" not in lines["slow"]
  page = (tmp_path / "report.html").read_text("utf-8")
  assert '<a href="good/report.html">good</a>' in page
  assert 'href="slow/' not in page


def test_what_all_runs_share_is_said_once(tmp_path, capsys):
  for name in ("one", "two"):
    _make_run(tmp_path / name, 1000, [_row()])
    config = checkpoint.load_config(tmp_path / name)
    config["reference"] = "mine"
    config["env_config"]["reset_config"]["reference_clips"] = "mine"
    checkpoint.save_config(tmp_path / name, config)
  make("--all", f"--root={tmp_path}")
  said = capsys.readouterr().out
  assert said.count("WildRobotWalk") == said.count("--reference=mine") == 1
  assert "reference_clips" not in said


def test_a_folder_without_runs_is_a_usage_error(tmp_path):
  with pytest.raises(errors.UsageError, match="holds no runs"):
    make("--all", f"--root={tmp_path}")


def test_a_folder_that_is_no_run_is_a_usage_error(tmp_path):
  with pytest.raises(errors.UsageError, match="is no run folder"):
    make(f"--run={tmp_path / 'none'}")


def test_a_page_that_cannot_be_written_is_a_usage_error(tmp_path):
  (tmp_path / "config.json").write_text("{}")
  (tmp_path / "report.html" / "in the way").mkdir(parents=True)
  with pytest.raises(
    errors.UsageError, match=r"report.html cannot be .*written: "
  ):
    make(f"--run={tmp_path}")
  assert not list(tmp_path.glob(".report*"))
