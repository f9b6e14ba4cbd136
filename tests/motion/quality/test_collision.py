import numpy as np

from wildrobot_playground.motion.quality import collision


def _home(robot):
  return robot.model.key("home").qpos.copy()


def test_gap_of_straight_legs_is_that_between_their_feet(robot):
  """The feet's structure reaches 43 mm inwards, the plates 45 mm."""
  gap = collision.leg_gap(_home(robot)[None], robot)[0]
  inner = 2 * (robot.foot_y - 0.052)
  assert inner - 0.02 < gap < inner + 0.02


def test_crossed_legs_overlap(robot):
  qpos = _home(robot)
  qpos[7 + 2] = 0.17  # left hip roll, inwards
  qpos[7 + 6] = -0.17
  assert collision.leg_gap(qpos[None], robot)[0] < 0


def test_spreading_a_leg_widens_the_gap(robot):
  qpos = np.tile(_home(robot), (6, 1))
  qpos[:, 7 + 2] = np.linspace(0.1, -0.08, 6)
  gap = collision.leg_gap(qpos, robot)
  assert np.all(np.diff(gap) > 0)


def test_gap_does_not_depend_on_where_the_robot_is(robot, recorded_clip):
  qpos = recorded_clip.qpos[:20]
  moved = qpos + np.array([3.0, -2.0, 0.1] + [0.0] * 13)
  np.testing.assert_allclose(
    collision.leg_gap(moved, robot), collision.leg_gap(qpos, robot), atol=1e-12
  )
