"""What the doctor says of a robot that somebody brings."""

import re

import numpy as np
import pytest

from tests.robots import biped
from wildrobot_playground import robots
from wildrobot_playground.robots import catalog, folder
from wildrobot_playground.runs.doctor import robot_checks
from wildrobot_playground.runs.doctor.finding import FAIL, OK, WARN


@pytest.fixture
def brought(tmp_path):
  """Makes the test biped with a changed MJCF and with a `robot.toml`."""

  def bring(old="", new="", toml=""):
    path = biped.write(tmp_path / "biped")
    text = (path / "robot.xml").read_text()
    assert old in text
    text = text.replace(old, new) if old else text
    if "<motor" in text:  # Which has neither of these.
      text = text.replace('kp="300" kv="8"', "")
    (path / "robot.xml").write_text(text)
    (path / "robot.toml").write_text(toml)
    return robots.Robot(folder.load(path))

  return bring


def _verdicts(robot):
  return {f.check: f.verdict for f in robot_checks.check(robot)}


def _said(robot, check):
  found = {f.check: f for f in robot_checks.check(robot)}[check]
  return f"{found.detail}; {found.remedy}"


@pytest.mark.parametrize("name", [robot.name for robot in catalog.SHIPPED])
def test_the_shipped_robots_are_well(name):
  found = _verdicts(robots.of(catalog.find(name)))
  assert set(found.values()) == {OK}


def test_a_sound_robot_is_well(brought):
  assert set(_verdicts(brought()).values()) == {OK}


def test_motors_are_driven_by_a_guess_that_is_told(brought):
  robot = brought("<position name=", "<motor name=")
  assert _verdicts(robot)["servos"] == WARN
  assert "kp = " in _said(robot, "servos")


def test_motors_with_a_stiffness_of_the_owners_are_no_guess(brought):
  robot = brought("<position name=", "<motor name=", "[servo]\nkp=250\nkv=6")
  assert _verdicts(robot)["servos"] == OK
  gains = robot.model.actuator_gainprm[robot.at.servos, 0]
  assert set(gains) == {250.0}


def test_a_pose_that_does_not_stand_is_named(brought):
  pitches = [f"{side}_ankle_pitch = 0.5" for side in robots.SIDES]
  robot = brought(toml="\n".join(["[default_pose]", *pitches]))
  found = _verdicts(robot)
  assert found["soles"] == WARN
  assert found["default pose"] == WARN
  assert "does not stand by itself" in _said(robot, "default pose")


def test_an_imu_that_is_turned_is_named(brought):
  site = '<freejoint/>\n      <site name="imu" euler="1.57 0 0"/>'
  robot = brought("<freejoint/>", site)
  assert _verdicts(robot)["imu"] == FAIL
  assert "turn the site" in _said(robot, "imu")


def test_legs_that_do_not_mirror_are_named(brought, tmp_path):
  text = (biped.write(tmp_path / "sound") / "robot.xml").read_text()
  place = re.search(r'<joint name="left_knee" pos="([^"]*)"', text)
  moved = " ".join(str(float(n) + 0.1) for n in place[1].split())
  robot = brought(place[0], f'<joint name="left_knee" pos="{moved}"')
  assert _verdicts(robot)["mirror"] == WARN
  said = _said(robot, "mirror")
  assert "left_knee is not the mirror image of right_knee" in said


def test_servos_without_a_range_have_their_joints(brought):
  robot = brought()
  low, high = robot.model.actuator_ctrlrange[robot.at.servos].T
  np.testing.assert_allclose([low, high], robot.limits, atol=1e-9)
