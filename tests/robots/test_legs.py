import numpy as np
import pytest

from tests.robots import users_biped
from wildrobot_playground import robots
from wildrobot_playground.robots import legs, rotations

COUNT = 200


def _poses(leg, rng):
  """Joints (COUNT, 4) within limits, and tilted pelvises."""
  low, high = leg.limits
  joints = leg.bent + rng.uniform(-0.3, 0.3, (COUNT, 4))
  tilt = rng.uniform(-0.15, 0.15, (COUNT, 3)) * [0, 1, 1]
  pelvis = rotations.quat_to_mat(rotations.quat_from_euler_zyx(tilt))
  return np.clip(joints, low, high), pelvis, tilt


def _task_of(leg, joints, pelvis):
  """The task that a pose fulfils."""
  places, mats = leg.forward(joints, pelvis)
  foot = mats[:, 3]
  offset = np.tile((leg.toe + leg.heel) / 2, (len(joints), 1))
  point = places[:, 3] + np.einsum("tij,tj->ti", foot, offset)
  roll = foot[:, 2, 1]
  rounding = legs._ROLL_ROUNDING
  edge = np.sqrt(roll**2 + rounding**2) - rounding
  point[:, 2] -= leg.half_width * edge
  return legs.FootTask(offset, point, np.arctan2(-foot[:, 2, 0], foot[:, 0, 0]))


@pytest.mark.parametrize("side", robots.SIDES)
def test_forward_kinematics_is_mujocos(robot, side):
  leg = legs.Leg(robot, side)
  joints, pelvis, tilt = _poses(leg, np.random.default_rng(0))
  places, mats = leg.forward(joints, pelvis)
  for k in range(0, COUNT, 40):
    qpos = np.zeros(robot.model.nq)
    qpos[3:7] = rotations.quat_from_euler_zyx(tilt[k])
    qpos[7:][leg.columns] = joints[k]
    data = robot.forward(qpos)
    joints_of = robot.description.legs[side]
    bodies = [int(robot.model.joint(n).bodyid[0]) for n in joints_of]
    for i, body in enumerate(bodies):
      np.testing.assert_allclose(places[k, i], data.xpos[body], atol=1e-12)
      np.testing.assert_allclose(
        mats[k, i].ravel(), data.xmat[body], atol=1e-12
      )


@pytest.mark.parametrize("side", robots.SIDES)
def test_solve_finds_the_poses_it_was_given(robot, side):
  leg = legs.Leg(robot, side)
  joints, pelvis, _ = _poses(leg, np.random.default_rng(1))
  solved, miss = leg.solve(_task_of(leg, joints, pelvis), pelvis)
  np.testing.assert_allclose(solved, joints, atol=1e-5)
  assert np.max(np.abs(miss)) < 1e-6


def test_solve_stays_in_its_bounds_where_it_cannot_reach(robot):
  leg = legs.Leg(robot, "left")
  rng = np.random.default_rng(2)
  target = rng.uniform([-0.6, -0.3, -0.6], [0.6, 0.5, 0.0], (COUNT, 3))
  task = legs.FootTask(
    np.tile(leg.heel, (COUNT, 1)), target, rng.uniform(-1, 1, COUNT)
  )
  solved, miss = leg.solve(task, np.tile(np.eye(3), (COUNT, 1, 1)))
  assert np.all(solved >= leg.limits[0]) and np.all(solved <= leg.limits[1])
  assert np.max(np.abs(miss)) > 0.05


def test_far_target_leaves_the_knee_at_its_bound(robot):
  leg = legs.Leg(robot, "right")
  below = np.array([[0.0, -robot.foot_y, -0.6]])
  task = legs.FootTask(np.zeros((1, 3)), below, np.zeros(1))
  solved, miss = leg.solve(task, np.eye(3)[None])
  np.testing.assert_allclose(solved[0, 2], leg.limits[0, 2], atol=1e-6)
  assert np.linalg.norm(miss) > 0.6 - (robot.home_height + robot.toe[2])


def test_a_frame_does_not_depend_on_the_others(robot):
  leg = legs.Leg(robot, "left")
  joints, pelvis, _ = _poses(leg, np.random.default_rng(3))
  task = _task_of(leg, joints, pelvis)
  together, _ = leg.solve(task, pelvis)
  alone, _ = leg.solve(
    legs.FootTask(task.offset[:1], task.target[:1], task.pitch[:1]), pelvis[:1]
  )
  np.testing.assert_allclose(alone, together[:1], atol=1e-6)


def test_a_sole_that_is_tilted_at_the_zero_pose_is_level_in_its_frame(tmp_path):
  """Its ankle's zero is another; the foot is the same, turned."""
  level = robots.of(users_biped.description(tmp_path / "level", name="level"))
  xml = users_biped.XML
  for side in robots.SIDES:
    plain = f'<body name="{side}_sole" pos="0 0 -0.2">'
    assert plain in xml
    xml = xml.replace(plain, plain.replace(">", ' euler="0.05 0.2 0">'))
  description = users_biped.description(tmp_path / "tilted", name="tilted")
  users_biped.write(tmp_path / "tilted", xml=xml)
  tilted = robots.of(description)
  for side in robots.SIDES:
    before, after = level.feet[side], tilted.feet[side]
    assert before.rotation is None
    # Levelled by the shortest turn, which is not quite the way back.
    np.testing.assert_allclose(after.toe, before.toe, atol=5e-4)
    np.testing.assert_allclose(after.heel, before.heel, atol=5e-4)
    assert after.half_width == pytest.approx(before.half_width, abs=5e-4)
    # Where its sole is level, the body of this foot is, too.
    np.testing.assert_allclose(after.rotation, np.eye(3), atol=0.01)
