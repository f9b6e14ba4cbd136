import numpy as np
import pytest

from wildrobot_playground.motion import gait, human


def test_pendulum_obeys_its_equation():
  """C'' = g / h (c - p), with p of few harmonics and a steady advance."""
  count, duration, stride, height = 60, 0.8, 0.3, 0.28
  phase = np.arange(count) / count
  wave = 2 * np.pi * phase
  zmp = np.stack(
    [stride * phase + 0.02 * np.sin(2 * wave), 0.05 * np.cos(wave)], axis=-1
  )
  com = gait.pendulum(zmp, stride, duration, height, harmonics=6)
  periodic = com - np.outer(phase, [stride, 0])
  spectrum = np.fft.rfft(periodic, axis=0)
  rate = 2 * np.pi * np.arange(len(spectrum))[:, None] / duration
  acceleration = np.fft.irfft(-(rate**2) * spectrum, count, axis=0)
  np.testing.assert_allclose(
    acceleration, 9.81 / height * (com - zmp), atol=1e-9
  )


def test_zero_moment_point_of_a_still_robot_is_under_its_mass(robot):
  clip = gait.generate(0.0, "still", robot, gait.Options(passes=0))
  frozen = np.tile(clip.qpos[:1], (4, 1))
  still = gait.clip_lib.make_clip(
    "still", frozen, robot.sole, True, (0, 0, 0), {}
  )
  com = robot.forward(frozen[0]).subtree_com[1, :2]
  point = gait.zero_moment_point(still, robot)
  np.testing.assert_allclose(point, np.tile(com, (4, 1)), atol=1e-3)


def test_feedback_brings_the_zero_moment_point_to_the_plan(robot):
  errors = []
  for passes in (0, 6):
    options = gait.Options(passes=passes)
    clip = gait.generate(0.2, "clip", robot, options)
    plan = gait.footsteps(0.2, robot, options)
    missing = gait.zero_moment_point(clip, robot) - plan.zmp
    errors.append(np.sqrt(np.mean(missing**2)))
  assert errors[1] < errors[0] / 3


def test_feet_stand_where_the_plan_puts_them(generated_clip, robot):
  plan = gait.footsteps(0.2, robot, gait.Options())
  for k in range(generated_clip.num_frames):
    data = robot.forward(generated_clip.qpos[k])
    for side, ankle in plan.feet.items():
      np.testing.assert_allclose(
        data.xpos[robot.foot_bodies[side]], ankle[k], atol=1e-5
      )


@pytest.mark.parametrize("speed", [-0.1, 0.61, float("nan")])
def test_refuses_speeds_beyond_the_servos(robot, speed):
  with pytest.raises(human.MotionError, match=r"expected 0 to 0\.6"):
    gait.generate(speed, "clip", robot)
