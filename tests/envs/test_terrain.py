import mujoco
import numpy as np
import pytest

from wildrobot_playground.envs import terrain
from wildrobot_playground.robots import scene
from wildrobot_playground.system import assets


def compile_rough():
  return mujoco.MjModel.from_xml_path(
    str(assets.xmls() / "scene_rough_terrain.xml")
  )


@pytest.fixture(scope="module")
def rough():
  """The filled rough scene and its ground height."""
  model = compile_rough()
  terrain.fill(model)
  return model, terrain.make_ground(model)


def ray_height(model, data, x, y):
  """Height of the floor at x, y [m] by a ray from above."""
  geom = np.zeros(1, np.int32)
  start = np.array([x, y, 5.0])
  distance = mujoco.mj_ray(
    model, data, start, np.array([0, 0, -1.0]), None, 1, -1, geom, None
  )
  assert model.geom(geom[0]).name == scene.FLOOR
  return 5.0 - distance


def test_flat_ground_is_at_zero(model):
  ground = terrain.make_ground(model)
  np.testing.assert_array_equal(ground(np.ones((5, 4, 3))), np.zeros((5, 4)))


def test_height_at_grid_points_is_what_a_ray_finds(rough):
  model, ground = rough
  data = mujoco.MjData(model)
  data.qpos[:2] = 100.0  # The robot is out of the way.
  mujoco.mj_forward(model, data)
  half_x, half_y, *_ = model.hfield_size[0]
  x = np.linspace(-half_x, half_x, model.hfield_ncol[0])[5:-5:17]
  y = np.linspace(-half_y, half_y, model.hfield_nrow[0])[5:-5:13]
  for xi in x:
    for yi in y:
      # A ray right through a grid point may slip between triangles.
      expected = ray_height(model, data, xi + 1e-5, yi + 2e-5)
      found = ground(np.array([xi, yi, 0.0]))
      assert found == pytest.approx(expected, abs=2e-5)


def test_height_between_grid_points_is_near_what_a_ray_finds(rough):
  """Bilinear here, two triangles a cell there."""
  model, ground = rough
  data = mujoco.MjData(model)
  data.qpos[:2] = 100.0
  mujoco.mj_forward(model, data)
  points = np.random.default_rng(0).uniform(-7, 7, (200, 2))
  expected = [ray_height(model, data, x, y) for x, y in points]
  np.testing.assert_allclose(ground(points), expected, atol=5e-4)
  assert np.std(expected) > 2e-3


def test_terrain_is_the_same_every_time(rough):
  again = compile_rough()
  terrain.fill(again)
  np.testing.assert_array_equal(again.hfield_data, rough[0].hfield_data)
  assert np.min(again.hfield_data) == 0
  assert np.max(again.hfield_data) == 1


def test_ground_goes_on_beyond_the_edge(rough):
  model, ground = rough
  edge = model.hfield_size[0][0]
  np.testing.assert_allclose(
    ground(np.array([edge + 3.0, 1.0])), ground(np.array([edge, 1.0]))
  )


def test_fill_leaves_the_flat_scene_alone(model):
  assert model.nhfield == 0
  terrain.fill(model)
