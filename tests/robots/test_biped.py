"""Legs of six hinges: kinematics, inverse, and poses in another order."""

import numpy as np
import pytest

from tests.robots import biped as biped_lib
from wildrobot_playground import robots
from wildrobot_playground.robots import legs, rotations

COUNT = 100


def _poses(leg, rng):
  """Joints (COUNT, 6) around a bent leg, below tilted pelvises."""
  joints = leg.bent + rng.uniform(-0.25, 0.25, (COUNT, 6))
  tilt = rng.uniform(-0.1, 0.1, (COUNT, 3))
  pelvis = rotations.quat_to_mat(rotations.quat_from_euler_zyx(tilt))
  return np.clip(joints, *leg.limits), pelvis, tilt


def test_measures_are_those_it_was_made_with(biped):
  straight = biped_lib.THIGH + biped_lib.SHIN
  np.testing.assert_allclose(biped.leg_length, straight, atol=1e-6)
  height = straight + biped_lib.ANKLE + biped_lib.HIP_DROP
  np.testing.assert_allclose(biped.home_height, height, atol=1e-6)
  np.testing.assert_allclose(biped.foot_y, biped_lib.HIP_Y, atol=1e-6)
  for foot in biped.feet.values():
    np.testing.assert_allclose(foot.toe, [0.13, 0, -0.06], atol=1e-6)
    np.testing.assert_allclose(foot.heel, [-0.07, 0, -0.06], atol=1e-6)
    np.testing.assert_allclose(foot.half_width, 0.045, atol=1e-6)


def test_poses_are_in_the_contracts_order_and_qpos_in_the_models(biped):
  names = biped.description.joints
  assert names[0] == "left_hip_yaw"
  assert biped.model.joint(1).name == "right_hip_yaw"
  pose = np.arange(7.0 + len(names))
  qpos = biped.qpos(pose)
  for name, angle in zip(names, pose[7:], strict=True):
    assert qpos[biped.model.joint(name).qposadr[0]] == angle
  np.testing.assert_array_equal(biped.at.pose(qpos), pose)


@pytest.mark.parametrize("side", robots.SIDES)
def test_forward_kinematics_is_mujocos(biped, side):
  leg = legs.Leg(biped, side)
  joints, pelvis, tilt = _poses(leg, np.random.default_rng(0))
  places, mats = leg.forward(joints, pelvis)
  ankle, level = leg.ankle(places, mats)
  foot = biped.feet[side]
  for k in range(0, COUNT, 20):
    pose = biped.bent_knees()
    pose[3:7] = rotations.quat_from_euler_zyx(tilt[k])
    pose[7:][leg.columns] = joints[k]
    data = biped.forward(biped.qpos(pose))
    for i, name in enumerate(biped.description.legs[side]):
      np.testing.assert_allclose(
        places[k, i], data.joint(name).xanchor, atol=1e-9
      )
    mat = data.xmat[foot.body].reshape(3, 3)
    for offset in (foot.toe, foot.heel, np.zeros(3)):
      np.testing.assert_allclose(
        ankle[k] + level[k] @ offset,
        data.xpos[foot.body] + mat @ foot.point(offset),
        atol=1e-9,
      )


@pytest.mark.parametrize("side", robots.SIDES)
def test_soles_go_where_they_should_level_and_straight_ahead(biped, side):
  leg = legs.Leg(biped, side)
  rng = np.random.default_rng(1)
  _, pelvis, _ = _poses(leg, rng)
  sign = 1 if side == "left" else -1
  target = rng.uniform([-0.12, -0.03, -0.82], [0.12, 0.03, -0.72], (COUNT, 3))
  target[:, 1] += sign * biped.foot_y
  pitch, yaw = rng.uniform(-0.2, 0.2, (2, COUNT))
  middle = np.tile((leg.toe + leg.heel) / 2, (COUNT, 1))
  task = legs.FootTask(middle, target, pitch, yaw)
  joints, miss = leg.solve(task, pelvis)
  assert np.max(np.abs(miss)) < 1e-5
  _, mat = leg.ankle(*leg.forward(joints, pelvis))
  expected = rotations.about("z", yaw) @ rotations.about("y", pitch)
  # Of a pitched sole, yaw is told by where its front edge is.
  np.testing.assert_allclose(mat, expected, atol=0.01)
