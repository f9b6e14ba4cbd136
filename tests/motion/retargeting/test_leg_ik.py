import numpy as np
import pytest

from wildrobot_playground.motion.retargeting import foot_targets, leg_ik, trunk

COUNT = 60


def _standing(robot, ahead, height):
  """Feet that stand so far ahead and behind, and a pelvis at a height."""
  feet = {}
  for side, sign in (("left", 1), ("right", -1)):
    place = np.array([sign * ahead, sign * robot.foot_y, -robot.toe[2]])
    feet[side] = foot_targets.Foot(
      np.tile(place, (COUNT, 1)), np.zeros(COUNT), np.ones(COUNT, bool)
    )
  root = np.tile([0.0, 0.0, height], (COUNT, 1))
  body = trunk.Body(root, np.zeros((COUNT, 2)), np.zeros(COUNT))
  return feet, body


def test_a_pelvis_within_reach_stays(robot):
  feet, body = _standing(robot, 0.03, robot.home_height - 0.03)
  solution = leg_ik.solve(feet, body, robot, 8.0)
  assert np.max(solution.error) < 5e-4
  np.testing.assert_allclose(solution.root, body.root, atol=1e-9)


def test_a_pelvis_too_high_comes_down_as_far_as_it_must(robot):
  feet, body = _standing(robot, 0.0, robot.home_height + 0.01)
  solution = leg_ik.solve(feet, body, robot, 8.0)
  assert np.max(solution.error) < 1e-3
  lowered = body.root[:, 2] - solution.root[:, 2]
  # Ten millimetres, and two for the bend that a knee keeps.
  assert np.all(lowered > 0.01) and np.all(lowered < 0.02)


def test_a_hip_at_its_limit_leans_the_pelvis(robot):
  feet, body = _standing(robot, 0.1, robot.home_height - 0.02)
  solution = leg_ik.solve(feet, body, robot, 8.0)
  assert np.max(solution.error) < 1e-3
  assert np.all(solution.tilt[:, 0] > 0.03)
  limit = robot.limits[0, 1]
  assert np.min(solution.joints[:, 1]) > limit + 0.005


def test_what_cannot_be_reached_is_an_error(robot):
  feet, body = _standing(robot, 0.0, robot.home_height + 0.1)
  solution = leg_ik.solve(feet, body, robot, 8.0)
  # Ten centimetres, of which the pelvis gives four.
  assert np.min(solution.error) == pytest.approx(0.06, abs=0.01)
  assert np.all(solution.joints >= robot.limits[0])


def test_the_cap_on_joint_speed_is_in_the_error(robot):
  feet, body = _standing(robot, 0.0, robot.home_height - 0.03)
  jump = feet["left"].place.copy()
  jump[COUNT // 2 :, 0] += 0.06
  feet["left"] = foot_targets.Foot(jump, np.zeros(COUNT), np.ones(COUNT, bool))
  solution = leg_ik.solve(feet, body, robot, 2.0)
  speed = np.abs(np.diff(solution.joints, axis=0)) * 50
  assert np.max(speed) <= 2.0 + 1e-9
  assert 0.01 < np.max(solution.error) < 0.06
