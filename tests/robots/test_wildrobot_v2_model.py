"""WildRobot v2's MJCF against the figures of its CAD export."""

import mujoco
import numpy as np
import pytest

from wildrobot_playground.system import assets

# Joints in the contract's order: (name, body, axis, range, anchor), of each
# side as exported, in the pelvis' frame at the zero pose.
_JOINTS = (
  (
    "waist_yaw", "upperbody",
    (0.001, -0.001, -1), (-0.5236, 0.5236), (0, 0, 0.0482),
  ),
  (
    "left_shoulder_pitch", "left_shoulder",
    (0.001, -1, 0), (-0.5236, 3.1416), (-0.0004845, 0.08131, 0.1876),
  ),
  (
    "left_shoulder_roll", "left_upper_arm",
    (-1, -0.007, -0.002), (-3.0543, 0.4363), (0.02351, 0.1349, 0.1879),
  ),
  (
    "left_elbow_pitch", "left_fore_arm",
    (0.007, -0.996, -0.087), (0, 1.5708), (-0.001417, 0.1239, 0.0359),
  ),
  (
    "left_hip_pitch", "left_hip",
    (0.001, -1, -0.001), (-0.5236, 1.5708), (0, 0.0536, -0.03358),
  ),
  (
    "left_hip_roll", "left_upper_leg",
    (-1, -0.002, -0.001), (-1.5708, 0.1745), (0.02672, 0.09012, -0.03312),
  ),
  (
    "left_knee_pitch", "left_lower_leg",
    (-0.002, 1, 0.001), (0, 2.0944), (0.0002919, 0.0631, -0.2257),
  ),
  (
    "left_ankle_pitch", "left_servo_bracket_top",
    (-0.002, 1, 0), (-0.6981, 0.7854), (0.0005485, 0.06375, -0.4057),
  ),
  (
    "left_ankle_roll", "left_foot",
    (-1, -0.002, -0.001), (-0.7854, 0.7854), (0.01192, 0.09058, -0.4371),
  ),
  (
    "right_shoulder_pitch", "right_shoulder",
    (-0.001, 1, -0.002), (-3.1416, 0.5236), (-0.0004013, -0.08149, 0.1877),
  ),
  (
    "right_shoulder_roll", "right_upper_arm",
    (-1, 0.005, 0), (-0.4363, 3.0543), (0.02368, -0.1351, 0.1877),
  ),
  (
    "right_elbow_pitch", "right_fore_arm",
    (-0.005, -0.996, 0.089), (0, 1.5708), (-0.001755, -0.1724, 0.04),
  ),
  (
    "right_hip_pitch", "right_hip",
    (-0.001, 1, -0.001), (-1.5708, 0.5236), (0, -0.0536, -0.03358),
  ),
  (
    "right_hip_roll", "right_upper_leg",
    (-1, -0.002, -0.001), (-0.1745, 1.5708), (0.02688, -0.08998, -0.03312),
  ),
  (
    "right_knee_pitch", "right_lower_leg",
    (-0.002, 1, -0.001), (0, 2.0944), (0.0004471, -0.1174, -0.2257),
  ),
  (
    "right_ankle_pitch", "right_servo_bracket_top",
    (-0.002, 1, -0.002), (-0.6981, 0.7854), (0.0007037, -0.1172, -0.4057),
  ),
  (
    "right_ankle_roll", "right_foot",
    (-1, -0.002, -0.001), (-0.7854, 0.7854), (0.01207, -0.09046, -0.4371),
  ),
)  # fmt: skip
_ORDER = tuple(joint[0] for joint in _JOINTS)
_ANCHORS = {joint[0]: np.array(joint[4]) for joint in _JOINTS}

_MASSES = {
  "waist": 0.43862,
  "upperbody": 0.53410,
  "shoulder": 0.10784,
  "upper_arm": 0.05892,
  "fore_arm": 0.24955 + 0.10530 + 0.02924,  # With palm and finger.
  "hip": 0.08497,
  "upper_leg": 0.23025,
  "lower_leg": 0.37548,
  "servo_bracket_top": 0.01667,
  "foot": 0.31924,
}
# The left fore arm, its palm and its finger: (mass, centre of mass in the
# pelvis' frame at the zero pose).
_LEFT_FORE_ARM = (
  (0.24955, (-0.00468, 0.15539, -0.02802)),
  (0.10530, (-0.00722, 0.16235, -0.12988)),
  (0.02924, (0.02665, 0.16534, -0.16495)),
)

_HOME = {
  "hip_pitch": (0.222, -0.222),
  "knee_pitch": (0.490, 0.490),
  "ankle_pitch": (-0.248, -0.248),
}
_MIRROR = np.diag([1.0, -1.0, 1.0])
_SOLES = ("left_toe", "left_heel", "right_toe", "right_heel")


@pytest.fixture(scope="module")
def model():
  return mujoco.MjModel.from_xml_path(str(assets.xmls() / "wildrobot_v2.xml"))


def _at(model, keyframe):
  data = mujoco.MjData(model)
  mujoco.mj_resetDataKeyframe(model, data, model.key(keyframe).id)
  mujoco.mj_forward(model, data)
  return data


def _bodies(model):
  return [model.body(i).name for i in range(1, model.nbody)]


def _other(name):
  """The same on the other side."""
  if name.startswith("left_"):
    return name.replace("left_", "right_", 1)
  return name.replace("right_", "left_", 1)


def _inertia(model, body):
  """(3, 3) about the centre of mass, in the body's frame."""
  mat = np.zeros(9)
  mujoco.mju_quat2Mat(mat, model.body(body).iquat)
  mat = mat.reshape(3, 3)
  return mat @ np.diag(model.body(body).inertia) @ mat.T


def test_actuators_are_in_the_order_of_the_contract(model):
  assert model.nu == 17 and model.njnt == 18 and model.nsensor == 0
  for i, name in enumerate(_ORDER):
    assert model.actuator(i).name == name
    assert model.actuator(i).trnid[0] == model.joint(name).id
    np.testing.assert_allclose(
      model.actuator(i).ctrlrange, model.joint(name).range, atol=1e-12
    )


@pytest.mark.parametrize(
  ("name", "body", "axis", "limits", "anchor"), _JOINTS, ids=_ORDER
)
def test_joint_is_the_mean_of_both_sides(
  model, name, body, axis, limits, anchor
):
  joint = model.joint(name)
  data = _at(model, "zero")
  assert model.body(joint.bodyid[0]).name == body
  np.testing.assert_array_equal(joint.range, limits)
  np.testing.assert_allclose(data.xaxis[joint.id], axis, atol=0.01)
  mean = (np.array(anchor) + _MIRROR @ _ANCHORS[_other(name)]) / 2
  np.testing.assert_allclose(
    data.xanchor[joint.id] - data.body("waist").xpos, mean, atol=1e-3
  )


def test_masses(model):
  for body in _bodies(model):
    kind = body.removeprefix("left_").removeprefix("right_")
    np.testing.assert_allclose(model.body(body).mass, _MASSES[kind], atol=1e-6)
  np.testing.assert_allclose(np.sum(model.body_mass), 4.128, atol=1e-3)


def test_frames_are_aligned_with_the_pelvis(model):
  np.testing.assert_array_equal(model.body_quat, [[1, 0, 0, 0]] * model.nbody)


def test_fore_arm_carries_its_hand(model):
  masses = [mass for mass, _ in _LEFT_FORE_ARM]
  expected = np.average([com for _, com in _LEFT_FORE_ARM], 0, masses)
  data = _at(model, "zero")
  com = data.body("left_fore_arm").xipos - data.body("waist").xpos
  np.testing.assert_allclose(com, expected, atol=1e-3)


def test_model_is_its_own_mirror_image(model):
  data = _at(model, "zero")
  for body in _bodies(model):
    image = body if _other(body) not in _bodies(model) else _other(body)
    one, two = model.body(body), model.body(image)
    assert one.mass[0] == two.mass[0]
    np.testing.assert_array_equal(one.pos, _MIRROR @ two.pos)
    np.testing.assert_array_equal(one.ipos, _MIRROR @ two.ipos)
    np.testing.assert_allclose(
      _inertia(model, body),
      _MIRROR @ _inertia(model, image) @ _MIRROR,
      rtol=0,
      atol=1e-12,
    )
  for name in _ORDER[1:]:
    one, two = model.joint(name), model.joint(_other(name))
    np.testing.assert_allclose(
      data.xanchor[one.id], _MIRROR @ data.xanchor[two.id], atol=1e-15
    )
    # An axis is a pseudovector; turned round, its range is too.
    image = -_MIRROR @ two.axis
    sign = np.sign(one.axis @ image)
    np.testing.assert_array_equal(one.axis, sign * image)
    np.testing.assert_array_equal(
      one.range, two.range if sign > 0 else -two.range[::-1]
    )


def test_home_is_the_pose_of_the_owner(model):
  data = _at(model, "home")
  for i, name in enumerate(_ORDER):
    side, _, kind = name.partition("_")
    expected = _HOME.get(kind, (0, 0))[side == "right"]
    assert data.joint(name).qpos[0] == expected
    assert data.ctrl[i] == expected
  np.testing.assert_allclose(data.qpos[2], 0.460, atol=1e-3)


@pytest.mark.parametrize("keyframe", ["home", "zero"])
def test_soles_are_level_with_the_ground(model, keyframe):
  data = _at(model, keyframe)
  for name in _SOLES:
    low = data.geom(name).xpos[2] - model.geom(name).size[0]
    np.testing.assert_allclose(low, 0, atol=1e-4)
    # Nor rolled: the capsule lies along y.
    np.testing.assert_allclose(
      np.abs(data.geom(name).xmat.reshape(3, 3)[:, 2]), [0, 1, 0], atol=1e-9
    )
  for side in ("left", "right"):
    np.testing.assert_allclose(data.site(f"{side}_foot").xpos[2], 0, atol=1e-4)
  assert np.all(data.qpos[7:] >= model.jnt_range[1:, 0])
  assert np.all(data.qpos[7:] <= model.jnt_range[1:, 1])


def test_plates_are_where_the_soles_are(model):
  edges = {"toe": (0.0447, 0.0889), "heel": (-0.077, -0.033)}
  for side in ("left", "right"):
    for end, (rear, front) in edges.items():
      plate = model.geom(f"{side}_{end}_plate")
      np.testing.assert_allclose(
        plate.pos[0] + plate.size[0] * np.array([-1, 1]),
        [rear, front],
        atol=1e-6,
      )
      np.testing.assert_allclose(plate.size[1:], [0.040, 0.002])
      np.testing.assert_allclose(plate.pos[2] - plate.size[2], -0.0344)


def test_home_has_the_centre_of_mass_over_the_soles(model):
  data = _at(model, "home")
  com = data.subtree_com[model.body("waist").id]
  xs = [data.geom(name).xpos[0] for name in _SOLES]
  assert min(xs) + 0.03 < com[0] < max(xs) - 0.03
  np.testing.assert_allclose(com[1], 0, atol=1e-6)


def test_arms_are_clear_of_the_legs(model):
  for keyframe in ("home", "zero"):
    data = _at(model, keyframe)
    for side in ("left", "right"):
      arm = model.geom(f"{side}_fore_arm_hull")
      leg = model.geom(f"{side}_upper_leg_hull")
      assert mujoco.mj_geomDistance(model, data, arm.id, leg.id, 1, None) > 0
  # And not in the way: only the soles collide.
  collides = [
    model.geom(i).name for i in range(model.ngeom) if model.geom_conaffinity[i]
  ]
  assert sorted(collides) == sorted(_SOLES)
  assert not np.any(model.geom_contype)


def test_stands_at_home():
  spec = mujoco.MjSpec.from_file(str(assets.xmls() / "wildrobot_v2.xml"))
  spec.worldbody.add_geom(
    type=mujoco.mjtGeom.mjGEOM_PLANE,
    size=[0, 0, 0.05],
    contype=1,
    conaffinity=0,
    friction=[1.0, 0.005, 0.0001],
  )
  model = spec.compile()
  data = _at(model, "home")
  height = data.qpos[2]
  while data.time < 2:
    mujoco.mj_step(model, data)
    assert abs(data.qpos[2] - height) < 0.03
    up = data.body("waist").xmat[8]
    assert np.degrees(np.arccos(np.clip(up, -1, 1))) < 10
  assert np.max(np.abs(data.qvel)) < 0.05


@pytest.mark.parametrize("terrain", ["flat", "rough"])
def test_scenes_compile(terrain):
  path = assets.xmls() / f"scene_v2_{terrain}_terrain.xml"
  model = mujoco.MjModel.from_xml_path(str(path))
  assert model.nu == 17
  assert model.geom("floor").id >= 0
