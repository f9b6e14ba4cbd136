import jax
import jax.numpy as jp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from wildrobot_playground import features

DT = 0.02
NO_CONTACTS = np.zeros(4)


def make_qpos(position=(0.0, 0.0, 0.44), rotation=None, joints=None):
  """Qpos (16,) of a root rotation and nine joint angles."""
  rotation = Rotation.identity() if rotation is None else rotation
  joints = np.zeros(9) if joints is None else joints
  quat = rotation.as_quat(scalar_first=True)
  return np.concatenate([position, quat, joints])


def random_motion(seed, leading=()):
  """Two consecutive qpos (..., 16) about 1 m/s and 2 rad/s apart."""
  rng = np.random.default_rng(seed)
  count = int(np.prod(leading))
  before = Rotation.random(count, random_state=seed)
  turn = Rotation.from_rotvec(0.04 * rng.normal(size=(count, 3)))

  def stack(position, rotation, joints):
    quat = rotation.as_quat(scalar_first=True)
    return np.hstack([position, quat, joints]).reshape(*leading, 16)

  position, joints = rng.normal(size=(count, 3)), rng.normal(size=(count, 9))
  return stack(position, before, joints), stack(
    position + 0.02 * rng.normal(size=(count, 3)),
    turn * before,
    joints + 0.05 * rng.normal(size=(count, 9)),
  )


def turned(qpos, angle):
  """The same qpos (..., 16), seen from a world turned by `angle` [rad]."""
  turn = Rotation.from_euler("z", angle)
  flat = qpos.reshape(-1, 16)
  rotation = turn * Rotation.from_quat(flat[:, 3:7], scalar_first=True)
  return np.hstack(
    [
      turn.apply(flat[:, :3]),
      rotation.as_quat(scalar_first=True),
      flat[:, 7:],
    ]
  ).reshape(qpos.shape)


def test_there_is_a_name_for_each_of_29_features():
  assert len(set(features.WILDROBOT.names)) == features.WILDROBOT.size == 29
  groups = features.WILDROBOT.groups.values()
  covered = np.concatenate([np.arange(29)[group] for group in groups])
  np.testing.assert_array_equal(covered, np.arange(29))
  for group, prefix in (
    (features.WILDROBOT.joint_pos, "joint_pos/"),
    (features.WILDROBOT.joint_vel, "joint_vel/"),
    (features.WILDROBOT.root_linvel, "root_linvel/"),
    (features.WILDROBOT.root_angvel, "root_angvel/"),
    (features.WILDROBOT.root_height, "root_height"),
    (features.WILDROBOT.foot_contacts, "foot_contacts/"),
  ):
    names = [n for n in features.WILDROBOT.names if n.startswith(prefix)]
    assert tuple(names) == features.WILDROBOT.names[group]


def test_joints_are_their_angles_and_backward_differences():
  joints = np.linspace(-0.4, 0.4, 9)
  before = make_qpos(joints=joints - 0.01 * np.arange(9))
  found = features.amp_features(
    before, make_qpos(joints=joints), NO_CONTACTS, DT
  )
  np.testing.assert_allclose(found[features.WILDROBOT.joint_pos], joints)
  np.testing.assert_allclose(
    found[features.WILDROBOT.joint_vel], 0.5 * np.arange(9), atol=1e-12
  )


@pytest.mark.parametrize("yaw", [0.0, 0.7, np.pi, -2.5])
def test_linear_velocity_is_in_the_heading_frame(yaw):
  # Roll and pitch must not matter, so the robot leans.
  leaning = Rotation.from_euler("ZYX", [yaw, 0.3, -0.2])
  forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
  left = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
  after = np.array([1.0, 2.0, 0.44])
  velocity = 0.5 * forward - 0.2 * left + [0.0, 0.0, 0.1]
  found = features.amp_features(
    make_qpos(after - DT * velocity, leaning),
    make_qpos(after, leaning),
    NO_CONTACTS,
    DT,
    "raw",
  )
  np.testing.assert_allclose(
    found[features.WILDROBOT.root_linvel], [0.5, -0.2, 0.1], atol=1e-12
  )


def test_heading_is_the_yaw_after_the_step():
  before = make_qpos((0.0, 0.0, 0.44))
  after = make_qpos((0.01, 0.0, 0.44), Rotation.from_euler("z", 90, True))
  found = features.amp_features(before, after, NO_CONTACTS, DT, "raw")
  np.testing.assert_allclose(
    found[features.WILDROBOT.root_linvel], [0.0, -0.5, 0.0], atol=1e-12
  )


@pytest.mark.parametrize(
  ("mode", "speed", "length"),
  [
    ("raw", 0.05, 0.05),
    ("raw", 0.8, 0.8),
    ("direction", 0.8, 1.0),
    ("direction", 0.101, 1.0),
    ("direction", 0.099, 0.0),
    ("direction", 0.0, 0.0),
    ("soft_direction", 0.8, 1.0),
    ("soft_direction", 0.101, 1.0),
    ("soft_direction", 0.05, 0.5),
    ("soft_direction", 0.0, 0.0),
  ],
)
def test_velocity_mode_sets_the_length_alone(mode, speed, length):
  toward = np.array([2.0, -1.0, 2.0]) / 3.0
  after = make_qpos(DT * speed * toward + [0, 0, 0.44])
  found = features.amp_features(make_qpos(), after, NO_CONTACTS, DT, mode)
  np.testing.assert_allclose(
    found[features.WILDROBOT.root_linvel], length * toward, atol=1e-12
  )


def test_direction_is_the_default_mode():
  before, after = random_motion(0, (8,))
  contacts = np.zeros((8, 4))
  np.testing.assert_array_equal(
    features.amp_features(before, after, contacts, DT),
    features.amp_features(before, after, contacts, DT, "direction"),
  )


def test_unknown_velocity_mode_is_named_with_the_known_ones():
  with pytest.raises(ValueError, match="'sideways' is unknown") as caught:
    features.amp_features(
      make_qpos(), make_qpos(), NO_CONTACTS, DT, velocity_mode="sideways"
    )
  for mode in features.VELOCITY_MODES:
    assert mode in str(caught.value)
  assert "\n" not in str(caught.value)


def test_angular_velocity_is_the_rotation_vector_in_the_heading_frame():
  before, after = random_motion(1, (50,))
  found = features.amp_features(before, after, np.zeros((50, 4)), DT)
  first, second = (
    Rotation.from_quat(q[:, 3:7], scalar_first=True) for q in (before, after)
  )
  x_axis = second.apply([1.0, 0.0, 0.0])
  yaw = Rotation.from_euler(
    "z", np.arctan2(x_axis[:, 1], x_axis[:, 0])[:, None]
  )
  expected = yaw.inv().apply((second * first.inv()).as_rotvec() / DT)
  np.testing.assert_allclose(
    found[:, features.WILDROBOT.root_angvel], expected, atol=1e-9
  )


def test_turning_on_the_spot_is_yaw_rate_alone():
  before = make_qpos(rotation=Rotation.from_euler("z", 3.13))
  after = make_qpos(rotation=Rotation.from_euler("z", 3.13 + 0.03))
  found = features.amp_features(before, after, NO_CONTACTS, DT)
  np.testing.assert_allclose(
    found[features.WILDROBOT.root_angvel], [0.0, 0.0, 1.5], atol=1e-9
  )


def test_height_is_above_the_ground_under_the_pelvis():
  qpos = make_qpos((0.0, 0.0, 0.5))
  for ground, height in ((0.0, 0.5), (0.1, 0.4), (np.array(-0.2), 0.7)):
    found = features.amp_features(
      qpos, qpos, NO_CONTACTS, DT, ground_height=ground
    )
    np.testing.assert_allclose(found[features.WILDROBOT.root_height], [height])


def test_contacts_pass_through():
  contacts = np.array([True, False, False, True])
  found = features.amp_features(make_qpos(), make_qpos(), contacts, DT)
  np.testing.assert_array_equal(
    found[features.WILDROBOT.foot_contacts], [1, 0, 0, 1]
  )


@pytest.mark.parametrize("mode", features.VELOCITY_MODES)
@pytest.mark.parametrize("angle", [0.5, 2.0, np.pi, -1.3])
def test_turning_the_whole_motion_changes_nothing(mode, angle):
  before, after = random_motion(2, (20,))
  contacts = np.zeros((20, 4))
  np.testing.assert_allclose(
    features.amp_features(
      turned(before, angle), turned(after, angle), contacts, DT, mode
    ),
    features.amp_features(before, after, contacts, DT, mode),
    atol=1e-6,
  )


@pytest.mark.parametrize("signs", [(-1, 1), (1, -1), (-1, -1)])
def test_sign_of_a_quaternion_changes_nothing(signs):
  before, after = random_motion(3, (20,))
  contacts = np.zeros((20, 4))
  expected = features.amp_features(before, after, contacts, DT)
  for qpos, sign in zip((before, after), signs, strict=True):
    qpos[:, 3:7] *= sign
  np.testing.assert_allclose(
    features.amp_features(before, after, contacts, DT), expected, atol=1e-6
  )


@pytest.mark.parametrize("mode", features.VELOCITY_MODES)
def test_numpy_and_jax_agree(mode):
  before, after = (x.astype(np.float32) for x in random_motion(4, (20,)))
  contacts = np.ones((20, 4), np.float32)
  found = features.amp_features(before, after, contacts, DT, mode)
  compiled = jax.jit(features.amp_features, static_argnums=(3, 4))(
    before, after, contacts, DT, mode
  )
  assert found.dtype == compiled.dtype == np.float32
  # A float32 quaternion holds 1e-7 rad, so a step of 20 ms 1e-5 rad/s.
  np.testing.assert_allclose(found, compiled, atol=3e-5)


def test_leading_dimensions_are_a_vmap():
  before, after = (jp.asarray(x) for x in random_motion(5, (4, 5)))
  contacts = jp.zeros((4, 5, 4))
  ground = jp.linspace(0.0, 0.1, 20).reshape(4, 5)

  def one(before, after, contacts, ground):
    return features.amp_features(
      before, after, contacts, DT, ground_height=ground
    )

  batched = one(before, after, contacts, ground)
  assert batched.shape == (4, 5, 29)
  np.testing.assert_allclose(
    batched, jax.vmap(jax.vmap(one))(before, after, contacts, ground), atol=3e-5
  )


@pytest.mark.parametrize("mode", features.VELOCITY_MODES)
def test_gradient_at_rest_is_finite(mode):
  qpos = jp.asarray(make_qpos(), jp.float32)

  def total(before, after):
    return jp.sum(features.amp_features(before, after, jp.zeros(4), DT, mode))

  for gradient in jax.grad(total, argnums=(0, 1))(qpos, qpos):
    assert np.all(np.isfinite(gradient))
