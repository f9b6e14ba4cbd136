import numpy as np
import pytest

from wildrobot_playground import robots
from wildrobot_playground.robots import WILDROBOT, inverse, rotations, scene

LEG = np.arange(8, 12)  # of the left leg in a pose


def _foot(robot, qpos):
  data = robot.forward(qpos)
  body = robot.feet["left"].body
  return data.xpos[body].copy(), data.xmat[body].reshape(3, 3).copy()


def test_straight_leg_has_the_length_of_its_links(robot):
  np.testing.assert_allclose(robot.leg_length, 0.1924 + 0.18, atol=1e-6)
  np.testing.assert_allclose(robot.hip_height, 0.4364, atol=1e-6)


@pytest.mark.parametrize("depth", [0.005, 0.03, 0.08])
def test_squat_has_the_knee_angle_of_the_cosine_rule(robot, depth):
  """Thigh, shin and the line from hip to ankle are a triangle."""
  qpos = robot.bent_knees()
  ankle = np.array([0.0004, robot.foot_y, -robot.toe[2]])
  qpos[2] = robot.home_height - depth
  tasks = [
    inverse.PointTask(robot.feet["left"].body, np.zeros(3), ankle),
    inverse.PitchTask(robot.feet["left"].body, 0.0, 0.1),
  ]
  qpos = inverse.solve(robot, qpos, tasks, LEG)
  assert inverse.error(robot, qpos, tasks) < 1e-6
  # Hip to knee and knee to ankle, with the offsets of the figures.
  thigh = np.hypot(0.0268 - 0.0264, 0.1924)
  shin = np.hypot(0.0003, 0.18)
  hip_to_ankle = np.hypot(ankle[0], qpos[2] - 0.0336 - ankle[2])
  cosine = (thigh**2 + shin**2 - hip_to_ankle**2) / (2 * thigh * shin)
  # The links are not quite parallel when the joint is at zero.
  offset = np.arctan2(0.0004, 0.1924) - np.arctan2(0.0003, 0.18)
  knee = np.pi - np.arccos(cosine) - offset
  np.testing.assert_allclose(qpos[10], knee, atol=1e-5)


def test_solve_finds_a_pose_it_was_given(robot):
  rng = np.random.default_rng(1)
  for _ in range(20):
    target = robot.bent_knees()
    target[2] = 0.4
    target[7:] += rng.uniform(-0.1, 0.1, 9)
    pos, mat = _foot(robot, target)
    pitch = np.arctan2(-mat[2, 0], mat[0, 0])
    body = robot.feet["left"].body
    tasks = [
      inverse.PointTask(body, np.zeros(3), pos),
      inverse.PitchTask(body, pitch, 0.1),
    ]
    start = robot.bent_knees()
    start[2] = 0.4
    start[7] = target[7]
    solved = inverse.solve(robot, start, tasks, LEG)
    np.testing.assert_allclose(solved[8:12], target[8:12], atol=1e-4)


def test_solve_never_leaves_the_joint_limits(robot):
  rng = np.random.default_rng(2)
  for _ in range(20):
    qpos = robot.bent_knees()
    qpos[2] = 0.45
    target = rng.uniform([-0.6, -0.3, 0.0], [0.6, 0.5, 0.4])
    task = inverse.PointTask(robot.feet["left"].body, np.zeros(3), target)
    solved = inverse.solve(robot, qpos, [task], LEG)
    assert np.all(solved[7:] >= robot.limits[0])
    assert np.all(solved[7:] <= robot.limits[1])


def test_centre_of_mass_task(robot):
  qpos = robot.bent_knees()
  qpos[2] = 0.44
  target = np.array([0.05, -0.02])
  solved = inverse.solve(
    robot, qpos, [inverse.ComTask(target)], np.array([0, 1])
  )
  data = robot.forward(solved)
  np.testing.assert_allclose(data.subtree_com[1, :2], target, atol=1e-6)


def test_model_hash_sees_kinematics_but_not_looks(robot):
  model = scene.compile_scene(WILDROBOT)
  original = robot.fingerprint
  model.mat_rgba[:] = 0.5
  model.opt.timestep = 0.005
  assert robots.model_hash(model, WILDROBOT) == original
  model.body_mass[2] *= 1.01
  assert robots.model_hash(model, WILDROBOT) != original


def test_euler_angles_round_trip():
  euler = np.random.default_rng(0).uniform(-1, 1, (50, 3))
  mat = rotations.quat_to_mat(rotations.quat_from_euler_zyx(euler))
  np.testing.assert_allclose(rotations.euler_zyx(mat), euler, atol=1e-12)
  yaw, pitch, roll = euler.T
  product = (
    rotations.about("z", yaw)
    @ rotations.about("y", pitch)
    @ rotations.about("x", roll)
  )
  np.testing.assert_allclose(mat, product, atol=1e-12)
