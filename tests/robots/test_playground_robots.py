"""Playground's own robots, and any environment's: found by their structure."""

import pathlib
import subprocess
import types

import mujoco
import numpy as np
import pytest

from tests.envs import menagerie
from tests.robots import users_biped as biped
from wildrobot_playground import robots
from wildrobot_playground.robots import catalog, playground
from wildrobot_playground.robots.named_parts import RobotError
from wildrobot_playground.system import errors

# What Playground says of them: root, joints, legs' joints, their lowest part.
KNOWN = {
  "apollo": ("base_link", 32, 6),
  "berkeley_humanoid": ("torso", 12, 6),
  "g1": ("pelvis", 29, 6),
  "h1": ("pelvis", 19, 5),
  "op3": ("body_link", 20, 6),
  "t1": ("Trunk", 23, 6),
}


def environment(folder, scene):
  """An environment whose MJCF includes the biped, with its files in memory."""
  path = folder / "scene.xml"
  path.write_text(scene)
  files = {"biped.xml": biped.XML.encode()}
  return types.SimpleNamespace(xml_path=str(path), model_assets=files)


def test_any_environment_is_described(tmp_path):
  included = '<mujoco><include file="biped.xml"/></mujoco>'
  found = playground.describe(environment(tmp_path, included), "biped")
  assert found.joints == biped.JOINTS
  assert [c.geoms for c in found.contacts] == [("left_sole",), ("right_sole",)]
  robot = robots.of(found)
  beside = biped.description(tmp_path / "beside", title="Beside", name="beside")
  np.testing.assert_array_equal(
    robot.model.body_mass, robots.of(beside).model.body_mass
  )


def test_what_a_model_lacks_is_told(tmp_path):
  fixed = biped.XML.replace('<freejoint name="base"/>', "")
  start, end = fixed.index("<keyframe>"), fixed.index("</mujoco>")
  fixed = fixed[:start] + fixed[end:]
  with pytest.raises(RobotError, match="has 0 free joints, expected one"):
    playground.describe(environment(tmp_path, fixed), "fixed")


def test_they_are_known_by_name():
  assert set(KNOWN) == set(playground.ENVIRONMENTS)
  assert set(KNOWN) <= set(catalog.names())
  with pytest.raises(errors.UsageError, match="did you mean g1"):
    catalog.find("g11")


@pytest.mark.parametrize(
  ("raised", "said"),
  [
    (ValueError("no such file\nand more"), "G1JoystickFlatTerrain: no such"),
    (subprocess.CalledProcessError(128, ["git"]), "needs its robot's files"),
  ],
)
def test_without_their_files_it_is_one_line(monkeypatch, raised, said):
  from mujoco_playground import registry

  def load(*_, **__):
    raise raised

  monkeypatch.setattr(registry, "load", load)
  with pytest.raises(errors.UsageError, match=said) as error:
    playground.find("g1")
  assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_playgrounds_robots_are_found_whole(name):
  menagerie.needed()
  root, joints, leg = KNOWN[name]
  robot = robots.of(catalog.find(name))
  assert robot.description.root == root
  assert len(robot.description.joints) == joints
  assert {len(legs) for legs in robot.description.legs.values()} == {leg}
  assert pathlib.Path(robot.description.model).is_file()
  # It stands on its soles, its left foot to the left, and mirrors itself.
  lowest = robot.foot_heights(robot.at.pose(robot.default_qpos))
  np.testing.assert_allclose(lowest, 0.0, atol=0.02)
  assert robot.foot_y > 0
  assert robot.mirror is not None
  data = mujoco.MjData(robot.model)
  data.qpos[:] = robot.default_qpos
  mujoco.mj_forward(robot.model, data)
  assert np.isfinite(data.qacc).all()
