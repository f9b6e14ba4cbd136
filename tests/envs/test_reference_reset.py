import jax
import jax.numpy as jp
import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from wildrobot_playground.envs import reference_reset, walk
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.system import assets

CLIPS = sorted((assets.reference() / "clips").glob("*.npz"))
DT = 0.02


@pytest.fixture(scope="module")
def bank():
  return reference_reset.load("", WILDROBOT)


@pytest.fixture(scope="module")
def always(bank):
  """Jitted, vmapped resets that all start from the bank, without noise."""
  del bank  # Only to have it loaded before.
  env = walk.Walk(
    config_overrides={
      "impl": "mujoco",
      "reset_config.reference_probability": 1.0,
      "reset_config.joint_pos": 0.0,
      "reset_config.joint_vel": 0.0,
    }
  )
  return env, jax.jit(jax.vmap(env.reset))


def test_bank_holds_every_frame_that_has_a_next_one(bank):
  frames = sum(clip_lib.load(path).num_frames - 1 for path in CLIPS)
  assert bank.pose.shape == (frames, 16)
  assert bank.velocity.shape == (frames, 15)
  assert bank.command.shape == (frames, 1)
  np.testing.assert_array_equal(bank.pose[:, :2], 0)


def test_velocity_of_a_state_leads_to_the_next_frame(bank, model):
  clip = clip_lib.load(CLIPS[-1])
  count = clip.num_frames - 1
  for i in (0, count // 2, count - 1):
    qpos = clip.qpos[i].copy()
    velocity = np.asarray(bank.velocity[i - count], np.float64)
    mujoco.mj_integratePos(model, qpos, velocity, DT)
    np.testing.assert_allclose(qpos, clip.qpos[i + 1], atol=1e-6)


def test_resets_from_the_bank_are_reference_poses(always, bank):
  env, reset = always
  state = reset(jax.random.split(jax.random.key(1), 32))
  joints = np.asarray(state.data.qpos[:, 7:])
  gap = np.abs(joints[:, None] - np.asarray(bank.pose[None, :, 7:]))
  assert np.max(np.min(np.max(gap, axis=-1), axis=1)) < 1e-6
  # They move, and stand on the ground.
  assert np.all(np.linalg.norm(state.data.qvel[:, 6:], axis=1) > 0)
  heights = env.sole.heights(np.asarray(state.data.qpos))
  np.testing.assert_allclose(np.min(heights, axis=1), 0, atol=1e-6)


def test_resets_from_the_bank_move_where_they_head(always):
  """Turned by a random yaw, forward speed stays forward speed."""
  _, reset = always
  state = reset(jax.random.split(jax.random.key(2), 32))
  qvel = np.asarray(state.data.qvel)
  target = np.asarray(state.info["heading_target"])
  assert np.ptp(target) > 3
  # Where the pelvis of a walking reference heads is off by a few degrees.
  forward = np.cos(target) * qvel[:, 0] + np.sin(target) * qvel[:, 1]
  moving = np.linalg.norm(qvel[:, :2], axis=1) > 0.1
  assert np.sum(moving) > 10
  speed = np.linalg.norm(qvel[moving, :2], axis=1)
  assert np.median(forward[moving] / speed) > 0.9


def test_resets_from_the_bank_are_told_to_go_on_at_their_clips_speed(
  always, bank
):
  _, reset = always
  state = reset(jax.random.split(jax.random.key(1), 32))
  joints = np.asarray(state.data.qpos[:, 7:])
  gap = np.max(np.abs(joints[:, None] - np.asarray(bank.pose[None, :, 7:])), -1)
  command = np.asarray(bank.command)[:, 0]
  for row, found in zip(gap, np.asarray(state.info["command"]), strict=True):
    # A pose may be in more than one clip.
    assert found[0] in command[row < 1e-6]
  assert len(np.unique(state.info["command"])) > 3


def test_share_of_starts_from_the_bank_is_its_probability(bank):
  otherwise = reference_reset.Bank(
    jp.full(16, 7.0), jp.full(15, 8.0), jp.full(1, 9.0)
  )
  keys = jax.random.split(jax.random.key(0), 2000)
  for probability in (0.0, 0.3, 1.0):
    found = jax.vmap(
      lambda k, p=probability: reference_reset.choose(bank, k, p, otherwise)
    )(keys)
    other = np.asarray(found.command[:, 0]) == 9.0
    np.testing.assert_array_equal(np.all(found.pose == 7.0, axis=1), other)
    np.testing.assert_array_equal(np.all(found.velocity == 8.0, axis=1), other)
    deviation = np.sqrt(probability * (1 - probability) / len(keys))
    assert 1 - np.mean(other) == pytest.approx(probability, abs=6 * deviation)


def test_without_probability_no_bank_is_used(first, env):
  default = np.asarray(env.default_pose)
  noise = env.config.reset_config.joint_pos
  gap = np.abs(np.asarray(first.data.qpos[7:]) - default)
  assert np.max(gap) <= noise + 1e-6
  assert env._starts._bank is None


@pytest.mark.parametrize("yaw", [0.3, -2.0])
def test_turn_rotates_the_state_about_the_vertical(bank, yaw):
  turn = Rotation.from_euler("z", yaw)
  qpos, qvel = bank.pose[3].at[:2].set(jp.array([0.5, 0.2])), bank.velocity[3]
  new_qpos, new_qvel = reference_reset.turn(qpos, qvel, jp.array(yaw))
  np.testing.assert_allclose(new_qpos[:3], turn.apply(qpos[:3]), atol=1e-6)
  expected = turn * Rotation.from_quat(qpos[3:7], scalar_first=True)
  found = Rotation.from_quat(new_qpos[3:7], scalar_first=True)
  assert (found * expected.inv()).magnitude() < 1e-6
  np.testing.assert_allclose(new_qvel[:3], turn.apply(qvel[:3]), atol=1e-6)
  # The angular velocity is in the pelvis' own frame.
  np.testing.assert_array_equal(new_qvel[3:], qvel[3:])
  np.testing.assert_array_equal(new_qpos[7:], qpos[7:])


def test_folder_without_clips_is_one_clear_line(tmp_path):
  with pytest.raises(ValueError, match="no reference clip") as error:
    reference_reset.load(str(tmp_path), WILDROBOT)
  assert str(tmp_path) in str(error.value)
  assert "\n" not in str(error.value)


def test_unusable_clip_is_named(tmp_path):
  (tmp_path / "broken.npz").write_bytes(b"no archive")
  with pytest.raises(ValueError, match=r"broken\.npz"):
    reference_reset.load(str(tmp_path), WILDROBOT)
