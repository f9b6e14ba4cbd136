"""Feet of other robots: rotated frames, offset hinges, balls, meshes."""

import jax.numpy as jp
import mujoco
import numpy as np
import pytest

from wildrobot_playground.robots import contact_points
from wildrobot_playground.robots.sole import Sole

# A leg whose frames are turned, whose hinges are not at their bodies' origins,
# two of them in one body, and one drawn at an angle; feet of every shape.
_LEG = """
<mujoco>
  <compiler angle="radian"/>
  <asset>
    <mesh name="wedge" vertex="0.1 0.04 0  0.1 -0.04 0  -0.1 0.04 0
      -0.1 -0.04 0  0 0.04 0.1  0 -0.04 0.1"/>
  </asset>
  <worldbody>
    <body name="pelvis" pos="0 0 1">
      <freejoint/>
      <geom size="0.1" mass="1"/>
      <body name="thigh" pos="0.02 0.1 -0.1" euler="0.3 0.2 0.1">
        <joint name="yaw" axis="0 0 1" pos="0.01 0 0.02"/>
        <joint name="pitch" axis="0 1 0" pos="0 0.03 0" ref="0.4"/>
        <geom size="0.05" mass="1"/>
        <body name="bracket" pos="0 0 -0.3" quat="0.9 0.1 -0.2 0.3">
          <geom size="0.05" mass="1"/>
          <body name="foot" pos="0.01 0 -0.2" euler="-0.2 0 0.4">
            <joint name="roll" axis="1 0 0"/>
            <geom name="box" type="box" size="0.1 0.05 0.02" pos="0 0 -0.05"
              euler="1.5707963 0 0" mass="0.1"/>
            <geom name="ball" size="0.03" pos="0.05 0 -0.1" mass="0.1"/>
            <geom name="bar" type="capsule" size="0.02 0.07" mass="0.1"
              pos="0 0.02 -0.1" euler="0 1.5707963 0"/>
            <geom name="disc" type="cylinder" size="0.06 0.01" mass="0.1"
              pos="0.1 0 -0.1"/>
            <geom name="wedge" type="mesh" mesh="wedge" pos="0 0 -0.2"/>
            <geom name="egg" type="ellipsoid" size="0.1 0.05 0.02" mass="0.1"/>
            <site name="tip" pos="0.1 0 -0.1"/>
          </body>
        </body>
      </body>
    </body>
    <geom name="rock" type="box" size="1 1 1"/>
  </worldbody>
</mujoco>
"""
_SHAPES = ("box", "ball", "bar", "disc", "wedge", "tip")


@pytest.fixture(scope="module")
def leg():
  return mujoco.MjModel.from_xml_string(_LEG)


@pytest.fixture(scope="module")
def poses(leg):
  """(30, 10) anywhere, any orientation, any angles."""
  rng = np.random.default_rng(0)
  quat = rng.normal(size=(30, 4))
  quat /= np.linalg.norm(quat, axis=1, keepdims=True)
  return np.hstack([rng.normal(size=(30, 3)), quat, rng.normal(size=(30, 3))])


def _by_mujoco(model, qpos, name):
  """(P, 3) lowest points of a geom's balls, by MuJoCo's own kinematics."""
  points = contact_points.find(model, [name])
  data = mujoco.MjData(model)
  data.qpos[:] = qpos
  mujoco.mj_kinematics(model, data)
  mat = data.xmat[points.body].reshape(3, 3)
  world = data.xpos[points.body] + points.points @ mat.T
  world[:, 2] -= points.radius
  return world


def test_points_are_where_mujoco_has_them(leg, poses):
  sole = Sole(leg, {name: (name,) for name in _SHAPES}, root="pelvis")
  found = sole.corners(poses)
  for qpos, corners in zip(poses, found, strict=True):
    for name, points in zip(_SHAPES, corners, strict=True):
      expected = _by_mujoco(leg, qpos, name)
      np.testing.assert_allclose(points[: len(expected)], expected, atol=1e-9)
      assert np.all(points[len(expected) :] == points[len(expected) - 1])


def test_numpy_equals_jax(leg, poses):
  sole = Sole(leg, {name: (name,) for name in _SHAPES}, root="pelvis")
  found = sole.heights(jp.asarray(poses, jp.float32))
  np.testing.assert_allclose(found, sole.heights(poses), atol=1e-5)


def test_the_order_of_the_pose_is_the_one_that_is_given(leg, poses):
  contacts = {name: (name,) for name in _SHAPES}
  order = ("roll", "yaw", "pitch")
  reordered = poses[:, [*range(7), 9, 7, 8]]
  np.testing.assert_array_equal(
    Sole(leg, contacts, "pelvis", order).corners(reordered),
    Sole(leg, contacts, "pelvis").corners(poses),
  )


@pytest.mark.parametrize("name", _SHAPES)
def test_no_part_of_a_shape_is_below_its_points(leg, name):
  """As it is drawn, against the shape's own vertices or a fine sampling."""
  data = mujoco.MjData(leg)
  mujoco.mj_kinematics(leg, data)
  lowest = _by_mujoco(leg, leg.qpos0, name)[:, 2].min()
  if name == "tip":
    assert lowest == pytest.approx(data.site("tip").xpos[2])
    return
  geom = leg.geom(name).id
  mat = data.geom_xmat[geom].reshape(3, 3)
  size, kind = leg.geom_size[geom], leg.geom_type[geom]
  types = mujoco.mjtGeom
  reach = {
    types.mjGEOM_BOX: lambda: np.abs(mat[2]) @ size,
    types.mjGEOM_SPHERE: lambda: size[0],
    types.mjGEOM_CAPSULE: lambda: size[0] + abs(mat[2, 2]) * size[1],
    types.mjGEOM_CYLINDER: lambda: (
      abs(mat[2, 2]) * size[1] + np.hypot(*mat[2, :2]) * size[0]
    ),
    types.mjGEOM_MESH: lambda: -(leg.mesh_vert @ mat[2]).min(),
  }[mujoco.mjtGeom(kind)]()
  lowest_of_shape = data.geom_xpos[geom][2] - reach
  # Of a rim there are eight points.
  slack = 0.06 * (1 - np.cos(np.pi / 8)) if name == "disc" else 1e-9
  assert lowest_of_shape - 1e-9 <= lowest <= lowest_of_shape + slack


def test_a_box_gives_its_lower_corners_in_the_contracts_order(model):
  found = contact_points.find(model, ["left_toe_plate"])
  x, y, z = model.geom("left_toe_plate").size
  signs = np.array([[1, 1, -1], [1, -1, -1], [-1, 1, -1], [-1, -1, -1]])
  np.testing.assert_array_equal(
    found.points, model.geom("left_toe_plate").pos + signs * [x, y, z]
  )


@pytest.mark.parametrize(
  ("names", "message"),
  [
    (["toe"], "there is no geom, site or body 'toe'"),
    (["box", "rock"], "box, rock: expected to be on one body"),
    (["egg"], "geom 'egg' is no box, sphere"),
  ],
)
def test_what_cannot_be_a_contact_is_named(leg, names, message):
  with pytest.raises(ValueError, match=message):
    contact_points.find(leg, names)


def test_a_contact_must_be_below_the_root(leg):
  with pytest.raises(ValueError, match="not below the root 'pelvis'"):
    Sole(leg, {"rock": ("rock",)}, root="pelvis")
