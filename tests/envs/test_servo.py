"""A servo that turns has less torque to push on with, and all to brake."""

import jax
import jax.numpy as jp
import numpy as np
import pytest

from tests.envs.conftest import OVERRIDES
from wildrobot_playground.envs import servo, walk

GAIN, DAMPING = np.array([20.0]), np.array([0.5])
STALL, FREE = 4.0, 6.0


def _torque(target, pos, vel):
  """What a servo asks for under the limited target [N·m]."""
  target, pos, vel = (np.array([x]) for x in (target, pos, vel))
  limited = servo.limit(target, pos, vel, GAIN, DAMPING, STALL, FREE)
  return float((GAIN * (limited - pos) - DAMPING * vel)[0])


@pytest.mark.parametrize(
  ("speed", "most"), [(0.0, 4.0), (3.0, 2.0), (6.0, 0.0), (9.0, 0.0)]
)
def test_torque_falls_with_the_speed_on_both_sides(speed, most):
  assert _torque(10.0, 0.0, speed) == pytest.approx(most, abs=1e-6)
  assert _torque(-10.0, 0.0, -speed) == pytest.approx(-most, abs=1e-6)


@pytest.mark.parametrize("speed", [0.0, 3.0, 9.0])
def test_brakes_are_not_limited_below_the_stall_torque(speed):
  assert _torque(-10.0, 0.0, speed) == pytest.approx(-STALL)
  assert _torque(10.0, 0.0, -speed) == pytest.approx(STALL)


def test_what_the_servo_has_is_left_alone():
  target = np.array([0.1])
  limited = servo.limit(
    target, np.zeros(1), np.zeros(1), GAIN, DAMPING, STALL, FREE
  )
  np.testing.assert_array_equal(limited, target)


def test_numpy_and_jax_agree():
  rng = np.random.default_rng(0)
  values = [rng.normal(size=(5, 9)).astype(np.float32) for _ in range(3)]
  gain = np.full(9, 21.1, np.float32)
  damping = np.full(9, 0.5, np.float32)
  ours = servo.limit(*values, gain, damping)
  theirs = servo.limit(*map(jp.asarray, (*values, gain, damping)))
  np.testing.assert_allclose(ours, theirs, atol=1e-5)


def _env(**changes):
  return walk.Walk(
    config_overrides={
      **OVERRIDES,
      **{f"servo_config.{name}": value for name, value in changes.items()},
    }
  )


def test_without_a_limit_in_reach_the_robot_moves_as_before(compiled, first):
  """Chunks of a control step are the control step."""
  env = _env(enable=True, stall_torque=1e3, no_load_speed=1e6)
  state = jax.jit(env.step)(first, jp.full(9, 0.2))
  expected = compiled.step(first, jp.full(9, 0.2))
  np.testing.assert_allclose(state.data.qpos, expected.data.qpos, atol=2e-5)


def test_a_slow_servo_is_slow(compiled, first):
  step = jax.jit(_env(enable=True, no_load_speed=0.5).step)
  slow = fast = first
  for _ in range(4):
    slow, fast = (
      step(slow, jp.full(9, 1.0)),
      compiled.step(fast, jp.full(9, 1.0)),
    )
  moved = [
    np.abs(np.asarray(s.data.qpos - first.data.qpos)[7:]).max()
    for s in (slow, fast)
  ]
  assert moved[0] < 0.8 * moved[1]


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"updates": 3}, "updates 3 must divide the 10"),
    ({"stall_torque": 0.0}, "stall_torque"),
    ({"no_load_speed": -1.0}, "no_load_speed"),
  ],
)
def test_values_that_cannot_work_are_refused(changes, message):
  with pytest.raises(ValueError, match=f"servo_config.{message}"):
    _env(enable=True, **changes)
