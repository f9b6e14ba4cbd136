import jax
import jax.numpy as jp
import mujoco_playground
import numpy as np
import pytest
from brax import envs

from wildrobot_playground.amp import history

NUM_ENVS, NUM_STEPS = 6, 24


class Diary(envs.Env):
  """Its features are (episode, step of the episode), counted from 0.

  Falls after 2 to 7 steps, a number of its own for every robot.
  """

  observation_size = 1
  action_size = 1
  backend = "none"

  def reset(self, rng):
    length = jax.random.randint(rng, (), 2, 8).astype(jp.float32)
    zero = jp.zeros(())
    info = {"episode": zero, "started": zero, "amp_features": jp.zeros(2)}
    return envs.State(
      jp.stack([zero, length]), jp.zeros(1), zero, zero, {}, info
    )

  def step(self, state, action):
    step, length = state.pipeline_state
    first = (step == 0) * state.info["started"]
    episode, step = state.info["episode"] + first, step + 1
    return state.replace(
      pipeline_state=jp.stack([step, length]),
      done=(step >= length).astype(jp.float32),
      info={
        **state.info,
        "episode": episode,
        "started": jp.ones(()),
        "amp_features": jp.stack([episode, step]),
      },
    )


def windows_of(length):
  """(T, B, length, 2) windows of every step and (T, B, 2) features."""
  # Some episodes end by falling, others by their length.
  env = envs.training.wrap(Diary(), episode_length=5)
  env = history.HistoryWrapper(env, length)
  state = env.reset(jax.random.split(jax.random.PRNGKey(0), NUM_ENVS))
  first = state.info

  def step(state, _):
    state = env.step(state, jp.zeros((NUM_ENVS, 1)))
    return state, (state.info[history.WINDOW_KEY], state.info["amp_features"])

  _, (windows, newest) = jax.lax.scan(step, state, length=NUM_STEPS)
  windows = jp.concatenate([first[history.WINDOW_KEY][None], windows])
  newest = jp.concatenate([first["amp_features"][None], newest])
  return np.asarray(windows).reshape(*newest.shape[:2], length, 2), newest


@pytest.fixture(scope="module", params=[1, 2, 4])
def windows(request):
  return windows_of(request.param)


def test_episodes_end_in_both_ways_and_often(windows):
  _, newest = windows
  assert np.all(newest[-1, :, 0] >= 4)
  last = np.max(newest[..., 1], axis=0)
  assert np.any(last == 5)
  assert np.any(last < 5)


def test_no_window_mixes_episodes(windows):
  rows, newest = windows
  np.testing.assert_array_equal(
    rows[..., 0], np.broadcast_to(newest[:, :, None, 0], rows.shape[:-1])
  )


def test_the_last_row_is_the_newest_step(windows):
  rows, newest = windows
  np.testing.assert_array_equal(rows[:, :, -1], newest)


def test_rows_are_consecutive_from_a_repeated_first_one(windows):
  rows, newest = windows
  length = rows.shape[2]
  age = np.arange(length)[::-1]
  # The first episode begins with what the reset emits, the others with the
  # step after it.
  start = np.where(newest[..., 0] == 0, 0, 1)[..., None]
  expected = np.maximum(newest[..., None, 1] - age, start)
  np.testing.assert_array_equal(rows[..., 1], expected)


def test_everything_else_is_the_wrapped_environments():
  env = history.HistoryWrapper(envs.training.wrap(Diary(), episode_length=5), 2)
  assert env.episode_length == 5
  assert env.action_size == 1
  assert isinstance(env.unwrapped, Diary)
  with pytest.raises(AttributeError, match="no_such_thing"):
    _ = env.no_such_thing


def test_a_wrapper_that_resets_the_whole_info_still_works():
  # Playground's wrapper keeps its state under another name.
  class PlaygroundDiary(Diary):
    def reset(self, rng):
      state = super().reset(rng)
      return mujoco_playground.State(
        state.pipeline_state,
        state.obs,
        state.reward,
        state.done,
        {},
        state.info,
      )

    def step(self, state, action):
      brax = envs.State(
        state.data, state.obs, state.reward, state.done, {}, state.info
      )
      after = super().step(brax, action)
      return state.replace(
        data=after.pipeline_state, done=after.done, info=after.info
      )

  env = mujoco_playground.wrapper.wrap_for_brax_training(
    PlaygroundDiary(), episode_length=5, full_reset=True
  )
  env = history.HistoryWrapper(env, 2)
  state = env.reset(jax.random.split(jax.random.PRNGKey(0), NUM_ENVS))
  state = jax.jit(env.step)(state, jp.zeros((NUM_ENVS, 1)))
  assert state.info[history.WINDOW_KEY].shape == (NUM_ENVS, 4)
