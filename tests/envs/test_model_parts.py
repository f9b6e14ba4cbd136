"""Plates, contacts, sites, sensors and looks of the compiled model."""

import mujoco
import numpy as np
import pytest

from tests.envs import figures
from wildrobot_playground.robots import scene
from wildrobot_playground.robots.wildrobot import WILDROBOT


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("plate", figures.PLATES)
def test_plate_has_its_place(model, side, plate):
  geom = model.geom(f"{side}_{plate}_plate")
  assert model.body(geom.bodyid[0]).name == f"{side}_foot"
  low, high = geom.pos - geom.size, geom.pos + geom.size
  start, end = figures.PLATES[plate]
  np.testing.assert_allclose(
    low, [start, -figures.PLATE_HALF_WIDTH, figures.SOLE], atol=1e-9
  )
  np.testing.assert_allclose(
    high,
    [end, figures.PLATE_HALF_WIDTH, figures.SOLE + figures.PLATE_THICKNESS],
    atol=1e-9,
  )


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("plate", figures.PLATES)
def test_contact_geom_touches_where_the_plate_does(model, side, plate):
  """Its axis lies over the plate's outer edge, its bottom in the sole."""
  geom = model.geom(f"{side}_{plate}")
  assert model.body(geom.bodyid[0]).name == f"{side}_foot"
  radius, half_length = geom.size[:2]
  start, end = figures.PLATES[plate]
  edge = end if plate == "toe" else start
  expected = (edge, 0, figures.SOLE + radius)
  np.testing.assert_allclose(geom.pos, expected, atol=1e-9)
  np.testing.assert_allclose(
    np.abs(figures.rotation(geom.quat)[:, 2]), [0, 1, 0], atol=1e-6
  )
  assert half_length == pytest.approx(figures.PLATE_HALF_WIDTH)


def test_only_the_feet_touch_the_floor_and_nothing_else_collides(model):
  floor = model.geom(scene.FLOOR).id
  for first in range(model.ngeom):
    for second in range(first + 1, model.ngeom):
      collide = (
        model.geom_contype[first] & model.geom_conaffinity[second]
        or model.geom_contype[second] & model.geom_conaffinity[first]
      )
      names = {model.geom(first).name, model.geom(second).name}
      allowed = floor in (first, second) and names & set(
        WILDROBOT.contact_names
      )
      assert bool(collide) == bool(allowed), names


def test_friction_of_a_foot_contact_is_the_floors(model):
  floor = model.geom(scene.FLOOR)
  assert floor.friction[0] == pytest.approx(1.0)
  for name in WILDROBOT.contact_names:
    assert floor.priority[0] > model.geom(name).priority[0]


@pytest.mark.parametrize("name", figures.SITES)
def test_site_has_its_place(model, name):
  body, pos = figures.SITES[name]
  site = model.site(name)
  assert model.body(site.bodyid[0]).name == body
  np.testing.assert_allclose(site.pos, pos, atol=1e-9)
  np.testing.assert_array_equal(site.quat, [1, 0, 0, 0])


@pytest.mark.parametrize(
  ("name", "kind", "site"),
  [
    (scene.GYRO, "GYRO", "chest_imu"),
    (scene.ORIENTATION, "FRAMEQUAT", "chest_imu"),
    (scene.LOCAL_LINVEL, "VELOCIMETER", scene.ROOT),
    (scene.GLOBAL_LINVEL, "FRAMELINVEL", scene.ROOT),
    (scene.GLOBAL_ANGVEL, "FRAMEANGVEL", scene.ROOT),
    (scene.foot_sensor("left"), "FRAMELINVEL", "left_foot"),
    (scene.foot_sensor("right"), "FRAMELINVEL", "right_foot"),
  ],
)
def test_sensor_reads_its_site(model, name, kind, site):
  sensor = model.sensor(name)
  assert sensor.type[0] == getattr(mujoco.mjtSensor, f"mjSENS_{kind}")
  assert sensor.objtype[0] == mujoco.mjtObj.mjOBJ_SITE
  assert model.site(sensor.objid[0]).name == site


def test_the_roots_site_is_its_frame(model):
  site = model.site(scene.ROOT)
  assert model.body(site.bodyid[0]).name == WILDROBOT.root
  np.testing.assert_array_equal(site.pos, 0)
  np.testing.assert_array_equal(site.quat, [1, 0, 0, 0])


def test_torques_are_read_off_every_servo(model):
  for joint in figures.JOINTS:
    sensor = model.sensor(scene.torque_sensor(joint))
    assert sensor.type[0] == mujoco.mjtSensor.mjSENS_ACTUATORFRC
    assert model.actuator(sensor.objid[0]).name == joint


def test_robot_is_drawn_with_primitives_within_its_parts(model):
  assert model.nmesh == 0
  for name, like, mirror in figures.SIDES:
    low, high = np.sort(
      [figures.mirrored(v, mirror) for v in figures.SHAPES[like]], axis=0
    )
    body = model.body(name).id
    for geom in np.flatnonzero(model.geom_bodyid == body):
      axes = figures.rotation(model.geom_quat[geom])
      center, half = np.split(model.geom_aabb[geom], 2)
      center = model.geom_pos[geom] + axes @ center
      half = np.abs(axes) @ half
      assert np.all(center - half > low - figures.DRAWING_SLACK), (name, geom)
      assert np.all(center + half < high + figures.DRAWING_SLACK), (name, geom)


def test_colours_are_those_of_the_parts(model):
  for name, colour in {
    "servo": (0.62, 0.81, 0.93),
    "orange": (0.98, 0.71, 0.0),
    "dark": (0.3, 0.3, 0.3),
    "platform": (0.23, 0.38, 0.71),
  }.items():
    np.testing.assert_allclose(
      model.material(name).rgba, [*colour, 1], atol=1e-6
    )
