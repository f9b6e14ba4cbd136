"""What the policy sees, what only the critic sees, and the noise between."""

import jax
import jax.numpy as jp
import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.envs.conftest import OVERRIDES
from wildrobot_playground import robots
from wildrobot_playground.envs import walk, walk_observation
from wildrobot_playground.robots import scene
from wildrobot_playground.robots.wildrobot import WILDROBOT

# Rows of `state`, in order: all that a real robot can measure or knows.
LAYOUT = {
  "gyro": 3,
  "gravity": 3,
  "heading": 2,
  "joint_pos": 9,
  "joint_vel": 9,
  "last_act": 9,
  "command": 1,
  "phase": 2,
}
STATE_SIZE = sum(LAYOUT.values())
MEASURED_SENSORS = (scene.GYRO, scene.ORIENTATION)


def rows(state, name):
  start = 0
  for other, size in LAYOUT.items():
    if other == name:
      return np.asarray(state)[..., start : start + size]
    start += size
  raise KeyError(name)


def make_observe(env):
  """Observation (a dict) of `data` and `info`, jitted."""

  def observe(data, info):
    feet = env.feet(env.at.pose(data.qpos))
    return walk_observation.observe(env, data, feet, dict(info))

  return jax.jit(observe)


@pytest.fixture(scope="module")
def moving(compiled, first):
  """A state in the middle of a motion, told to walk."""
  state = compiled.env.set_command(first, jp.array([0.3]))
  for _ in range(4):
    state = compiled.step(state, jp.linspace(-0.5, 0.5, 9))
  return state


@pytest.fixture(scope="module")
def observe(env):
  return make_observe(env)


@pytest.fixture(scope="module")
def observe_clean():
  return make_observe(
    walk.Walk(config_overrides={**OVERRIDES, "noise_config.level": 0})
  )


def test_sizes_are_as_declared(env, first):
  assert env.action_size == 9
  size = env.observation_size
  assert size["state"] == first.obs["state"].shape == (STATE_SIZE,)
  assert size["privileged_state"] == first.obs["privileged_state"].shape
  assert size["privileged_state"][0] > STATE_SIZE
  assert set(first.obs) == {"state", "privileged_state"}


def test_state_is_what_the_sensors_say(env, moving, observe_clean):
  data, info = moving.data, moving.info
  state = observe_clean(data, info)["state"]
  heading = float(env.heading_error(data, info["heading_target"]))
  phase = float(info["phase"])
  expected = {
    "gyro": env.get_gyro(data),
    "gravity": env.get_gravity(data),
    "joint_pos": data.qpos[7:] - env.default_pose,
    "joint_vel": data.qvel[6:],
    "last_act": info["last_act"],
    "command": [0.3],
    "phase": [np.sin(phase), np.cos(phase)],
  }
  for name, value in expected.items():
    np.testing.assert_allclose(rows(state, name), value, atol=1e-5)
  # Measured at the chest, which the waist turns to the right, one substep ago.
  waist = float(data.qpos[7])
  sin, cos = rows(state, "heading")
  assert np.arctan2(sin, cos) == pytest.approx(heading - waist, abs=0.03)
  assert sin**2 + cos**2 == pytest.approx(1.0, abs=1e-5)


def test_clock_is_hidden_while_standing(env, moving, observe):
  standing = {**moving.info, "command": jp.zeros(1)}
  np.testing.assert_array_equal(
    rows(observe(moving.data, standing)["state"], "phase"), 0
  )


def test_state_has_nothing_that_a_robot_cannot_measure(env, moving, observe):
  """Where it is, how fast it goes, what its feet touch: not in `state`."""
  data, info = moving.data, moving.info
  hidden = np.ones(env.mj_model.nsensordata, bool)
  for name in MEASURED_SENSORS:
    sensor = env.mj_model.sensor(name)
    hidden[sensor.adr[0] : sensor.adr[0] + sensor.dim[0]] = False
  other = data.replace(
    qpos=data.qpos.at[:7].add(0.3),
    qvel=data.qvel.at[:6].add(0.5),
    sensordata=jp.where(hidden, data.sensordata + 1.0, data.sensordata),
    time=data.time + 9.0,
  )
  known = ("rng", "last_act", "command", "phase", "heading_target")
  changed = {
    key: value if key in known else jax.tree.map(lambda x: x + 1, value)
    for key, value in info.items()
  }
  before, after = observe(data, info), observe(other, changed)
  np.testing.assert_array_equal(before["state"], after["state"])
  privileged = before["privileged_state"] != after["privileged_state"]
  assert np.mean(privileged[STATE_SIZE:]) > 0.4


def test_privileged_state_starts_with_the_state(first, moving):
  for state in (first, moving):
    np.testing.assert_array_equal(
      state.obs["privileged_state"][:STATE_SIZE], state.obs["state"]
    )


def test_noise_is_bounded_and_on_the_measurements_alone(
  env, moving, observe, observe_clean
):
  clean = observe_clean(moving.data, moving.info)
  keys = jax.random.split(jax.random.key(0), 100)
  noisy = jax.vmap(lambda k: observe(moving.data, {**moving.info, "rng": k}))(
    keys
  )
  gap = np.abs(np.asarray(noisy["state"]) - np.asarray(clean["state"]))
  noise = env.config.noise_config
  for name in ("gyro", "gravity", "joint_pos", "joint_vel", "heading"):
    bound = noise.level * noise.scales[name]
    largest = np.max(rows(gap, name))
    assert 0.5 * bound < largest <= bound + 1e-5, name
  for name in ("last_act", "command", "phase"):
    np.testing.assert_array_equal(rows(gap, name), 0)
  # What only the simulator knows stays exact.
  np.testing.assert_array_equal(
    noisy["privileged_state"][:, STATE_SIZE:],
    np.tile(clean["privileged_state"][STATE_SIZE:], (100, 1)),
  )


def test_noise_differs_from_step_to_step(compiled, first):
  one = compiled.step(first, jp.zeros(9))
  two = compiled.step(one, jp.zeros(9))
  keys = [jax.random.key_data(s.info["rng"]) for s in (first, one, two)]
  assert len({tuple(np.asarray(key)) for key in keys}) == 3


def test_gravity_is_the_downward_direction_in_the_chests_frame(env):
  rotations = Rotation.random(8, random_state=0)
  qpos = np.tile(robots.of(env.robot).default_qpos, (8, 1))
  qpos[:, 3:7] = rotations.as_quat(scalar_first=True)
  qpos[:, 7] = np.linspace(-0.5, 0.5, 8)  # The waist turns the chest.
  plain = mujoco.MjData(env.mj_model)
  for row in qpos:
    plain.qpos[:] = row
    mujoco.mj_forward(env.mj_model, plain)
    chest = plain.site(WILDROBOT.imu).xmat.reshape(3, 3)
    data = env._engine.init(
      env.mjx_model, jp.asarray(row, jp.float32), jp.zeros(15), jp.zeros(9)
    )
    np.testing.assert_allclose(env.get_gravity(data), -chest[2], atol=1e-5)
