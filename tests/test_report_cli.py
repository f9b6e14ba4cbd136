"""The command line of the report."""

import json

import pytest
from absl import flags

from wildrobot_playground import cli, report


def make(*arguments):
  """Runs the command in this process; returns its exit code."""
  flags.FLAGS(["report", *arguments], known_only=True)
  try:
    return report.main([])
  finally:
    flags.FLAGS.unparse_flags()
    flags.FLAGS["run"].unparse()


def test_it_writes_the_page_and_says_where(tmp_path, capsys):
  (tmp_path / "config.json").write_text(json.dumps({"env": "WildRobotWalk"}))
  assert make(f"--run={tmp_path}") == 0
  page = tmp_path / "report.html"
  assert page.read_text("utf-8").startswith("<!doctype html>")
  assert capsys.readouterr().out == f"report   {page}\n"
  assert sorted(p.name for p in tmp_path.iterdir()) == [
    "config.json",
    "report.html",
  ]


def test_a_run_is_required():
  with pytest.raises(cli.UsageError, match="--run=RUN_FOLDER is required"):
    make()


def test_a_folder_that_is_no_run_is_a_usage_error(tmp_path):
  with pytest.raises(cli.UsageError, match="is no run folder"):
    make(f"--run={tmp_path / 'none'}")


def test_a_page_that_cannot_be_written_is_a_usage_error(tmp_path):
  (tmp_path / "config.json").write_text("{}")
  (tmp_path / "report.html" / "in the way").mkdir(parents=True)
  with pytest.raises(cli.UsageError, match=r"report of .* cannot be written"):
    make(f"--run={tmp_path}")
  assert not list(tmp_path.glob(".report*"))


def test_unknown_arguments_are_usage_errors():
  with pytest.raises(cli.UsageError, match="unknown argument 'more'"):
    report.main(["more"])
