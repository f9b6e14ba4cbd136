"""The limit of the commands follows what a robot masters."""

import jax
import jax.numpy as jp
import numpy as np
import pytest
from mujoco_playground import wrapper

from tests.envs.conftest import OVERRIDES
from wildrobot_playground.envs import commands, curriculum, walk, walk_config
from wildrobot_playground.policy import rollout

DT = 0.02  # s
SETTLE, JUDGE = 100, 100  # control steps of the default 2 s
KEYS = jax.random.split(jax.random.key(0), 4000)


def make_config(**changes):
  config = commands.default_config()
  config.curriculum.enable = True
  config.curriculum.update(changes)
  return config


def end_command(
  speed=0.35, error=0.05, steps=SETTLE + JUDGE, fallen=False, ended=True
):
  """What a robot with a limit of 0.4 m/s keeps after `steps` of a command."""
  config = make_config()
  info = {
    **curriculum.begin(config),
    "command": jp.array([speed]),
    "mean_velocity": jp.array([speed - error, 0.0]),
    "command_falls": jp.array(1),
    "command_steps": jp.array(steps - 1),
    "command_error": jp.array(abs(error) * max(steps - 1 - SETTLE, 0)),
  }
  return curriculum.advance(info, config, DT, jp.array(fallen), jp.array(ended))


def draw(limit, **changes):
  """(4000,) speeds of robots with a limit, none of them told to stand."""
  config = make_config(**changes)
  config.standing_probability = config.dead_band = 0.0
  sample = jax.vmap(lambda k: commands.sample(k, config, jp.array(limit)))
  return np.asarray(sample(KEYS))[:, 0]


def test_tracking_a_command_of_the_limits_bin_widens_it():
  after = end_command()
  assert after["command_limit"] == pytest.approx(0.5)
  assert after["command_falls"] == 0


@pytest.mark.parametrize(
  "case",
  [
    {"speed": 0.25},  # Slower than the limit's bin.
    {"speed": 0.55},  # Faster, as a reference stride may be.
    {"speed": 0.0},
    {"error": 0.11},
    {"error": -0.11},
    {"steps": SETTLE + JUDGE - 1},  # It ended too early,
    {"ended": False},  # or not yet.
    {"error": np.nan},
  ],
)
def test_limit_stays_without_a_success(case):
  after = end_command(**case)
  assert after["command_limit"] == pytest.approx(0.4)
  assert after["command_falls"] == 1


def test_falls_count_in_the_limits_bin_alone_however_well_it_went():
  assert end_command(fallen=True)["command_falls"] == 2
  assert end_command(fallen=True)["command_limit"] == pytest.approx(0.4)
  assert end_command(fallen=True, steps=3)["command_falls"] == 2
  assert end_command(fallen=True, speed=0.25)["command_falls"] == 1


def test_errors_are_summed_from_when_a_command_settles():
  """Whatever was summed under the command before is forgotten by then."""
  config = make_config(settle_time=2 * DT, judge_time=3 * DT)
  info = curriculum.begin(config)
  info |= {"command_error": jp.array(np.nan), "command": jp.array([0.3])}
  sums = []
  for step in range(5):
    info["command_steps"] = jp.array(step)
    info["mean_velocity"] = jp.array([0.3 + 0.1 * step, 0.0])
    info |= curriculum.advance(
      info, config, DT, jp.array(False), jp.array(False)
    )
    sums.append(float(info["command_error"]))
  np.testing.assert_allclose(sums, [0, 0, 0.2, 0.5, 0.9], atol=1e-6)


@pytest.mark.parametrize(
  ("limit", "falls", "success", "fall", "expected"),
  [
    (0.4, 0, True, False, (0.5, 0)),
    (0.95, 2, True, False, (1.0, 0)),  # The top of the range.
    (1.0, 2, True, False, (1.0, 0)),
    (0.7, 0, False, True, (0.7, 1)),
    (0.7, 1, False, True, (0.7, 2)),
    (0.7, 2, False, True, (0.6, 0)),  # The third in a row.
    (0.4, 2, False, True, (0.4, 0)),  # Never below the start.
    (0.7, 2, False, False, (0.7, 2)),
  ],
)
def test_limit_moves_by_a_bin_within_its_range(
  limit, falls, success, fall, expected
):
  found = curriculum.move(
    jp.array(limit),
    jp.array(falls),
    jp.array(success),
    jp.array(fall),
    make_config(),
  )
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_every_limit_to_the_top_of_the_range_is_reached_and_can_be_tested():
  """Rounding leaves no limit whose own draws are not of its bin."""
  config = make_config()
  limit = curriculum.begin(config)["command_limit"]
  yes, no = jp.array(True), jp.array(False)
  found = [float(limit)]
  for _ in range(7):
    limit, _ = curriculum.move(limit, jp.array(0), yes, no, config)
    found.append(float(limit))
  np.testing.assert_allclose(
    found, [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0], atol=1e-6
  )
  assert limit == jp.float32(1.0)


def test_draws_are_uniform_with_a_share_from_the_limits_bin():
  speed = draw(0.5, limit_share=0.4)
  assert np.all((speed >= 0.0) & (speed <= 0.5))
  counts, _ = np.histogram(speed, 5, (0.0, 0.5))
  # Six standard deviations of a binomial count.
  np.testing.assert_allclose(counts, [480] * 4 + [2080], atol=190)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_draws_are_uniform_when_the_limit_is_the_top_of_the_range(share):
  counts, _ = np.histogram(draw(1.0, limit_share=share), 5, (0.0, 1.0))
  np.testing.assert_allclose(counts, 800, atol=150)


def test_disabled_nothing_is_kept_and_draws_are_those_of_the_range():
  config = commands.default_config()
  assert curriculum.begin(config) == {}

  def plain(key):
    key_speed, key_standing = jax.random.split(key)
    speed = jax.random.uniform(key_speed, (1,), maxval=1.0)
    stand = jax.random.bernoulli(key_standing, 0.1)
    return jp.where(stand | (speed < 0.05), 0.0, speed)

  found = jax.vmap(lambda k: commands.sample(k, config))(KEYS)
  np.testing.assert_array_equal(found, jax.vmap(plain)(KEYS))


def test_disabled_the_environment_does_not_know_of_it(first):
  assert not [key for key in first.info if key.startswith("command_l")]
  assert "command_limit" not in first.metrics


def test_evaluations_have_no_curriculum():
  config = walk_config.default_config()
  config.command_config = make_config()
  env = rollout.evaluation_env(config, "mujoco")
  assert not env.config.command_config.curriculum.enable


@pytest.mark.parametrize(
  ("key", "value", "message"),
  [
    ("start", 0.0, "start is 0; it must be above 0 and up to 1 m/s"),
    ("start", 1.2, "start is 1.2; it must be above 0 and up to 1 m/s"),
    ("settle_time", 0.0, "settle_time is 0; it must be at least a control"),
    ("judge_time", 3.1, "up to 5 s, which commands last"),
  ],
)
def test_curriculum_that_cannot_work_is_refused_in_one_line(
  key, value, message
):
  config = make_config(**{key: value})
  with pytest.raises(ValueError, match=message) as error:
    curriculum.check(config, DT, 10.0)
  assert str(error.value).startswith(f"command_config.curriculum.{key} is")
  assert "\n" not in str(error.value)
  config.curriculum.enable = False
  curriculum.check(config, DT, 10.0)


# In the environment: commands of 4 steps, of which the first settles, in
# episodes of 6. Half of the robots start inside a reference stride.
ROBOTS, RENEWED_EVERY, LENGTH, STEPS = 16, 4, 6, 8
GOOD, POOR, FALLS = 0, 1, 2  # What these robots do under their first command,
FALLS_AT = 3  # the last in this step.
START = 0.2  # m/s


@pytest.fixture(scope="module")
def tiny():
  return walk.Walk(
    config_overrides={
      **OVERRIDES,
      "episode_length": LENGTH,
      "reset_config.reference_probability": 0.5,
      "command_config.standing_probability": 0.0,
      "command_config.resampling_time": RENEWED_EVERY * DT,
      "command_config.curriculum.enable": True,
      "command_config.curriculum.start": START,
      "command_config.curriculum.settle_time": DT,
      "command_config.curriculum.judge_time": 3 * DT,
      "command_config.curriculum.success_error": 2.0,
    }
  )


@pytest.fixture(scope="module")
def states(tiny):
  """States of 16 robots after 0 .. 8 steps, as Brax trains."""
  wrapped = wrapper.wrap_for_brax_training(tiny, episode_length=LENGTH)
  reset, step = jax.jit(wrapped.reset), jax.jit(wrapped.step)
  states = [reset(jax.random.split(jax.random.PRNGKey(0), ROBOTS))]
  state = states[0].replace(info=dict(states[0].info))
  # The top of the limit's bin, of a command that is to last.
  state.info["command"] = jp.full((ROBOTS, 1), START)
  state.info["command_steps"] = jp.zeros(ROBOTS, jp.int32)
  velocity = state.info["mean_velocity"].at[POOR, 0].set(9.0)
  state.info["mean_velocity"] = velocity
  for k in range(1, STEPS + 1):
    if k == FALLS_AT:
      qpos = state.data.qpos.at[FALLS, 2].set(0.8)
      state = state.replace(data=state.data.replace(qpos=qpos))
    state = step(state, jp.zeros((ROBOTS, 9)))
    states.append(state)
  return states


def trace(states, name):
  """(T, N, ...) of an entry of `info`."""
  return np.array([np.asarray(state.info[name]) for state in states])


def test_limit_widens_after_a_success_and_stays_after_a_failure(states):
  limit = trace(states, "command_limit")
  for robot, expected in ((GOOD, 0.3), (POOR, START), (FALLS, START)):
    np.testing.assert_allclose(limit[:RENEWED_EVERY, robot], START)
    np.testing.assert_allclose(limit[RENEWED_EVERY, robot], expected)
  falls = trace(states, "command_falls")[:RENEWED_EVERY, :FALLS_AT]
  assert falls.sum() == falls[FALLS_AT, FALLS] == 1


def test_limit_survives_the_auto_reset_and_bounds_the_next_commands(states):
  done = np.array([state.done for state in states])
  assert np.all(done[LENGTH, :FALLS] == 1)
  limit = trace(states, "command_limit")
  np.testing.assert_allclose(limit[LENGTH:, GOOD], 0.3)
  np.testing.assert_allclose(limit[LENGTH:, POOR], START)
  drawn = trace(states, "command")[RENEWED_EVERY:LENGTH, :FALLS, 0]
  assert np.all(drawn <= limit[RENEWED_EVERY:LENGTH, :FALLS])


def test_limit_is_in_the_metrics_of_the_step_taken_under_it(states):
  metrics = np.array([state.metrics["command_limit"] for state in states])
  np.testing.assert_array_equal(
    metrics[1:], trace(states, "command_limit")[:-1]
  )


def test_starts_inside_a_stride_keep_its_speed_and_others_draw_at_once(states):
  steps = trace(states, "command_steps")
  command = trace(states, "command")[..., 0]
  stride = steps[0] == 0
  assert 0.2 < np.mean(stride) < 0.8
  np.testing.assert_array_equal(steps[0], np.where(stride, 0, -1))
  # The speeds of clips are multiples of 0.1 m/s, the limit or not.
  np.testing.assert_allclose(
    command[0, stride], np.round(command[0, stride], 1), atol=1e-6
  )
  assert np.max(command[0, stride]) > START
  # The next episode starts as the first did.
  again = np.arange(ROBOTS) != FALLS
  np.testing.assert_array_equal(command[LENGTH, again], command[0, again])
  np.testing.assert_array_equal(steps[LENGTH, again], steps[0, again])
  kept = command[LENGTH + 1] == command[LENGTH]
  np.testing.assert_array_equal(kept[again], stride[again])
