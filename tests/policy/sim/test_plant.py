"""Robots from any MJCF: found by name, fit to stand, or refused in a line."""

import mujoco
import numpy as np
import pytest

from wildrobot_playground.policy.controller import ContractError
from wildrobot_playground.policy.sim import plant, simulation
from wildrobot_playground.policy.sim.conditions import Conditions
from wildrobot_playground.system import assets

_SCENE = assets.xmls() / "scene_flat_terrain.xml"


@pytest.fixture
def edited(tmp_path):
  """Writes our robot as one changed MJCF; returns its path."""

  def write(change):
    spec = mujoco.MjSpec.from_file(str(_SCENE))
    change(spec)
    spec.compile()
    path = tmp_path / "robot.xml"
    path.write_text(spec.to_xml())
    return path

  return write


def test_servos_are_in_the_order_of_the_contract(robot, agreed):
  targets = [robot.model.actuator(i).trnid[0] for i in robot.servos]
  names = [robot.model.joint(i).name for i in targets]
  assert names == [joint["name"] for joint in agreed["joints"]]


def test_a_robot_stands_on_its_soles(robot, agreed):
  sim = simulation.Simulation(robot, agreed)
  sim.reset(5)
  corners = robot.reference.sole.corners(robot.pose(sim.qpos))
  lowest = corners[..., 2].min(axis=(1, 2))
  assert lowest == pytest.approx(np.zeros(5), abs=1e-4)


def test_a_model_without_a_floor_gets_one(agreed, edited):
  def no_floor(spec):
    spec.delete(spec.geom("floor"))

  path = edited(no_floor)
  robot = plant.load(agreed, path)
  assert len(robot.floor) == 1
  sim = simulation.Simulation(robot, agreed)
  for _ in range(25):
    sim.step(np.array([[j["default"] for j in agreed["joints"]]]))
  assert not sim.fallen(agreed["fall"]).any()


def test_backlash_adds_play_behind_every_servo(agreed):
  width = np.deg2rad(0.5)
  robot = plant.load(agreed, backlash=width)
  assert robot.model.nq == 16 + 9
  sim = simulation.Simulation(robot, agreed, Conditions(backlash=width))
  for _ in range(25):
    sim.step(np.array([[j["default"] for j in agreed["joints"]]]))
  play = sim.qpos[0, robot.backlash]
  assert np.abs(play).max() > 0.5 * width
  assert np.abs(play).max() < 1.5 * width


def test_ours_must_be_the_one_that_was_trained_with(agreed, edited):
  other = {**agreed, "model_hash": "0" * 16}
  with pytest.raises(ContractError, match="another version of the robot"):
    plant.load(other)
  # One that is named may be any.
  plant.load(other, edited(lambda spec: None))


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda s: setattr(s.joint("waist_yaw"), "name", "twist"), "waist_yaw"),
    (lambda s: s.delete(s.actuator(s.actuators[3].name)), "no servo on"),
    (lambda s: s.delete(s.site("chest_imu")), "no site 'chest_imu'"),
  ],
  ids=["joint", "servo", "imu"],
)
def test_other_robots_are_refused_by_name(agreed, tmp_path, change, message):
  spec = mujoco.MjSpec.from_file(str(_SCENE))
  for sensor in list(spec.sensors):
    spec.delete(sensor)
  for key in list(spec.keys):
    spec.delete(key)
  if message == "waist_yaw":  # Its servo goes with it.
    spec.delete(spec.actuators[0])
  change(spec)
  spec.compile()
  path = tmp_path / "robot.xml"
  path.write_text(spec.to_xml())
  with pytest.raises(ContractError, match=message):
    plant.load(agreed, path)


def test_files_that_are_no_models_are_refused(agreed, tmp_path):
  with pytest.raises(ContractError, match="there is no model"):
    plant.load(agreed, tmp_path / "robot.xml")
  (tmp_path / "robot.xml").write_text("<mujoco>")
  with pytest.raises(ContractError, match="is no MJCF"):
    plant.load(agreed, tmp_path / "robot.xml")


@pytest.mark.parametrize(
  ("old", "new", "message"),
  [
    ('kp="21.1"', 'kp="nan"', "kp of .* is 'nan', expected numbers"),
    ('mass="0.84121"', 'mass="1e300"', "mass of body .* is 1e\\+300"),
    (
      'damping="0.08516"',
      'damping="1e30"',
      "damping of joint 'waist_yaw' is 1e",
    ),
  ],
)
@pytest.mark.filterwarnings("error")
def test_numbers_that_no_robot_has_are_refused(
  agreed, tmp_path, monkeypatch, old, new, message
):
  monkeypatch.chdir(tmp_path)  # MuJoCo logs here.
  for path in assets.xmls().iterdir():
    text = path.read_text()
    (tmp_path / path.name).write_text(text.replace(old, new))
  with pytest.raises(ContractError, match=message) as refused:
    plant.load(agreed, tmp_path / _SCENE.name)
  assert "\n" not in str(refused.value)


def test_our_robot_has_its_joints_in_one_order(agreed):
  joints = agreed["joints"]
  agreed["joints"] = [joints[5], *joints[1:5], joints[0], *joints[6:]]
  with pytest.raises(ContractError, match="in that order"):
    plant.load(agreed)
