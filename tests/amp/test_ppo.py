import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jp
import mujoco_playground
import numpy as np
import pytest
from brax import envs

from wildrobot_playground import features
from wildrobot_playground.amp import programs
from wildrobot_playground.amp.hooks import Hooks
from wildrobot_playground.envs import randomize, walk

STEPS = 80  # Of an iteration of `ppo_settings`.


def flat(params):
  return np.concatenate([np.ravel(x) for x in jax.tree.leaves(params)])


@pytest.fixture(scope="session")
def compiled_names():
  """Names of the functions compiled since, growing."""
  names = []

  def listen(event, seconds, **kwargs):
    if event == "/jax/core/compile/backend_compile_duration":
      names.append(str(kwargs.get("fun_name")))

  jax.monitoring.register_event_duration_secs_listener(listen)
  yield names
  jax.monitoring.unregister_event_duration_listener(listen)


class Run(NamedTuple):
  """A short run and all that it told.

  Attributes:
    make_policy: as returned.
    params: as returned.
    metrics: as returned.
    events: `compiled`, `start`, `report <iteration>` or `eval <iteration>`.
    reports: metrics of every iteration.
    compiled: names of the functions compiled before an iteration was done.
    saved: iterations whose parameters were handed out, with these.
  """

  make_policy: Callable[..., Any]
  params: Any
  metrics: dict[str, Any]
  events: list[str]
  reports: list[dict[str, float]]
  compiled: list[list[str]]
  saved: list[tuple[int, Any]]


@pytest.fixture(scope="session")
def run(train, compiled_names):
  """Two evaluated epochs of three iterations, every robot reset between."""
  told = Run(None, None, {}, [], [], [], [])  # pyright: ignore
  iterate = programs.Programs.iterate

  def spied(self, state):
    told.events.append("start")
    result = jax.block_until_ready(iterate(self, state))
    told.compiled.append(list(compiled_names))
    return result

  def report(steps, metrics):
    if "eval/episode_reward" in metrics:
      told.events.append(f"eval {steps // STEPS}")
    else:
      told.events.append(f"report {steps // STEPS}")
      told.reports.append(metrics)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(programs.Programs, "iterate", spied)
    make_policy, params, metrics = train(
      6 * STEPS,
      amp_changes={"history": 2, "replay_size": 64},
      seed=1,
      run_evals=True,
      num_evals=3,
      num_eval_envs=4,
      num_resets_per_eval=1,
      hooks=Hooks(
        compiled_fn=lambda compiled: told.events.append("compiled"),
        metrics_fn=report,
      ),
      progress_fn=report,
      policy_params_fn=lambda steps, _, params: told.saved.append(
        (steps // STEPS, params)
      ),
    )
  # What came with the end of the run, and this function, which is new.
  jax.jit(lambda x: x + len(told.events))(np.zeros(3))
  told.compiled.append(list(compiled_names))
  return told._replace(make_policy=make_policy, params=params, metrics=metrics)


def test_nothing_compiles_after_the_first_iteration(run):
  first, *_, last, end = run.compiled
  assert "jit(iterate)" in first
  assert last == first
  # The evaluation and the reset at the end were compiled as well.
  assert end[len(last) :] == ["jit(<lambda>)"]


def test_every_iteration_is_reported_one_late(run):
  assert run.events == [
    *("compiled", "eval 0"),
    *("start", "start", "report 1", "start", "report 2", "report 3", "eval 3"),
    *("start", "start", "report 4", "start", "report 5", "report 6", "eval 6"),
  ]


def test_parameters_are_handed_out_at_every_evaluation(run):
  assert [iteration for iteration, _ in run.saved] == [0, 3, 6]


def test_handed_out_parameters_outlast_the_run(run, assert_equal_trees):
  first, second, last = (params for _, params in run.saved)
  assert_equal_trees(last, run.params)
  assert np.any(flat(first) != flat(second))


def test_reports_are_finite_numbers_of_prior_and_policy(run):
  for metrics in run.reports:
    assert {
      "amp/disc_acc",
      "amp/disc_loss",
      "amp/disc_penalty",
      "amp/disc_real_mean",
      "amp/disc_fake_mean",
      "amp/style_reward",
      "amp/style_reward_std",
      "amp/style_distance",
      "amp/task_reward",
      "training/total_loss",
      "training/sps",
      "episode_sum/speed",
      "episode_sum/count",
    } <= set(metrics)
    assert all(isinstance(value, float) for value in metrics.values())
    assert np.all(np.isfinite(list(metrics.values())))


def test_the_last_metrics_are_returned(run):
  assert run.reports[-1].items() <= run.metrics.items()
  assert "eval/episode_reward" in run.metrics


def test_the_policy_acts(run):
  policy = run.make_policy(run.params, deterministic=True)
  action, _ = policy(jp.zeros((3, 2)), jax.random.PRNGKey(0))
  assert action.shape == (3, 1)
  assert np.all(np.abs(action) <= 1)


def test_training_without_style_reports_none(train):
  _, _, metrics = train(STEPS, amp_changes={"weight": 0.0})
  assert not [name for name in metrics if name.startswith("amp/")]


def test_timesteps_are_rounded_up_to_iterations(train):
  reports = []
  listen = Hooks(metrics_fn=lambda steps, metrics: reports.append(steps))
  train(STEPS + 1, hooks=listen)
  assert reports == [STEPS, 2 * STEPS]


def test_seed_and_style_decide_the_policy(train, assert_equal_trees):
  _, one, _ = train(2 * STEPS, seed=1)
  _, same, _ = train(2 * STEPS, seed=1)
  _, other, _ = train(2 * STEPS, seed=2)
  _, plain, _ = train(2 * STEPS, seed=1, amp_changes={"weight": 0.0})
  assert_equal_trees(one, same)
  assert np.any(flat(one) != flat(other))
  assert np.any(flat(one) != flat(plain))


def test_training_goes_on_from_given_parameters(run, train, assert_equal_trees):
  _, restored, _ = train(0, seed=2, restore_params=run.params)
  assert_equal_trees(restored, run.params)
  _, further, _ = train(STEPS, seed=2, restore_params=run.params)
  assert np.any(flat(further) != flat(run.params))


def test_style_reward_rises_toward_a_reachable_reference(train):
  reports = []
  train(
    60 * 512,
    amp_changes={"weight": 1.0, "disc_updates": 4, "disc_lr": 3e-3},
    hooks=Hooks(metrics_fn=lambda steps, metrics: reports.append(metrics)),
    num_envs=32,
    batch_size=32,
    unroll_length=8,
    num_updates_per_batch=4,
    learning_rate=3e-3,
    entropy_cost=0.0,
  )

  def mean(name, part):
    return np.mean([metrics[f"amp/{name}"] for metrics in reports[part]])

  early, late = slice(0, 10), slice(-10, None)
  assert mean("style_reward", late) > mean("style_reward", early) + 0.2
  assert mean("style_distance", late) < 0.5 * mean("style_distance", early)


@pytest.mark.parametrize(
  "options",
  [
    {"history": 2, "replay_size": 64},
    {"loss": "bce", "spectral_norm": True, "mixing": "sum"},
    {"loss": "wgan", "disc_penalty_type": "wgan_gp", "mixing": "lerp"},
  ],
)
def test_options_work_together(train, point_mass, options):
  _, params, metrics = train(
    2 * STEPS, point_mass(gate=True), amp_changes=options
  )
  assert np.all(np.isfinite(flat(params)))
  assert 0.0 <= metrics["amp/disc_acc"] <= 1.0


def test_an_environment_without_features_trains_with_weight_zero(
  train, point_mass
):
  _, params, _ = train(
    STEPS, point_mass(num_features=0), amp_changes={"weight": 0.0}
  )
  assert np.all(np.isfinite(flat(params)))


def test_a_brax_environment_trains_with_weight_zero(train):
  environment = envs.get_environment("fast")
  _, params, _ = train(STEPS, environment, amp_changes={"weight": 0.0})
  assert np.all(np.isfinite(flat(params)))


def test_randomised_points_train_with_style(train):
  def randomise(gain, rng):
    return jax.vmap(lambda key: jax.random.uniform(key, (1,)))(rng), 0

  _, plain, _ = train(2 * STEPS, seed=1)
  _, varied, metrics = train(2 * STEPS, seed=1, randomization_fn=randomise)
  assert np.any(flat(plain) != flat(varied))
  assert metrics["amp/disc_fake_std"] > 0


def test_features_of_randomised_robots_are_those_of_their_motion():
  environment = walk.Walk(config_overrides={"impl": "mujoco"})
  keys = jax.random.split(jax.random.PRNGKey(0), 3)
  env = mujoco_playground.wrapper.wrap_for_brax_training(
    environment,
    randomization_fn=functools.partial(randomize.domain_randomize, rng=keys),
  )
  before = jax.jit(env.reset)(keys)
  # The same pose and action for all, so that only the model differs.
  first = jax.tree.map(lambda x: jp.broadcast_to(x[:1], x.shape), before)
  after = jax.jit(env.step)(first, 0.5 * jp.ones((3, 9)))
  expected = features.amp_features(
    first.data.qpos,
    after.data.qpos,
    environment.sole.contacts(after.data.qpos),
    environment.dt,
    environment.config.velocity_mode,
  )
  found = after.info["amp_features"]
  np.testing.assert_allclose(found, expected, atol=1e-4)
  assert np.all(np.any(found[:, features.WILDROBOT.joint_vel] != 0, axis=1))
  assert np.all(
    np.std(found[:, features.WILDROBOT.joint_vel], axis=0).max() > 1e-3
  )


def test_an_iteration_never_asks_the_host(train):
  """Features, replay and both updates stay on the device; memory is told."""

  def host(x):
    return jax.pure_callback(np.sin, jax.ShapeDtypeStruct((), jp.float32), x)

  called = jax.jit(host).lower(0.0).compile().as_text()
  assert "callback" in called  # What the host's part would look like.
  texts, told = [], []
  compile_programs = programs.Programs.compile

  def spied(self, state):
    found = compile_programs(self, state)
    texts.append(self._iterate.as_text())
    return found

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(programs.Programs, "compile", spied)
    train(
      STEPS,
      amp_changes={"replay_size": 80},
      hooks=Hooks(compiled_fn=told.append),
    )
  (text,), (compiled,) = texts, told
  assert "callback" not in text
  assert compiled.bytes > 0
