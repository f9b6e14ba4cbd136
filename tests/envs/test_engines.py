"""MJX, jax and warp, walks where MuJoCo C walks, with the same settings."""

import importlib.util
import pathlib

import jax
import numpy as np
import pytest

from tests.envs import rolls
from wildrobot_playground.envs import walk
from wildrobot_playground.robots import scene
from wildrobot_playground.robots.wildrobot import WILDROBOT

_ROOT = pathlib.Path(__file__).resolve().parents[2]

# What single precision leaves after six control steps, with a margin of ten.
# Measured: 5e-7 in qpos, 2e-5 in qvel.
QPOS_TOLERANCE, QVEL_TOLERANCE = 5e-6, 2e-4
# Sensors: of each sensor's largest reading; measured 2e-5.
SENSOR_TOLERANCE = 2e-4

# Servos of a gentle roll stay below their torque limit, those of a violent one
# do not.
GENTLE, VIOLENT = 0.05, 0.5


def make_env(impl):
  # Warp's buffer of contacts is shared by all robots.
  return walk.Walk(
    config_overrides={"impl": impl, "naconmax": 16 * rolls.BATCH}
  )


@pytest.fixture(scope="module")
def c_roll(env):
  return rolls.make_roll(env)


@pytest.fixture(scope="module")
def jax_roll():
  return rolls.make_roll(make_env("jax"))


@pytest.fixture(scope="module")
def warp_roll():
  if importlib.util.find_spec("warp") is None:
    pytest.skip("warp is not installed")
  import warp

  warp.config.quiet = True
  warp.config.optimization_level = 0  # Compiling is what takes time here.
  warp.config.kernel_cache_dir = str(_ROOT / ".cache" / "warp")
  return rolls.make_roll(make_env("warp"))


def readings(env, sensordata, names):
  """(..., len(names)) of scalar sensors."""
  address = [env.mj_model.sensor(name).adr[0] for name in names]
  return sensordata[..., address]


def assert_same(env, found, expected):
  """Same states, and sensors relative to their largest reading."""
  (qpos, qvel, sensors), (qpos_c, qvel_c, sensors_c) = found, expected
  np.testing.assert_allclose(qpos, qpos_c, rtol=0, atol=QPOS_TOLERANCE)
  np.testing.assert_allclose(qvel, qvel_c, rtol=0, atol=QVEL_TOLERANCE)
  for i in range(env.mj_model.nsensor):
    sensor = env.mj_model.sensor(i)
    span = slice(sensor.adr[0], sensor.adr[0] + sensor.dim[0])
    ours, theirs = sensors[..., span], sensors_c[..., span]
    largest = max(np.max(np.abs(theirs)), 1.0)
    np.testing.assert_allclose(
      ours, theirs, rtol=0, atol=SENSOR_TOLERANCE * largest, err_msg=sensor.name
    )


def assert_same_contacts(env, found, expected):
  names = np.concatenate(scene.contact_sensors(env.mj_model, WILDROBOT))
  assert len(names) == 4
  ours, theirs = (
    readings(env, sensors, names) > 0 for *_, sensors in (found, expected)
  )
  np.testing.assert_array_equal(ours, theirs)
  # Both happen, or it would prove little.
  assert 0.1 < np.mean(theirs) < 0.9


def largest_torque(env, outputs):
  names = [scene.torque_sensor(joint) for joint in WILDROBOT.joints]
  return np.max(np.abs(readings(env, outputs[2], names)))


def test_jax_walks_where_c_walks(env, c_roll, jax_roll):
  starts = rolls.sample_starts(env, GENTLE)
  found, expected = jax_roll(*starts), c_roll(*starts)
  assert largest_torque(env, expected) < 3.9
  assert_same(env, found, expected)
  assert_same_contacts(env, found, expected)


def test_jax_differs_at_the_torque_limit_only_a_little(env, c_roll, jax_roll):
  """Integrated implicitly, a servo at its limit has no damping of its own.

  C and warp know, MJX jax damps it all the same. Measured after six steps that
  command half a radian to and fro: 6 mrad and 0.25 rad/s.
  """
  starts = rolls.sample_starts(env, VIOLENT)
  found, expected = jax_roll(*starts), c_roll(*starts)
  assert largest_torque(env, expected) == pytest.approx(4.0)
  np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=0.03)
  np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1.0)


@pytest.mark.parametrize("reach", [GENTLE, VIOLENT])
def test_warp_walks_where_c_walks(env, c_roll, warp_roll, reach):
  starts = rolls.sample_starts(env, reach)
  found, expected = warp_roll(*starts), c_roll(*starts)
  assert_same(env, found, expected)
  assert_same_contacts(env, found, expected)


@pytest.mark.parametrize("impl", ["jax", "warp"])
def test_every_engine_serves_the_same_observations(env, impl, request):
  """Sizes and structure of a state do not depend on the engine."""
  request.getfixturevalue(f"{impl}_roll")  # Skips where there is no warp.
  expected = jax.eval_shape(env.reset, jax.random.key(0))
  found = jax.eval_shape(make_env(impl).reset, jax.random.key(0))
  for name in ("obs", "metrics", "info"):
    assert jax.tree.map(
      lambda x: (x.shape, x.dtype), getattr(found, name)
    ) == jax.tree.map(lambda x: (x.shape, x.dtype), getattr(expected, name))
