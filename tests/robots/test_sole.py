import jax
import jax.numpy as jp
import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from wildrobot_playground.robots import sole as sole_lib
from wildrobot_playground.robots.wildrobot import WILDROBOT

DT = 0.02


@pytest.fixture(scope="module")
def random_qpos(model):
  """(20, 16) anywhere, any orientation, joints within their ranges."""
  rng = np.random.default_rng(0)
  low, high = model.jnt_range[1:].T
  quat = Rotation.random(20, random_state=0).as_quat(scalar_first=True)
  position, joints = rng.normal(size=(20, 3)), rng.uniform(low, high, (20, 9))
  return np.hstack([position, quat, joints])


@pytest.fixture
def standing(model, sole):
  """Qpos (16,) with the lowest sole corners on the floor."""
  qpos = model.key("walk_ready").qpos.copy()
  qpos[2] -= np.min(sole.heights(qpos))
  return qpos


def lower_corners(model, data, geom):
  """(4, 3) of a box, by MuJoCo's own kinematics."""
  x, y, z = model.geom(geom).size
  local = [[sx * x, sy * y, -z] for sx in (1, -1) for sy in (1, -1)]
  axes = data.geom(geom).xmat.reshape(3, 3)
  return data.geom(geom).xpos + np.array(local) @ axes.T


def test_corners_are_where_mujoco_has_them(model, sole, random_qpos):
  data = mujoco.MjData(model)
  for qpos in random_qpos:
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    plates = [contact.sole[0] for contact in WILDROBOT.contacts]
    expected = [lower_corners(model, data, plate) for plate in plates]
    np.testing.assert_allclose(sole.corners(qpos), expected, atol=1e-9)


def test_batch_is_its_rows(sole, random_qpos):
  batch = sole.corners(random_qpos.reshape(4, 5, 16))
  assert batch.shape == (4, 5, 4, 4, 3)
  np.testing.assert_allclose(
    batch[1, 2], sole.corners(random_qpos[7]), atol=1e-12
  )


def test_numpy_equals_jax(sole, random_qpos):
  qpos = random_qpos.astype(np.float32)
  moved = qpos + np.array([0.01, *[0] * 15], dtype=np.float32)

  def slide(q):
    # Every plate touches a ground at its own height.
    before, now = (
      sole.state(p, lambda points: points[..., 2])
      for p in (q, q + moved - qpos)
    )
    return sole_lib.slide(before, now, DT)

  for function in (sole.corners, sole.heights, slide):
    found = function(jp.asarray(qpos))
    assert isinstance(found, jax.Array)
    np.testing.assert_allclose(found, function(qpos), rtol=1e-4, atol=2e-6)
  np.testing.assert_array_equal(
    sole.contacts(jp.asarray(qpos)), sole.contacts(qpos)
  )


def test_plates_are_in_the_order_of_the_contract(sole, standing):
  assert sole.plate_names == WILDROBOT.contact_names
  center = sole.corners(standing).mean(axis=1)
  left_toe, left_heel, right_toe, right_heel = center
  assert left_toe[0] > left_heel[0]
  assert right_toe[0] > right_heel[0]
  assert left_toe[1] > 0 > right_toe[1]
  assert left_heel[1] > 0 > right_heel[1]


def test_contacts_flip_at_three_millimetres(model, sole):
  qpos = model.key("home").qpos.copy()  # Flat soles.
  qpos[2] -= np.min(sole.heights(qpos))
  for height, expected in ((0.0029, 1.0), (0.0031, 0.0), (-0.01, 1.0)):
    raised = qpos.copy()
    raised[2] += height
    np.testing.assert_array_equal(sole.contacts(raised), [expected] * 4)
    # What counts is the height above the ground.
    raised[2] += 0.5
    state = sole.state(raised, lambda points: np.full(points.shape[:-1], 0.5))
    np.testing.assert_array_equal(state.contact, [expected] * 4)


def test_lowest_corner_decides(model, sole):
  """A rolled robot stands on an edge of one foot only."""
  qpos = model.key("home").qpos.copy()
  qpos[3:7] = Rotation.from_euler("x", 0.1).as_quat(scalar_first=True)
  qpos[2] -= np.min(sole.heights(qpos))
  np.testing.assert_array_equal(sole.contacts(qpos), [0, 0, 1, 1])


def test_slide_of_a_translated_robot_is_its_speed(sole, standing):
  moved = standing.copy()
  moved[:2] += [0.003 * DT, 0.004 * DT]
  touching = sole.contacts(standing)
  assert np.any(touching)
  np.testing.assert_allclose(
    sole.slide(standing, moved, DT), 0.005 * touching, atol=1e-9
  )


def test_slide_of_a_turning_robot_is_its_lowest_corners_speed(sole, standing):
  rate = 0.5  # rad/s about the vertical axis
  turned = standing.copy()
  turn = Rotation.from_euler("z", rate * DT)
  turned[3:7] = (
    turn * Rotation.from_quat(standing[3:7], scalar_first=True)
  ).as_quat(scalar_first=True)
  radius = np.linalg.norm(sole.corners(standing)[..., :2], axis=-1)
  slide = sole.slide(standing, turned, DT)
  touching = sole.contacts(standing) > 0
  assert np.all(slide[touching] > rate * np.min(radius, axis=1)[touching] / 2)
  farthest = rate * np.max(radius, axis=1)
  assert np.all(slide <= farthest * 1.001)


def test_lifted_robot_does_not_slide(sole, standing):
  moved = standing + np.array([0.1, 0, 0.01, *[0] * 13])
  np.testing.assert_array_equal(sole.slide(standing, moved, DT), 0)
  np.testing.assert_array_equal(sole.slide(moved, standing, DT), 0)
