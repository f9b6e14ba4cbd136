"""What is measured of a robot that is told three speeds."""

import json

import numpy as np
import pytest

from wildrobot_playground.policy.metrics import joystick

DT = 0.02
TOLD = np.array([0.5, -0.2, 0.4])
STEPS = 150  # 3 s


def rollout(speeds=TOLD, robots=2, command=TOLD, **changes):
  """Robots that glide at these speeds (3,), on a circle when they turn."""
  qpos = np.zeros((STEPS, robots, 9))
  place, yaw = np.zeros(2), 0.7
  for row in qpos:
    cos, sin = np.cos(yaw), np.sin(yaw)
    row[:, :2], row[:, 2] = place, 0.8
    row[:, 3], row[:, 6] = np.cos(yaw / 2), np.sin(yaw / 2)
    ahead, left = speeds[:2] * DT
    place = place + [cos * ahead - sin * left, sin * ahead + cos * left]
    yaw += speeds[2] * DT
  fields = {
    "dt": DT,
    "command": command,
    "alive": np.ones((STEPS, robots), bool),
    "reward": np.full((STEPS, robots), 0.03),
    "qpos": qpos,
    "root": 0,
  }
  return joystick.Rollout(**(fields | changes))


def test_speeds_are_those_along_the_heading():
  row = joystick.summarize(rollout(), None)
  assert [row[part] for part in joystick.PARTS] == pytest.approx(TOLD)
  assert row["velocity_error"] == pytest.approx(0, abs=1e-9)
  assert row["turn_error"] == pytest.approx(0, abs=1e-9)
  assert row["seconds"] == pytest.approx(3.0)
  assert row["reward"] == pytest.approx(1.5)
  assert np.isnan(row["style_distance"])


def test_errors_are_from_what_was_told():
  row = joystick.summarize(rollout(TOLD + [0.3, 0.4, -0.1]), None)
  assert row["velocity_error"] == pytest.approx(0.5)
  assert row["turn_error"] == pytest.approx(0.1)


def test_what_is_after_a_fall_does_not_count():
  whole = rollout()
  whole.alive[80:, 1] = False
  whole.qpos[80:, 1, :2] += 100.0
  row = joystick.summarize(whole, None)
  assert row["falls"] == 1
  assert row["velocity_error"] == pytest.approx(0, abs=1e-9)
  assert row["seconds"] == pytest.approx((3.0 + 1.6) / 2)


def test_a_robot_that_diverges_has_fallen():
  whole = rollout()
  whole.qpos[100:, 0] = np.nan
  row = joystick.summarize(whole, None)
  assert (row["falls"], row["diverged"]) == (1, 1)
  assert row["velocity_error"] == pytest.approx(0, abs=1e-9)
  report = joystick.score([whole], None, "mujoco")
  assert "1 robots diverged" in joystick.table(report)


def test_without_commands_there_are_no_speeds_to_miss(tmp_path):
  cart = rollout(command=None, root=None)
  report = joystick.score([cart], None, "mujoco")
  table = joystick.table(report)
  assert "command" not in table.splitlines()[1]
  assert "reward" in table
  joystick.save(report, tmp_path / "eval.json")
  saved = json.loads((tmp_path / "eval.json").read_text())
  assert saved["joystick"][0]["velocity_error"] is None


def test_a_grid_has_both_ends_of_each_part():
  low, high = np.array([-0.6, -0.8, 0.0]), np.array([1.5, 0.8, 0.0])
  grid = joystick.grid(low, high)
  assert grid.tolist() == [
    [0.0, 0.0, 0.0],
    [0.75, 0.0, 0.0],
    [1.5, 0.0, 0.0],
    [-0.6, 0.0, 0.0],
    [0.0, 0.8, 0.0],
    [0.0, -0.8, 0.0],
  ]
  said = [joystick.caption(command) for command in grid[[0, 2, 5]]]
  assert said == ["stand", "1.5 m/s forward", "-0.8 m/s left"]
  assert joystick.caption(None) == ""
