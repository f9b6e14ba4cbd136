import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion import human
from wildrobot_playground.motion.retargeting import cyclic


def test_natural_speed_is_dynamically_similar(human_walk, robot):
  scale = np.sqrt(robot.leg_length / human_walk.leg_length)
  speed = cyclic.natural_speed(human_walk, robot)
  assert speed == pytest.approx(0.98 * scale, rel=0.01)


def test_cadence_grows_with_the_exponent(human_walk, robot):
  options = cyclic.Options(cadence_exponent=0.3)
  slow, fast = (
    cyclic.cycle_frames(human_walk, ratio, robot, options)
    for ratio in (0.4, 0.8)
  )
  assert slow / fast == pytest.approx(2**0.3, rel=0.05)


def test_speed_is_the_commanded_one(human_clip):
  way = human_clip.root_pos[-1, 0] - human_clip.root_pos[0, 0]
  time = (human_clip.num_frames - 1) / human_clip.fps
  assert way / time == pytest.approx(0.3, rel=0.05)


def test_joint_speed_is_capped_hard(human_walk, robot):
  options = cyclic.Options(max_joint_speed=4.0)
  clip = cyclic.retarget(human_walk, 0.5, "capped", robot, options)
  before, now = clip.previous_qpos()
  # The seam's step closes the cycle as well as the cap lets it.
  speed = np.abs(now - before)[1:, 8:] * clip.fps
  assert np.max(speed) <= 4.0 + 2e-4


def test_joint_limits_hold_where_the_legs_cannot_follow(human_walk, robot):
  clip = cyclic.retarget(human_walk, 1.2, "far", robot)
  assert np.all(clip.joint_pos >= robot.limits[0] - 1e-6)
  assert np.all(clip.joint_pos <= robot.limits[1] + 1e-6)
  assert clip.meta["ik_error"] > 0.005


@pytest.mark.parametrize("speed", [0.0, -0.3, float("nan")])
def test_refuses_speeds_that_are_no_walk(human_walk, robot, speed):
  with pytest.raises(human.MotionError, match="expected a positive speed"):
    cyclic.retarget(human_walk, speed, "clip", robot)


def test_refuses_a_motion_that_is_no_cycle(human_walk, robot):
  motion = dataclasses.replace(human_walk, cyclic=False)
  with pytest.raises(human.MotionError, match="not marked as a loop"):
    cyclic.retarget(motion, 0.3, "clip", robot)
