"""A robot's numbers are found by name, whatever order its model has."""

import jax.numpy as jp
import mujoco
import numpy as np
import pytest

from tests.robots import users_biped as biped
from wildrobot_playground.robots import addresses
from wildrobot_playground.robots.wildrobot import WILDROBOT


@pytest.fixture(scope="module")
def other():
  """The biped, whose servos go otherwise than its tree."""
  return mujoco.MjModel.from_xml_string(biped.XML)


@pytest.mark.parametrize("order", [biped.JOINTS, biped.TREE, biped.JOINTS[::2]])
@pytest.mark.parametrize("array", [np.asarray, jp.asarray])
def test_pose_and_velocity_are_in_the_order_that_is_asked_for(
  other, order, array
):
  at = addresses.find(other, order)
  rng = np.random.default_rng(0)
  qpos = rng.uniform(-1, 1, (3, 2, other.nq)).astype(np.float32)
  qvel = rng.uniform(-1, 1, (3, 2, other.nv)).astype(np.float32)
  pose, velocity = at.pose(array(qpos)), at.velocity(array(qvel))
  assert isinstance(pose, type(array(qpos)))
  assert pose.shape == (3, 2, 7 + len(order))
  assert velocity.shape == (3, 2, 6 + len(order))
  np.testing.assert_array_equal(pose[..., :7], qpos[..., :7])
  np.testing.assert_array_equal(velocity[..., :6], qvel[..., :6])
  for i, name in enumerate(order):
    place = biped.TREE.index(name)
    np.testing.assert_array_equal(pose[..., 7 + i], qpos[..., 7 + place])
    np.testing.assert_array_equal(velocity[..., 6 + i], qvel[..., 6 + place])


@pytest.mark.parametrize("order", [biped.JOINTS, biped.TREE])
def test_servos_are_those_of_the_joints(other, order):
  at = addresses.find(other, order)
  names = [other.actuator(i).name for i in np.arange(other.nu)[at.servos]]
  assert names == [f"{joint}_servo" for joint in order]


def test_the_root_is_found_behind_other_joints():
  spec = mujoco.MjSpec.from_string(
    "<mujoco><worldbody><body><joint name='door'/><geom size='1'/></body>"
    "<body name='base'><freejoint/><geom size='1'/><body><joint name='a'/>"
    "<geom size='1'/></body></body></worldbody>"
    "<actuator><motor joint='door'/><motor joint='a'/></actuator></mujoco>"
  )
  at = addresses.find(spec.compile(), ["a"])
  np.testing.assert_array_equal(at.pose(np.arange(9)), np.arange(1, 9))
  np.testing.assert_array_equal(at.velocity(np.arange(8)), np.arange(1, 8))
  assert not at.is_pose
  assert at.servos == slice(1, 2)


def test_runs_without_a_gap_are_slices(model, other):
  at = addresses.find(model, WILDROBOT.joints)
  assert at == addresses.Addresses(
    slice(0, 7), slice(0, 6), slice(7, 16), slice(6, 15), slice(0, 9), True
  )
  qpos = np.zeros(model.nq)
  assert at.pose(qpos) is qpos
  assert at.velocity(qpos) is qpos
  at = addresses.find(other, biped.TREE)
  assert at.is_pose
  assert at.joints == slice(7, 14)
  assert isinstance(at.servos, np.ndarray)
  at = addresses.find(other, biped.JOINTS)
  assert not at.is_pose
  assert isinstance(at.joints, np.ndarray)
  assert at.servos == slice(0, 7)
  # All of a pose, but not all of the model.
  assert not addresses.find(other, biped.TREE[:3]).is_pose


def test_the_first_of_two_servos_counts(other):
  spec = mujoco.MjSpec.from_string(biped.XML)
  spec.add_actuator(
    name="again", trntype=mujoco.mjtTrn.mjTRN_JOINT, target="twist"
  )
  assert addresses.find(spec.compile(), ["twist"]).servos == slice(0, 1)


def test_a_missing_joint_is_told(other):
  with pytest.raises(ValueError, match="there is no joint 'neck'"):
    addresses.find(other, ["twist", "neck"])


def test_a_joint_without_a_servo_is_told():
  spec = mujoco.MjSpec.from_string(biped.XML)
  spec.delete(spec.actuator("twist_servo"))
  with pytest.raises(ValueError, match="no actuator drives 'twist'"):
    addresses.find(spec.compile(), biped.JOINTS)


def test_what_drives_no_joint_is_no_servo():
  """A tendon or a site may have the id of the joint."""
  spec = mujoco.MjSpec.from_string(biped.XML)
  spec.delete(spec.actuator("twist_servo"))
  spec.add_actuator(
    name="jet", trntype=mujoco.mjtTrn.mjTRN_SITE, target="torso_imu"
  )
  model = spec.compile()
  for joint in biped.TREE[:6]:
    servo = addresses.find(model, [joint]).servos
    assert model.actuator(servo.start).name == f"{joint}_servo"
  with pytest.raises(ValueError, match="no actuator drives 'twist'"):
    addresses.find(model, ["twist"])


@pytest.mark.parametrize("count", [0, 2])
def test_a_robot_has_one_free_joint(count):
  body = "<body><freejoint/><geom size='1'/></body>" * count
  model = mujoco.MjModel.from_xml_string(
    f"<mujoco><worldbody>{body}</worldbody></mujoco>"
  )
  with pytest.raises(ValueError, match=f"has {count} free joints"):
    addresses.find(model, ["a"])
