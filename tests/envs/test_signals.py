"""Offsets, play, late and lost readings: each does what it says, alone."""

import jax
import jax.numpy as jp
import numpy as np
import pytest

from tests.envs.conftest import OVERRIDES
from wildrobot_playground.envs import signals, walk

TORQUE = jp.array([1.0, -1.0])


def _config(**changes):
  config = signals.default_config()
  config.update({"enable": True, **changes})
  return config


def _readings(value):
  return {"gyro": jp.full(3, value), "joint_pos": jp.full(2, value)}


def _reported(config, values, torque=TORQUE):
  """The first joint's reading, step after step, from 0 on."""
  info = signals.begin(config, jax.random.key(0), _readings(0.0))
  seen = []
  for i, value in enumerate(values):
    key = jax.random.key(i)
    now = signals.report(config, info, key, _readings(value), torque)
    seen.append(float(now["joint_pos"][0]))
  return seen


def test_a_perfect_robot_keeps_nothing(first):
  assert not {"wires", "reported", "late_signals"} & first.info.keys()
  info = {}
  now = signals.report(
    signals.default_config(), info, jax.random.key(0), _readings(1.0), TORQUE
  )
  assert now["gyro"] == pytest.approx(1.0)
  assert info == {}


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_readings_are_as_late_as_drawn(steps):
  config = _config(delay_steps=(steps, steps))
  seen = _reported(config, [1.0, 2.0, 3.0, 4.0, 5.0])
  assert seen == [max(i - steps, 0.0) for i in (1.0, 2.0, 3.0, 4.0, 5.0)]


def test_lost_readings_are_the_last_ones_again():
  seen = _reported(_config(drop_probability=0.5), np.arange(1.0, 201.0))
  steps = np.diff([0.0, *seen])
  assert 0.35 < np.mean(steps == 0) < 0.65
  assert set(np.unique(seen)) <= {0.0, *np.arange(1.0, 201.0)}
  assert (steps >= 0).all()


def test_play_is_on_the_side_that_the_torque_pushes_to():
  config = _config(backlash=0.01)
  info = signals.begin(config, jax.random.key(0), _readings(0.0))
  now = signals.report(config, info, jax.random.key(1), _readings(0.5), TORQUE)
  np.testing.assert_allclose(now["joint_pos"], [0.51, 0.49], atol=1e-6)
  reached = signals.reach(config, info, jp.full(2, 0.5), TORQUE)
  np.testing.assert_allclose(reached, [0.49, 0.51], atol=1e-6)


def test_an_offset_is_in_what_is_read_and_in_what_is_reached():
  config = _config(joint_offset=0.02)
  info = signals.begin(config, jax.random.key(3), _readings(0.0))
  now = signals.report(
    config, info, jax.random.key(1), _readings(0.5), jp.zeros(2)
  )
  offset = np.asarray(now["joint_pos"]) - 0.5
  assert np.all(np.abs(offset) <= 0.02) and np.any(np.abs(offset) > 1e-3)
  reached = signals.reach(config, info, now["joint_pos"], jp.zeros(2))
  np.testing.assert_allclose(reached, 0.5, atol=1e-6)


def test_a_bias_of_the_gyro_lasts_for_the_episode():
  config = _config(gyro_bias=0.1)
  info = signals.begin(config, jax.random.key(0), _readings(0.0))
  seen = [
    np.asarray(
      signals.report(config, info, jax.random.key(i), _readings(0.0), TORQUE)[
        "gyro"
      ]
    )
    for i in range(3)
  ]
  np.testing.assert_array_equal(seen[0], seen[2])
  assert np.all(np.abs(seen[0]) <= 0.1) and np.any(seen[0] != 0)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"delay_steps": (2, 1)}, "delay_steps"),
    ({"drop_probability": 1.0}, "drop_probability"),
    ({"backlash": -0.1}, "backlash"),
  ],
)
def test_values_that_mean_nothing_are_refused(changes, message):
  overrides = {f"signal_config.{name}": v for name, v in changes.items()}
  with pytest.raises(ValueError, match=f"signal_config.{message} is"):
    walk.Walk(config_overrides={**OVERRIDES, **overrides})


@pytest.fixture(scope="module")
def wired():
  env = walk.Walk(
    config_overrides={
      **OVERRIDES,
      "noise_config.level": 0.0,
      "signal_config.enable": True,
      "signal_config.joint_offset": 0.05,
      "signal_config.delay_steps": (1, 1),
    }
  )
  return env, jax.jit(env.reset), jax.jit(env.step)


def test_the_environment_observes_what_was_reported(wired):
  env, reset, step = wired
  state = step(reset(jax.random.key(0)), jp.zeros(9))
  before = state
  state = step(state, jp.full(9, 0.2))
  offset = state.info["wires"]["joint"]
  late = before.data.qpos[7:] + offset - env.default_pose
  np.testing.assert_allclose(state.obs["state"][8:17], late, atol=1e-6)
  # What only the simulator knows stays true.
  true = state.data.qpos[7:] - env.default_pose
  np.testing.assert_allclose(
    state.obs["privileged_state"][38 + 6 : 38 + 15], true, atol=1e-6
  )
  # And so do the features of the motion prior.
  np.testing.assert_allclose(
    state.info["amp_features"][:9], state.data.qpos[7:], atol=1e-6
  )


def test_a_fall_empties_the_wires(wired):
  _, reset, step = wired
  state = reset(jax.random.key(0))
  first = state.info["late_signals"]["joint_pos"]
  state = step(state, jp.full(9, 0.5))
  assert not np.array_equal(state.info["late_signals"]["joint_pos"], first)
  fallen = state.replace(
    data=state.data.replace(qpos=state.data.qpos.at[2].set(0.8))
  )
  after = step(fallen, jp.zeros(9))
  assert after.done == 1
  np.testing.assert_array_equal(after.info["late_signals"]["joint_pos"], first)
