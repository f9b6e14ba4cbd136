import numpy as np
import pytest

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import human, walk_generator, walk_options
from wildrobot_playground.motion.quality import gates


def test_pendulum_obeys_its_equation():
  """C'' = g / h (c - p), with p of few harmonics and a steady advance."""
  count, duration, stride, height = 60, 0.8, 0.3, 0.28
  phase = np.arange(count) / count
  wave = 2 * np.pi * phase
  zmp = np.stack(
    [stride * phase + 0.02 * np.sin(2 * wave), 0.05 * np.cos(wave)], axis=-1
  )
  com = walk_generator.pendulum(zmp, stride, duration, height, harmonics=6)
  periodic = com - np.outer(phase, [stride, 0])
  spectrum = np.fft.rfft(periodic, axis=0)
  rate = 2 * np.pi * np.arange(len(spectrum))[:, None] / duration
  acceleration = np.fft.irfft(-(rate**2) * spectrum, count, axis=0)
  np.testing.assert_allclose(
    acceleration, 9.81 / height * (com - zmp), atol=1e-9
  )


def test_zero_moment_point_of_a_still_robot_is_under_its_mass(robot):
  clip = walk_generator.generate(
    0.0, "still", robot, walk_options.Options(passes=0)
  )
  frozen = np.tile(clip.qpos[:1], (4, 1))
  still = clip_lib.make_clip("still", frozen, robot, True, (0, 0, 0), {})
  com = robot.forward(frozen[0]).subtree_com[1, :2]
  point = walk_generator.zero_moment_point(still, robot)
  np.testing.assert_allclose(point, np.tile(com, (4, 1)), atol=1e-3)


def test_feedback_brings_the_zero_moment_point_to_the_plan(robot):
  errors = []
  for passes in (0, 6):
    options = walk_options.Options(passes=passes)
    clip = walk_generator.generate(0.2, "clip", robot, options)
    plan = walk_generator.footsteps(0.2, robot, options)
    missing = walk_generator.zero_moment_point(clip, robot) - plan.zmp
    errors.append(np.sqrt(np.mean(missing**2)))
  assert errors[1] < errors[0] / 3


def test_soles_stand_where_the_plan_puts_them(generated_clip, robot):
  """Their middle over the plan's, their lowest corner at its height."""
  plan = walk_generator.footsteps(0.2, robot, walk_options.Options())
  corners = robot.sole.corners(generated_clip.qpos).reshape(-1, 2, 8, 3)
  middle = (robot.toe + robot.heel)[0] / 2
  for i, ankle in enumerate(plan.feet.values()):
    feet = corners[:, i]
    centre = (feet.max(axis=1) + feet.min(axis=1))[:, :2] / 2
    np.testing.assert_allclose(centre, ankle[:, :2] + [middle, 0.0], atol=5e-4)
    height = ankle[:, 2] + robot.toe[2]
    np.testing.assert_allclose(feet[..., 2].min(axis=1), height, atol=5e-4)


@pytest.mark.parametrize(
  ("speed", "tier"),
  [
    (0.0, "feasible"),
    (0.1, "feasible"),
    (0.2, "feasible"),
    (0.3, "feasible"),
    (0.4, "kinematic"),
    (0.5, "kinematic"),
    (0.6, "kinematic"),
  ],
)
def test_tiers_that_generated_walks_reach(robot, speed, tier):
  report = gates.assess(walk_generator.generate(speed, "walk", robot), robot)
  assert gates.TIERS.index(report.tier) <= gates.TIERS.index(tier)


def test_standing_soles_do_not_slide(generated_clip, robot):
  metrics = gates.measure(generated_clip, robot)
  assert metrics["stance_slide_mean"] < 0.01
  assert metrics["penetration"] < 1e-3


@pytest.mark.parametrize("speed", [-0.1, 0.61, float("nan")])
def test_refuses_speeds_beyond_the_servos(robot, speed):
  with pytest.raises(human.MotionError, match=r"expected 0 to 0\.6"):
    walk_generator.generate(speed, "clip", robot)
