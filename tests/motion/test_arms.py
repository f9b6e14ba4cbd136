"""Arms swing: against the legs, or as a recorded human's do."""

import dataclasses

import numpy as np
import pytest

from tests.robots import biped as biped_lib
from wildrobot_playground import robots
from wildrobot_playground.motion import walk_generator
from wildrobot_playground.motion.edit import mirror, retime
from wildrobot_playground.motion.quality import collision, gates
from wildrobot_playground.motion.retargeting import arms as arms_lib
from wildrobot_playground.motion.retargeting import recording
from wildrobot_playground.robots import folder as folder_lib
from wildrobot_playground.robots import rotations

SIGNS = {"left": 1.0, "right": -1.0}  # by which shoulders swing forward


@pytest.fixture(scope="module")
def armed(tmp_path_factory):
  folder = tmp_path_factory.mktemp("robots") / "armed"
  return robots.of(folder_lib.load(biped_lib.write(folder, arms=True)))


def _angle(clip, joint):
  return clip.joint_pos[:, clip.joint_names.index(joint)]


def _swing(clip, side):
  """(T,) of the shoulder forward [rad]."""
  return SIGNS[side] * _angle(clip, f"{side}_shoulder_pitch")


def _foot_ahead(clip, robot, side):
  """(T,) of the foot ahead of the pelvis [m]."""
  contacts = robot.description.contacts_of(side)
  corners = robot.sole.corners(clip.qpos)[:, contacts]
  return corners.mean(axis=(1, 2))[:, 0] - clip.root_pos[:, 0]


def test_roles_of_arms_and_their_signs(armed):
  names = armed.description.joints
  for side, arm in armed.arms.items():
    assert names[arm.shoulder] == f"{side}_shoulder_pitch"
    assert names[arm.elbow] == f"{side}_elbow"
    assert (arm.shoulder_sign, arm.elbow_sign) == (SIGNS[side], 1.0)


def test_generated_arms_swing_against_the_leg_of_their_side(armed):
  clip = walk_generator.generate(0.5, "walk", armed)
  assert gates.assess(clip, armed).tier == "feasible"
  for side in robots.SIDES:
    both = _swing(clip, side), _foot_ahead(clip, armed, side)
    assert np.corrcoef(*both)[0, 1] < -0.9
    np.testing.assert_allclose(_angle(clip, f"{side}_elbow"), 0.3, atol=1e-6)


def test_generated_swing_grows_with_speed_and_stays_in_the_limits(armed):
  rate = 0.875 / np.sqrt(armed.size)
  for speed in (0.0, 0.4, 0.8):
    clip = walk_generator.generate(speed, "walk", armed)
    expected = min(rate * speed, 0.9 * 0.6)
    for side in robots.SIDES:
      swing = _swing(clip, side)
      np.testing.assert_allclose(np.max(np.abs(swing)), expected, atol=1e-6)


def test_retargeted_arms_swing_as_the_humans_do(armed, human_walk):
  clip = recording.follow(human_walk, "human", armed, 0.5)
  assert gates.assess(clip, armed).tier != "refused"
  for side in robots.SIDES:
    swing = _swing(clip, side)
    assert 0.2 < np.ptp(swing) < 1.0
    assert np.corrcoef(swing, _foot_ahead(clip, armed, side))[0, 1] < -0.7
    elbow = _angle(clip, f"{side}_elbow")
    assert np.all(elbow >= 0)
    # The fore arm comes up as the arm swings forward.
    assert np.corrcoef(swing, elbow)[0, 1] > 0.7


def test_a_human_without_arms_leaves_them_hanging(armed, human_walk):
  points = {
    name: point
    for name, point in human_walk.points.items()
    if not name.endswith(("shoulder", "elbow", "wrist"))
  }
  bare = dataclasses.replace(human_walk, points=points)
  clip = recording.follow(bare, "human", armed, 0.5)
  for side in robots.SIDES:
    np.testing.assert_array_equal(_angle(clip, f"{side}_shoulder_pitch"), 0)


def test_own_arms_come_back_from_their_points(armed, human_walk):
  rng = np.random.default_rng(0)
  time = np.linspace(0, 2 * np.pi, 50)
  qpos = np.tile(armed.bent_knees(), (50, 1))
  tilt = rng.uniform(-0.2, 0.2, (50, 3))
  qpos[:, 3:7] = rotations.quat_from_euler_zyx(tilt)
  for arm in armed.arms.values():
    qpos[:, 7 + arm.shoulder] = arm.shoulder_sign * 0.3 * np.sin(time)
    qpos[:, 7 + arm.elbow] = 0.5 + 0.2 * np.cos(time)
  chest = rotations.quat_to_mat(qpos[:, 3:7])
  points = {}
  for side in robots.SIDES:
    points |= arms_lib.points(side, qpos, chest, armed)

  motion = dataclasses.replace(human_walk, points=points, chest_mat=chest)
  for column, angle in arms_lib.angles(motion, armed, 1.0).items():
    np.testing.assert_allclose(angle, qpos[:, 7 + column], atol=1e-9)


def test_a_retimed_walk_keeps_its_swing(armed):
  clip = walk_generator.generate(0.4, "walk", armed)
  again = retime.froude(clip, 0.4, armed)
  for side in robots.SIDES:
    before, after = np.ptp(_swing(clip, side)), np.ptp(_swing(again, side))
    assert after == pytest.approx(before, rel=0.1)


def test_mirrored_arms_change_sides(armed):
  clip = walk_generator.generate(0.4, "walk", armed)
  image = mirror.mirror(clip, armed)
  np.testing.assert_allclose(
    _swing(image, "left"), _swing(clip, "right"), atol=1e-12
  )


def test_an_arm_that_reaches_its_thigh_is_seen(armed):
  pose = armed.at.pose(armed.default_qpos)
  assert 0.02 < collision.arm_gap(pose[None], armed)[0] < 0.2
  moved = np.tile(pose, (2, 1))
  # A thigh that rolls outwards, up to the fore arm beside it.
  hip = armed.description.joints.index("left_hip_roll")
  sign = armed.hinges.sign(hip)
  moved[1, 7 + hip] = sign * 0.5
  straight, rolled = collision.arm_gap(moved, armed)
  assert rolled < straight


def test_a_robot_without_arms_has_no_gap_to_keep(robot, generated_clip):
  assert np.all(np.isinf(collision.arm_gap(generated_clip.qpos, robot)))
