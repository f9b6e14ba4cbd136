"""Reset and step of the walking task."""

import jax
import jax.numpy as jp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.envs.conftest import OVERRIDES
from wildrobot_playground import features
from wildrobot_playground.envs import walk
from wildrobot_playground.robots import scene

ROBOTS = 64


@pytest.fixture(scope="module")
def resets(env):
  """64 states after a reset."""
  keys = jax.random.split(jax.random.key(1), ROBOTS)
  return jax.jit(jax.vmap(env.reset))(keys)


def test_reset_and_step_have_the_same_structure(env, first):
  """A scan, the strictest of judges, accepts the step as its body."""

  def unroll(state):
    def advance(state, _):
      return env.step(state, jp.zeros(env.action_size)), None

    return jax.lax.scan(advance, state, None, 2)[0]

  after = jax.eval_shape(unroll, first)
  assert jax.tree.structure(after) == jax.tree.structure(first)
  assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(
    lambda x: (x.shape, x.dtype), first
  )


def test_resets_put_the_soles_on_the_ground(env, resets):
  heights = env.sole.heights(np.asarray(resets.data.qpos))
  np.testing.assert_allclose(np.min(heights, axis=1), 0, atol=1e-6)


def test_resets_are_near_the_default_pose_at_any_heading(env, resets):
  config = env.config.reset_config
  qpos, qvel = np.asarray(resets.data.qpos), np.asarray(resets.data.qvel)
  joints = qpos[:, 7:] - np.asarray(env.default_pose)
  assert np.max(np.abs(joints)) <= config.joint_pos + 1e-6
  assert np.max(np.abs(joints)) > 0.9 * config.joint_pos
  assert np.max(np.abs(qvel[:, 6:])) <= config.joint_vel
  np.testing.assert_array_equal(qvel[:, :6], 0)
  yaw = np.asarray(resets.info["heading_target"])
  np.testing.assert_allclose(features.heading(qpos[:, 3:7]), yaw, atol=1e-6)
  assert np.min(yaw) < -2.8
  assert np.max(yaw) > 2.8


def test_no_reset_is_fallen(resets):
  np.testing.assert_array_equal(resets.done, 0)


def test_same_key_starts_the_same_episode(compiled, first):
  again = compiled.reset(jax.random.key(0))
  assert jax.tree.all(
    jax.tree.map(
      lambda a, b: np.array_equal(_plain(a), _plain(b)), again, first
    )
  )


def _plain(array):
  """Data of an array, random keys included."""
  if jp.issubdtype(array.dtype, jax.dtypes.prng_key):
    return jax.random.key_data(array)
  return array


@pytest.mark.parametrize(
  ("speed", "gate"),
  [(0.0, 0.0), (0.05, 1.0), (0.6, 1.0), (0.7, 0.75), (1.0, 0.0), (1.5, 0.0)],
)
def test_style_counts_at_the_speeds_of_the_reference(compiled, speed, gate):
  env, _, _ = compiled
  np.testing.assert_allclose(env._amp_gate(jp.array(speed)), gate, atol=1e-6)


def test_the_command_gates_the_style(compiled, resets):
  env, _, _ = compiled
  gates = jax.vmap(env._amp_gate)(resets.info["command"][:, 0])
  assert len(np.unique(gates)) > 2
  np.testing.assert_array_equal(resets.info["amp_gate"], gates)


def test_action_filter_is_a_first_order_low_pass(compiled, first):
  """After k equal actions a, a · (1 - share^k) of it is there."""
  env, _, step = compiled
  action = jp.linspace(-0.4, 0.4, 9)
  share, state = env.config.action_filter, first
  for k in range(1, 4):
    state = step(state, action)
    expected = (1 - share**k) * action
    np.testing.assert_allclose(state.info["last_act"], expected, atol=1e-6)
    targets = env.default_pose + env.config.action_scale * expected
    np.testing.assert_allclose(state.info["motor_targets"], targets, atol=1e-6)
    np.testing.assert_array_equal(state.data.ctrl, state.info["motor_targets"])


@pytest.mark.parametrize("sign", [-1, 1])
def test_targets_stay_within_the_joints_ranges(compiled, first, sign):
  state = compiled.step(first, jp.full(9, sign * 100.0))
  limits = compiled.env.mj_model.jnt_range[1:, (sign + 1) // 2]
  np.testing.assert_allclose(state.data.ctrl, limits, atol=1e-6)


def test_reward_terms_sum_to_the_reward(compiled, first):
  env, _, step = compiled
  state = step(first, jp.linspace(-1, 1, 9))
  terms = {k: v for k, v in state.metrics.items() if k.startswith("reward/")}
  names = {k.removeprefix("reward/") for k in terms}
  assert names == set(env.config.reward_config.scales.keys())
  assert float(sum(terms.values())) == pytest.approx(
    float(state.reward) / env.dt, rel=1e-5
  )


def test_mean_velocity_is_low_passed(compiled, first):
  env, _, step = compiled
  share = env.dt / env.config.velocity_time_constant
  state = first
  mean = np.asarray(first.info["mean_velocity"])
  for _ in range(3):
    state = step(state, jp.full(9, 0.5))
    now = env.heading_velocity(state.data, first.info["heading_target"])
    mean = (1 - share) * mean + share * np.asarray(now)
    np.testing.assert_allclose(state.info["mean_velocity"], mean, atol=1e-6)
  error = abs(mean[0] - float(first.info["command"][0]))
  assert float(state.metrics["velocity_error"]) == pytest.approx(
    error, rel=1e-4
  )


@pytest.mark.parametrize("heading", [0.0, 1.0, -2.5])
def test_heading_velocity_is_forward_and_left(env, first, heading):
  sensor = env.mj_model.sensor(scene.GLOBAL_LINVEL).adr[0]
  world = Rotation.from_euler("z", heading).apply([0.3, -0.1, 0.7])
  sensordata = first.data.sensordata.at[sensor : sensor + 3].set(world)
  found = env.heading_velocity(
    first.data.replace(sensordata=sensordata), jp.array(heading)
  )
  np.testing.assert_allclose(found, [0.3, -0.1], atol=1e-6)


@pytest.mark.parametrize(
  ("heading", "target", "expected"),
  [(1.0, 0.4, 0.6), (0.4, 1.0, -0.6), (3.0, -3.0, 6.0 - 2 * np.pi)],
)
def test_heading_error_is_the_shorter_way_round(
  env, first, heading, target, expected
):
  quat = Rotation.from_euler("z", heading).as_quat(scalar_first=True)
  data = first.data.replace(qpos=first.data.qpos.at[3:7].set(quat))
  found = env.heading_error(data, jp.array(target))
  assert float(found) == pytest.approx(expected, abs=1e-5)


def test_air_time_counts_while_a_foot_is_in_the_air(compiled, first):
  """Thrown upwards, both feet leave the ground and come back."""
  env, _, step = compiled
  qvel = first.data.qvel.at[2].set(0.6)
  state = first.replace(data=first.data.replace(qvel=qvel))
  expected, flown = np.zeros(2), False
  for _ in range(10):
    state = step(state, jp.zeros(9))
    contacts = state.info["amp_features"][features.WILDROBOT.foot_contacts]
    stance = np.max(np.asarray(contacts).reshape(2, 2), axis=1)
    expected = np.where(stance > 0, 0.0, expected + env.dt)
    flown |= bool(np.all(expected > 0))
    np.testing.assert_allclose(state.info["air_time"], expected, atol=1e-6)
  assert flown
  assert np.any(expected == 0)


def test_set_command_is_observed_at_once(compiled, first):
  env, _, step = compiled
  state = jax.jit(env.set_command)(first, jp.array([0.77]))
  changed = np.flatnonzero(np.isclose(state.obs["state"], 0.77, atol=1e-6))
  assert changed.size == 1
  assert state.info["command_steps"] == 0
  assert step(state, jp.zeros(9)).info["command"][0] == pytest.approx(0.77)
  # The state it came from is as it was.
  assert first.info["command"][0] != pytest.approx(0.77)


def test_pushes_kick_the_pelvis_at_their_interval(first):
  env = walk.Walk(
    config_overrides={
      **OVERRIDES,
      "push_config.enable": True,
      "push_config.interval": 0.06,
      "push_config.magnitude": 0.4,
    }
  )
  push = jax.jit(env._push)
  kicks = []
  for step in range(9):
    info = {"rng": jax.random.key(step), "step": jp.array(step)}
    kick = np.asarray(push(first.data, info).qvel - first.data.qvel)
    np.testing.assert_array_equal(kick[2:], 0)
    kicks.append(kick[:2])
  size = np.linalg.norm(kicks, axis=1)
  np.testing.assert_allclose(size, [0, 0, 0.4] * 3, atol=1e-6)
  assert np.std(np.array(kicks)[2::3, 0]) > 0.01


def test_without_pushes_nobody_is_kicked(env, first, info):
  assert not env.config.push_config.enable
  assert env._push(first.data, info) is first.data
