"""A NaN costs a robot its episode or the learner one update, and is told."""

import dataclasses

import jax
import jax.numpy as jp
import mujoco_playground
import numpy as np
import optax
import pytest
from brax import envs

from wildrobot_playground.amp import guard
from wildrobot_playground.amp.hooks import Hooks
from wildrobot_playground.envs import walk

STEPS = 80  # Of an iteration of `ppo_settings`.


def keys(count=4):
  return jax.random.split(jax.random.PRNGKey(0), count)


def poison(tree, robot):
  """NaN in everything that is a float, for one robot."""
  return jax.tree.map(
    lambda x: (
      x.at[robot].set(jp.nan) if jp.issubdtype(x.dtype, jp.floating) else x
    ),
    tree,
  )


def assert_finite(tree):
  for leaf in jax.tree.leaves(tree):
    assert np.all(np.isfinite(leaf))


@pytest.fixture(scope="module")
def point_masses(point_mass):
  """Four guarded points: the environment, its first state and its step."""
  env = guard.GuardWrapper(envs.training.wrap(point_mass()), keys())
  return env, env.reset(keys()), jax.jit(env.step)


def test_a_poisoned_robot_starts_anew(point_masses):
  env, first, step = point_masses
  state = step(first, jp.ones((4, 1)))
  poisoned = state.replace(pipeline_state=poison(state.pipeline_state, 2))
  clean, after = (step(x, jp.ones((4, 1))) for x in (state, poisoned))
  np.testing.assert_array_equal(after.done, [0, 0, 1, 0])
  np.testing.assert_array_equal(after.obs[2], first.obs[2])
  assert after.reward[2] == 0
  assert_finite(after)
  name = env.names[int(after.info[guard.NONFINITE_KEY][2]) - 1]
  assert name == "observation"
  others = np.array([0, 1, 3])
  for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(clean), strict=True):
    np.testing.assert_array_equal(a[others], b[others])


def test_its_next_episode_is_counted_from_the_start(point_masses):
  _, first, step = point_masses
  state = step(first, jp.ones((4, 1)))
  state = step(
    state.replace(pipeline_state=poison(state.pipeline_state, 2)),
    jp.ones((4, 1)),
  )
  state = step(state, jp.zeros((4, 1)))
  np.testing.assert_array_equal(state.info["steps"], [3, 3, 1, 3])
  np.testing.assert_array_equal(state.done, 0)
  assert_finite(state)


@pytest.fixture(scope="module")
def wildrobots():
  """Four guarded WildRobots: their first state and their step."""
  environment = walk.Walk(config_overrides={"impl": "mujoco"})
  wrapped = mujoco_playground.wrapper.wrap_for_brax_training(environment)
  env = guard.GuardWrapper(wrapped, keys())
  return jax.jit(env.reset)(keys()), jax.jit(env.step)


@pytest.mark.parametrize("part", ["qpos", "qvel", "sensordata"])
def test_a_poisoned_wildrobot_starts_anew(wildrobots, part):
  first, step = wildrobots
  state = step(first, jp.zeros((4, 9)))
  data = state.data.replace(**{part: poison(getattr(state.data, part), 1)})
  poisoned = state.replace(data=data)
  after = step(poisoned, jp.zeros((4, 9)))
  assert_finite(jax.tree.leaves(after.obs))
  assert_finite((after.reward, after.data.qpos, after.data.qvel))
  assert_finite((after.info["amp_features"], after.metrics))
  # Readings are made anew by the step; a state is not.
  expected = [0, 0, 0, 0] if part == "sensordata" else [0, 1, 0, 0]
  np.testing.assert_array_equal(after.done, expected)
  if part != "sensordata":
    np.testing.assert_array_equal(after.data.qpos[1], first.data.qpos[1])
    assert after.info["step"][1] == 0
    np.testing.assert_array_equal(
      after.info["command"][1], first.info["command"][1]
    )


@pytest.mark.parametrize("leaf", ["a", "b"])
def test_an_optimiser_step_with_a_nan_is_left_out(leaf):
  optimizer = optax.adam(0.1)
  params = {"a": jp.ones(3), "b": jp.ones(2)}
  state = optimizer.init(params)
  good = {"a": jp.ones(3), "b": jp.ones(2)}
  bad = {**good, leaf: good[leaf].at[1].set(jp.nan)}
  same, same_state, first = guard.apply_if_finite(optimizer, bad, state, params)
  assert guard.update_names(params, state)[int(first) - 1] == leaf
  jax.tree.map(
    np.testing.assert_array_equal, (same, same_state), (params, state)
  )
  moved, _, first = guard.apply_if_finite(optimizer, good, state, params)
  assert first == 0
  assert np.all(moved["a"] < 1)


def test_a_gradient_that_overflows_the_moments_alone_is_named():
  optimizer = optax.adam(0.1)
  params = {"a": jp.ones(3), "b": jp.ones(2)}
  state = optimizer.init(params)
  huge = {"a": jp.ones(3), "b": jp.full(2, 1e30)}
  same, _, first = guard.apply_if_finite(optimizer, huge, state, params)
  jax.tree.map(np.testing.assert_array_equal, same, params)
  name = guard.update_names(params, state)[int(first) - 1]
  assert name.startswith("optimiser/")
  assert name.endswith("/b")


def poisoned_reference(reference):
  rows = reference.features.copy()
  rows[7, 3] = np.nan
  return dataclasses.replace(reference, features=rows)


def test_a_nan_in_the_reference_costs_the_updates_that_draw_it(
  train, reference
):
  reports, told = [], []
  _, params, _ = train(
    20 * STEPS,
    reference=poisoned_reference(reference),
    hooks=Hooks(
      event_fn=told.append,
      metrics_fn=lambda steps, metrics: reports.append(metrics),
    ),
  )
  assert_finite(params)
  left_out = reports[-1]["guard/disc_updates"]
  # A draw of 32 of 400 rows meets that one in 8 %.
  assert 1 <= left_out <= 15
  assert left_out == sum(int(event.text.split()[0]) for event in told)
  assert {event.kind for event in told} == {"incident"}
  assert "discriminator updates left out" in told[0].text
  assert reports[-1]["guard/updates"] == reports[-1]["guard/robots"] == 0


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_training_survives_robots_that_go_bad(train, point_mass, weight):
  class Fragile(point_mass):
    def step(self, state, action):
      state = super().step(state, action)
      broken = state.pipeline_state[0] > 0.4
      return state.replace(
        pipeline_state=jp.where(broken, jp.nan, state.pipeline_state),
        obs=jp.where(broken, jp.nan, state.obs),
      )

  told = []
  _, params, metrics = train(
    10 * STEPS,
    Fragile(),
    amp_changes={"weight": weight},
    hooks=Hooks(event_fn=told.append),
  )
  assert_finite(params)
  assert metrics["guard/robots"] > 0
  assert "robots started anew: observation was not finite" in told[0].text
  assert metrics["guard/updates"] == 0


def test_a_run_that_only_fails_is_ended(train, point_mass):
  class Broken(point_mass):
    def step(self, state, action):
      state = super().step(state, action)
      return state.replace(reward=state.reward * jp.inf)

  reports = []
  with pytest.raises(guard.TrainingFailedError, match="reward was not finite"):
    train(
      100 * STEPS,
      Broken(),
      hooks=Hooks(metrics_fn=lambda steps, metrics: reports.append(metrics)),
    )
  assert len(reports) == guard.PATIENCE - 1


def test_a_failure_now_and_then_does_not_end_a_run():
  told = []
  watch = guard.Watch({"updates": ("a", "b")}, {"updates": 4})
  for k in range(3 * guard.PATIENCE):
    often = {"guard/updates": 4.0, "guard/updates_name": 2.0}
    never = {"guard/updates": 0.0, "guard/updates_name": 0.0}
    metrics = watch(often if k % 2 else never, told.append)
  assert metrics == {"guard/updates": 4.0 * (3 * guard.PATIENCE // 2)}
  assert "b would not be finite" in told[0]
