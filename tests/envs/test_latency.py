"""Late targets: a delayed robot does a step later what a prompt one does."""

import jax
import jax.numpy as jp
import numpy as np
import pytest

from tests.envs.conftest import OVERRIDES
from wildrobot_playground.envs import latency, walk


def _late(low, high):
  return walk.Walk(
    config_overrides={
      **OVERRIDES,
      "latency_config.enable": True,
      "latency_config.action_steps": (low, high),
    }
  )


def test_without_a_delay_nothing_is_kept(first):
  assert not {"action_delay", "late_targets"} & first.info.keys()


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_targets_arrive_as_late_as_drawn(steps):
  config = latency.default_config()
  config.enable, config.action_steps = True, (steps, steps)
  info = latency.begin(config, jax.random.key(0), jp.zeros(2))
  arrived = [
    float(latency.delay(info, jp.full(2, float(t)))[0]) for t in range(1, 6)
  ]
  assert arrived == [max(t - steps, 0) for t in range(1, 6)]


def test_a_late_robot_moves_a_step_later(compiled, first):
  env = _late(1, 1)
  state = env.reset(jax.random.key(0))
  np.testing.assert_allclose(state.data.qpos, first.data.qpos, atol=1e-6)
  step = jax.jit(env.step)
  action = jp.full(9, 0.3)
  state = step(state, action)
  # Meanwhile the servos hold the first pose, not the target of no action.
  np.testing.assert_allclose(state.data.ctrl, first.data.qpos[7:], atol=1e-6)
  state = step(state, jp.zeros(9))
  prompt = compiled.step(first, action)
  np.testing.assert_allclose(state.data.ctrl, prompt.data.ctrl, atol=1e-6)


def test_every_delay_of_the_range_is_drawn_and_drawn_anew_after_a_fall():
  env = _late(0, 2)
  keys = jax.random.split(jax.random.PRNGKey(0), 64)
  state = jax.jit(jax.vmap(env.reset))(keys)
  before = state.info["action_delay"]
  assert set(np.asarray(before).tolist()) == {0, 1, 2}
  step = jax.jit(jax.vmap(env.step))
  going_on = step(state, jp.zeros((64, 9)))
  assert np.array_equal(going_on.info["action_delay"], before)
  fallen = state.replace(
    data=state.data.replace(qpos=state.data.qpos.at[:, 2].set(0.8))
  )
  after = step(fallen, jp.zeros((64, 9))).info["action_delay"]
  assert not np.array_equal(after, before)
  assert set(np.asarray(after).tolist()) == {0, 1, 2}


@pytest.mark.parametrize("steps", [(-1, 1), (2, 1)])
def test_ranges_that_are_none_are_refused(steps):
  with pytest.raises(ValueError, match="latency_config"):
    _late(*steps)
