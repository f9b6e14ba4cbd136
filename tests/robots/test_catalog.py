"""Robots are found by name or by folder, and no two share a name."""

import dataclasses

import pytest

from tests.robots import users_biped as biped
from wildrobot_playground.robots import catalog
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.system import errors


@pytest.fixture(autouse=True)
def forget(monkeypatch):
  """Nothing is known but what is shipped, and all else forgotten after it."""
  shipped = {robot.name: robot for robot in catalog.SHIPPED}
  monkeypatch.setattr(catalog, "_known", shipped)


def test_ours_is_known_by_name_and_by_its_environments():
  assert catalog.find("wildrobot") is WILDROBOT
  assert catalog.get("wildrobot") is WILDROBOT
  assert "wildrobot" in catalog.names()
  for name, terrain in (
    ("WildRobotWalk", "flat"),
    ("WildRobotWalkRough", "rough"),
  ):
    assert name in catalog.environments()
    assert catalog.of_environment(name) == (WILDROBOT, terrain)


def test_a_folder_is_known_by_name_once_it_was_found(tmp_path):
  path = biped.write(tmp_path / "strider")
  assert catalog.get("strider") is None
  robot = catalog.find(str(path))
  assert catalog.get("strider") is robot
  assert catalog.find("strider") is robot
  assert catalog.of_environment("StriderWalkRough") == (robot, "rough")
  # Again, and by its file: the same robot.
  assert catalog.find(str(path)) == robot
  assert catalog.find(str(path / "robot.toml")) == robot


def test_a_folder_here_needs_no_slash(tmp_path, monkeypatch):
  biped.write(tmp_path / "strider")
  monkeypatch.chdir(tmp_path)
  assert catalog.find("strider").root == "pelvis"


def test_an_unknown_name_is_told_with_the_nearest():
  with pytest.raises(errors.UsageError) as error:
    catalog.find("wildrobt")
  said = str(error.value)
  assert said.startswith("unknown robot 'wildrobt'; did you mean wildrobot")


@pytest.mark.parametrize("name", ["no/where", "./nowhere"])
def test_a_folder_that_is_not_there_is_told(name):
  with pytest.raises(errors.UsageError, match=r"there is no robot\.toml in"):
    catalog.find(name)


def test_what_is_no_name_at_all_is_told():
  for name in ("", "\0", "a\0/b", "x" * 5000, "/" + "x" * 5000):
    with pytest.raises(errors.UsageError) as error:
      catalog.find(name)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
  ("text", "taken"),
  [
    ('name = "wildrobot"\ntitle = "Mine"', "'wildrobot' (WildRobotWalk)"),
    ('title = "WildRobot"', "'wildrobot' (WildRobotWalk)"),
    ('name = "first"', "'first' (FirstWalk)"),
  ],
)
def test_a_name_that_is_taken_is_refused(tmp_path, text, taken):
  catalog.find(str(biped.write(tmp_path / "first")))
  before = catalog.names()
  with pytest.raises(errors.UsageError) as error:
    catalog.find(str(biped.write(tmp_path / "second", text)))
  said = str(error.value)
  assert f"there is a robot {taken} already" in said
  assert "another name in its robot.toml" in said
  assert "\n" not in said
  assert catalog.names() == before
  assert catalog.get("wildrobot") is WILDROBOT


def test_environments_of_two_robots_never_share_a_name(tmp_path):
  """`XWalkRough` would be X on rough ground, or XWalkRough's own title."""
  robot = catalog.find(str(biped.write(tmp_path / "first")))
  other = dataclasses.replace(robot, name="other", title="FirstWalkRoughX")
  catalog.add(other)
  names = catalog.environments()
  assert len(set(names)) == len(names)


def test_a_changed_folder_is_another_robot(tmp_path):
  path = biped.write(tmp_path / "first")
  catalog.find(str(path))
  biped.write(path, 'waist = ""')
  with pytest.raises(errors.UsageError, match="already"):
    catalog.find(str(path))


def test_an_unknown_environment_is_none():
  with pytest.raises(KeyError):
    catalog.of_environment("CartpoleBalance")


def test_a_folder_that_was_found_is_found_by_an_earlier_name(
  tmp_path, monkeypatch
):
  """A robot that has moved is what its run or its policy called it."""
  biped.write(tmp_path / "roamer")
  monkeypatch.chdir(tmp_path)
  assert catalog.find("roamer").name == "roamer"
  assert catalog.find("roamer", "stayer").name == "stayer"
