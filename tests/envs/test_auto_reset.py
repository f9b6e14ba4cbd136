"""Episodes end, the wrapper restores their first data, and `info` follows.

Playground's auto-reset restores data and observation only; whatever the task
keeps in `info` it must itself bring back to the start.
"""

import itertools

import jax
import jax.numpy as jp
import numpy as np
import pytest
from brax.envs.wrappers import training
from mujoco_playground import wrapper

from tests.envs.conftest import OVERRIDES
from wildrobot_playground import features
from wildrobot_playground.envs import walk, walk_observation

ROBOTS, LENGTH, STEPS = 48, 7, 8
RENEWED_EVERY = 3  # control steps
FALLS = 0  # This robot falls,
FALLS_AT = 2  # in this step.


def make_env():
  return walk.Walk(
    config_overrides={
      **OVERRIDES,
      "episode_length": LENGTH,
      "command_config.resampling_time": RENEWED_EVERY * 0.02,
      "command_config.lin_vel_x": (0.5, 1.0),
      "command_config.standing_probability": 0.5,
      "noise_config.level": 0.0,
    }
  )


@pytest.fixture(scope="module")
def episode():
  """States of 48 robots after 0 .. 8 steps, as Brax trains and evaluates."""
  env = make_env()
  wrapped = training.EvalWrapper(
    wrapper.wrap_for_brax_training(env, episode_length=LENGTH)
  )
  reset, step = jax.jit(wrapped.reset), jax.jit(wrapped.step)
  states = [reset(jax.random.split(jax.random.PRNGKey(0), ROBOTS))]
  for k in range(1, STEPS + 1):
    state = states[-1]
    if k == FALLS_AT:
      qpos = state.data.qpos.at[FALLS, 2].set(0.8)
      state = state.replace(data=state.data.replace(qpos=qpos))
    states.append(step(state, jp.full((ROBOTS, 9), 0.5)))
  return env, states


def trace(episode, name):
  """(T, N, ...) of an entry of `info`."""
  return np.array([np.asarray(state.info[name]) for state in episode[1]])


def test_robots_end_when_they_fall_or_their_time_is_up(episode):
  done = np.array([state.done for state in episode[1]])
  expected = np.zeros((STEPS + 1, ROBOTS))
  expected[LENGTH, 1:] = 1
  expected[FALLS_AT, FALLS] = 1
  np.testing.assert_array_equal(done, expected)
  truncated = trace(episode, "truncation")
  assert truncated[LENGTH, 1] == 1
  assert truncated[FALLS_AT, FALLS] == 0


def test_steps_are_counted_from_the_start_of_an_episode(episode):
  expected = np.minimum(np.arange(STEPS + 1), LENGTH) % LENGTH
  expected[-1] = 1
  np.testing.assert_array_equal(trace(episode, "step")[:, 1], expected)
  np.testing.assert_array_equal(
    trace(episode, "step")[:, FALLS], [0, 1, 0, 1, 2, 3, 4, 5, 6]
  )


def test_commands_are_drawn_anew_at_their_interval(episode):
  command = trace(episode, "command")[..., 0]
  changes = [np.mean(a != b) for a, b in itertools.pairwise(command)]
  for step, share in enumerate(changes, start=1):
    if step == LENGTH:
      continue
    if step % RENEWED_EVERY == 0:
      assert share > 0.5
    else:
      # Nobody's changes, but the fallen robot's counting starts late.
      assert share <= 1 / ROBOTS
  np.testing.assert_array_equal(
    trace(episode, "command_steps")[:, 1], [0, 1, 2, 0, 1, 2, 0, 0, 1]
  )


def test_commands_gate_the_style(episode):
  command = trace(episode, "command")[..., 0]
  standing = command == 0
  assert 0.3 < np.mean(standing[0]) < 0.7
  assert np.all((command[~standing] >= 0.5) & (command[~standing] <= 1.0))
  # The gate belongs to the command under which the step was taken.
  counts = np.where(standing, 0, np.clip((1.0 - command) / 0.4, 0, 1))
  np.testing.assert_allclose(
    trace(episode, "amp_gate")[1:], counts[:-1], atol=1e-6
  )


def where_done(episode):
  """(step, robot) of every end of an episode."""
  return [(LENGTH, robot) for robot in range(1, ROBOTS)] + [(FALLS_AT, FALLS)]


@pytest.mark.parametrize(
  "name", ["command", "mean_velocity", "phase", "last_act", "air_time", "step"]
)
def test_new_episode_starts_with_what_the_first_started_with(episode, name):
  found = trace(episode, name)
  for step, robot in where_done(episode):
    np.testing.assert_array_equal(found[step, robot], found[0, robot])


def test_new_episode_has_the_first_data_and_observation(episode):
  _, states = episode
  for step, robot in ((LENGTH, 1), (FALLS_AT, FALLS)):
    for kind in ("data", "obs"):
      first, again = (
        jax.tree.map(lambda x, r=robot: x[r], getattr(states[k], kind))
        for k in (0, step)
      )
      jax.tree.map(np.testing.assert_array_equal, first, again)


def test_observation_of_a_new_episode_is_that_of_its_info(episode):
  """Nothing that the policy sees jumps in the second step."""
  env, states = episode

  @jax.jit
  @jax.vmap
  def observe(data, info):
    feet = env.feet(env.at.pose(data.qpos))
    return walk_observation.observe(env, data, feet, dict(info))

  found = observe(states[LENGTH].data, states[LENGTH].info)
  np.testing.assert_allclose(
    found["privileged_state"][1:],
    states[LENGTH].obs["privileged_state"][1:],
    atol=1e-6,
  )


def test_features_of_the_last_step_do_not_straddle_the_reset(episode):
  """They lead from the state before it to one that is not the new start."""
  env, states = episode
  rows = np.asarray(states[LENGTH].info["amp_features"])[1:]
  after = rows[:, features.WILDROBOT.joint_pos]
  before = after - env.dt * rows[:, features.WILDROBOT.joint_vel]
  expected = states[LENGTH - 1].data.qpos[1:, 7:]
  np.testing.assert_allclose(before, expected, atol=1e-5)
  start = np.asarray(states[LENGTH].data.qpos)[1:, 7:]
  assert np.all(np.max(np.abs(after - start), axis=1) > 0.02)


def test_metrics_of_others_are_kept(episode):
  """Brax's evaluation puts its own among ours, and sums both."""
  env, states = episode
  ours = {f"reward/{name}" for name in env.config.reward_config.scales}
  for state in states[1:]:
    assert set(state.metrics) == {*ours, "velocity_error", "reward"}
  sums = states[LENGTH].info["eval_metrics"].episode_metrics
  rewards = np.sum([state.reward for state in states[1 : LENGTH + 1]], axis=0)
  np.testing.assert_allclose(sums["reward"][1:], rewards[1:], rtol=1e-4)
  height = [state.metrics["reward/base_height"] for state in states[1:-1]]
  np.testing.assert_allclose(
    sums["reward/base_height"][1:], np.sum(height, axis=0)[1:], rtol=1e-4
  )
