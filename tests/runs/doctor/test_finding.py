import json

import pytest

from wildrobot_playground.runs.doctor.finding import (
  FAIL,
  OK,
  WARN,
  Finding,
  overall,
  save,
  table,
)

FINDINGS = [
  Finding("memory", OK, "enough"),
  Finding("root height", FAIL, "is 0.99 m", "build it again"),
  Finding("coverage", WARN, "to 0.6 m/s", "add clips"),
]


@pytest.mark.parametrize(
  ("chosen", "verdict"),
  [([], OK), ([0], OK), ([0, 2], WARN), ([2, 1, 0], FAIL)],
)
def test_the_worst_finding_is_the_verdict(chosen, verdict):
  assert overall([FINDINGS[i] for i in chosen]) == verdict


def test_a_finding_is_a_line_with_its_remedy():
  lines = table(FINDINGS).splitlines()
  assert lines[1] == "FAIL  root height  is 0.99 m; build it again"
  assert lines[0] == "ok    memory       enough"
  assert lines[-1] == "verdict  FAIL (1 ok, 1 warn, 1 FAIL)"


def test_json_holds_what_the_table_says(tmp_path):
  save(FINDINGS, tmp_path / "doctor.json")
  report = json.loads((tmp_path / "doctor.json").read_text())
  assert report["verdict"] == FAIL
  assert report["findings"][1] == {
    "check": "root height",
    "verdict": FAIL,
    "detail": "is 0.99 m",
    "remedy": "build it again",
  }
