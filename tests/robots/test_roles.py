"""What joints are for and how they mirror, read off axes and anchors."""

import dataclasses

import numpy as np
import pytest

from wildrobot_playground import robots
from wildrobot_playground.robots import mirroring

LEFT, RIGHT = "left", "right"


def test_wildrobots_legs_are_hip_pitch_hip_roll_knee_ankle(robot):
  for side, start, sign in ((LEFT, 1, 1.0), (RIGHT, 5, -1.0)):
    leg = robot.legs[side]
    assert leg.columns == slice(start, start + 4)
    assert (leg.hip_pitch, leg.knee, leg.ankle_pitch) == (0, 2, 3)
    assert leg.ankle_rolls == leg.yaws == ()
    assert leg.hip_flexion_sign == sign
    np.testing.assert_array_equal(leg.bent, [0.4 * sign, 0.0, 0.8, -0.4])
  np.testing.assert_array_equal(robot.hip_extension_limits, [-0.0873] * 2)
  assert robot.waist == 0
  assert robot.waist_sign == -1.0  # Positive turns right.
  assert robot.arms == {}
  assert (robot.size, robot.width, robot.home_height) == (1.0, 1.0, 0.4694)


def test_wildrobots_mirror_swaps_legs_and_turns_waist_and_hips(robot):
  mirror = robot.mirror
  np.testing.assert_array_equal(mirror.joints, [0, 5, 6, 7, 8, 1, 2, 3, 4])
  np.testing.assert_array_equal(mirror.signs, [-1, -1, -1, 1, 1, -1, -1, 1, 1])
  np.testing.assert_array_equal(mirror.contacts, [2, 3, 0, 1])


def test_roles_of_six_hinges_in_turned_frames(biped):
  for side in (LEFT, RIGHT):
    leg = biped.legs[side]
    assert leg.yaws == (0,)
    assert (leg.hip_pitch, leg.knee, leg.ankle_pitch) == (2, 3, 4)
    assert leg.ankle_rolls == (5,)
  assert biped.arms == {}
  assert biped.waist is None


def test_bent_legs_bring_knees_forward_and_keep_soles_level(biped):
  pose = biped.bent_knees()
  data = biped.forward(biped.qpos(pose))
  for side in (LEFT, RIGHT):
    hip, knee, foot = (
      data.joint(f"{side}_{name}").xanchor
      for name in ("hip_pitch", "knee", "ankle_pitch")
    )
    assert knee[0] > hip[0] + 0.05
    assert knee[0] > foot[0] + 0.05
  corners = biped.sole.corners(pose)
  np.testing.assert_allclose(np.ptp(corners[..., 2], axis=-1), 0, atol=1e-6)


def test_mirrored_poses_put_the_mirrored_soles(biped):
  rng = np.random.default_rng(0)
  mirror = biped.mirror
  for _ in range(10):
    pose = biped.bent_knees()
    pose[7:] += rng.uniform(-0.3, 0.3, len(pose) - 7)
    image = pose.copy()
    image[7:] = mirror.angles(pose[7:])
    soles, images = biped.sole.corners(np.stack([pose, image])).mean(axis=2)
    np.testing.assert_allclose(
      images, soles[mirror.contacts] * [1, -1, 1], atol=1e-6
    )
    np.testing.assert_array_equal(mirror.angles(image[7:]), pose[7:])


def test_a_leg_without_ankle_is_named_once_it_must_move(robot):
  short = ("left_hip_roll", "left_knee_pitch")
  description = dataclasses.replace(
    robot.description, legs={LEFT: short, RIGHT: short}
  )
  without = robots.Robot(description)
  assert without.default_height == robot.default_height
  with pytest.raises(ValueError, match=r"left leg, 1 joints \(left_hip_roll"):
    without.leg_length  # noqa: B018


def test_a_joint_without_image_is_named(robot):
  axes = robot.hinges.axes.copy()
  axes[0] = [0.0, 0.6, 0.8]  # A waist that leans to one side.
  hinges = dataclasses.replace(robot.hinges, axes=axes)
  with pytest.raises(ValueError, match="'waist_yaw' has no mirror image"):
    mirroring.find(hinges, np.zeros((4, 3)), robot.description)
