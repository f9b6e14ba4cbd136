"""Every key has a range, and no door takes a value outside of it."""

import dataclasses
import math
import pathlib
import runpy

import hypothesis
import mujoco_playground
import numpy as np
import pytest
from hypothesis import strategies as st
from mujoco_playground import registry

from tests.envs.conftest import OVERRIDES
from wildrobot_playground import features
from wildrobot_playground.amp import adversarial, discriminator
from wildrobot_playground.amp import mixing as mixing_lib
from wildrobot_playground.amp.arguments import PPOSettings
from wildrobot_playground.config import key_ranges, overrides, ranges
from wildrobot_playground.envs import base, physics, presets, walk, walk_config
from wildrobot_playground.robots import catalog
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.runs import plan
from wildrobot_playground.system import errors

DOCS = pathlib.Path(__file__).parents[2] / "docs"
KEYS = [
  (section, key)
  for section, table in key_ranges.TABLES.items()
  if section
  for key in table
]


def _plan(*overrides, **changes):
  return plan.make_plan(plan.Request(overrides=tuple(overrides), **changes))


def _refusal(*overrides, **changes):
  with pytest.raises(errors.UsageError) as error:
    _plan(*overrides, **changes)
  text = str(error.value)
  assert "\n" not in text
  assert len(text) < 1000
  return text


# The table.


@pytest.mark.parametrize("env", catalog.environments())
def test_every_key_has_an_entry_that_its_default_fits(env):
  for section, values in plan.defaults(env).items():
    flat = ranges.flatten(values)
    assert flat.keys() <= key_ranges.TABLES[section].keys()
    key_ranges.check(section, flat)


def test_every_entry_is_of_a_key():
  sections = plan.defaults(catalog.environments()[0])
  # A hinge that is of no leg and no waist is an arm's, and paid for.
  with_arms = dataclasses.replace(WILDROBOT, waist=None)
  sections["env_config"] = walk_config.default_config(with_arms)
  known = {
    (section, key)
    for section, values in sections.items()
    for key in ranges.flatten(values)
  }
  # Of `ppo.train` in Python alone, whose arguments are in the same table.
  arguments = {f.name for f in dataclasses.fields(PPOSettings)}
  arguments |= {"num_eval_envs", "max_devices_per_host"}
  others = {("ppo", name) for name in arguments}
  assert set(KEYS) - others == known - others


def test_playgrounds_own_ppo_arguments_fit():
  for env in mujoco_playground.registry.ALL_ENVS:
    try:
      flat = ranges.flatten(plan.defaults(env)["ppo"])
    except errors.UsageError:  # Not all of them have any.
      continue
    assert flat.keys() <= key_ranges.TABLES["ppo"].keys(), env
    key_ranges.check("ppo", flat)
    key_ranges.check_batches(flat)


@pytest.mark.parametrize("preset", presets.PRESETS)
@pytest.mark.parametrize("randomization", [None, *presets.RANDOMIZATIONS])
def test_presets_fit(preset, randomization):
  _plan(preset=preset, randomization=randomization)


@pytest.mark.parametrize(
  ("section", "key", "known"),
  [
    ("amp", "mixing", mixing_lib.MIXINGS),
    ("amp", "loss", adversarial.LOSSES),
    ("amp", "disc_penalty_type", discriminator.PENALTIES),
    ("amp", "disc_activation", discriminator.ACTIVATIONS),
    ("amp", "disc_optimizer", discriminator.OPTIMIZERS),
    ("env_config", "velocity_mode", features.VELOCITY_MODES),
    ("env_config", "impl", physics.IMPLS),
    ("env_config", "solver.cone", base._CONES),
  ],
)
def test_words_are_those_that_the_code_knows(section, key, known):
  assert key_ranges.find(section, key).words == tuple(known)


def test_the_page_of_keys_is_current():
  page = runpy.run_path(str(DOCS / "keys_page.py"))["page"]
  assert (DOCS / "keys.md").read_text() == page(), (
    "write it again with `python docs/keys_page.py`"
  )


# Ranges.


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_ends_are_in_and_what_is_beyond_them_is_out(section, key):
  allowed = key_ranges.find(section, key)
  for fine in _ends(allowed):
    key_ranges.check(section, {key: fine})
  for bad in _beyond(allowed):
    with pytest.raises(key_ranges.RangeError) as error:
      key_ranges.check(section, {key: bad})
    assert str(error.value).startswith(f"{section}.{key} is ")
    assert str(error.value).endswith(f"it must be {allowed.said}")


def _ends(allowed):
  if isinstance(allowed, ranges.Maybe):
    return [None, *_ends(allowed.of)]
  if isinstance(allowed, ranges.Rising):
    low, high = allowed.of.low, allowed.of.high
    return [(low, high), (low, low), (high, high)]
  if isinstance(allowed, ranges.Number):
    high = np.nextafter(allowed.high, 0) if allowed.below else allowed.high
    return [allowed.low, high]
  if isinstance(allowed, ranges.Choice):
    return allowed.words
  if isinstance(allowed, ranges.Layers):
    return [(1,), (8, 8), [16]]
  return [True, False] if isinstance(allowed, ranges.Switch) else ["", "a b"]


def _beyond(allowed):
  if isinstance(allowed, ranges.Maybe):
    return [value for value in _beyond(allowed.of) if value is not None]
  strange = [None, "x\0y", math.nan, math.inf, -math.inf, (), {}, 10**5000]
  if isinstance(allowed, ranges.Rising):
    low, high = allowed.of.low, allowed.of.high
    strange += [(high, low), (low,), (low, high, high), (low - 1, high), "low"]
    return strange + [(low, high + 1), (low, math.nan), (True, False)]
  if isinstance(allowed, ranges.Number):
    whole = [1.5] if isinstance(allowed, ranges.Whole) else []
    below = [allowed.high] if allowed.below else []
    return [*strange, *whole, *below, allowed.low - 1, allowed.high + 1, True]
  if isinstance(allowed, ranges.Layers):
    return [*strange, (0,), (-8,), (8.5,), (8,) * 99, (10**9,), 8]
  return strange


@pytest.mark.parametrize(
  ("arguments", "said"),
  [
    (["--ppo.num_timesteps=-5"], "ppo.num_timesteps is -5; it must be a whole"),
    (["--ppo.num_timesteps=0"], "from 1 to 1,000,000,000,000"),
    (["--ppo.num_envs=0"], "ppo.num_envs is 0"),
    (
      ["--ppo.num_envs=1e30"],
      "ppo.num_envs is 1000000000000000019884624838656",
    ),
    (["--ppo.unroll_length=0"], "ppo.unroll_length is 0"),
    (["--ppo.learning_rate=1e999"], "ppo.learning_rate is inf"),
    (["--ppo.learning_rate=-1e-3"], "ppo.learning_rate is -0.001"),
    (["--ppo.num_envs=500"], "must be a multiple of num_envs 500"),
    (["--ppo.num_minibatches=10000", "--ppo.batch_size=1048576"], "iteration"),
    (["--ppo.network_factory.policy_hidden_layer_sizes=(0,)"], "list of 1 to"),
    (["--amp.weight=1e999"], "amp_weight inf must be between 0"),
    (["--amp.weight=1e4", "--amp.mixing=sum"], "amp.weight is 10000.0"),
    (["--amp.disc_activation=sine"], "one of elu, relu, swish, tanh"),
    (["--amp.loss=wgan", "--amp.disc_label_smoothing=0.1"], "does nothing"),
    (["--env_config.sim_dt=0"], "a number from 0.0001 to 0.1 s"),
    (["--env_config.action_filter=1"], "a number from 0 to below 1"),
    (["--env_config.randomize_config.friction=(1.2,0.4)"], "do not fall"),
    (["--env_config.command_config.lin_vel_x=(1.0,)"], "two numbers"),
    (["--env_config.reward_config.scales.torques=0.1"], "-10,000 to 0 per"),
    (["--env_config.reward_config.scales.base_height=-1"], "0 to 10,000 per"),
    (["--env_config.reset_config.reference_probability=1.1"], "from 0 to 1"),
  ],
)
def test_what_no_run_can_mean_is_refused(arguments, said):
  assert said in _refusal(*arguments)


@pytest.mark.parametrize("seed", [-1, 2**31, 10**40])
def test_seeds_are_small_and_whole(seed):
  assert "seed is" in _refusal(seed=seed)


def test_playgrounds_environments_have_times_and_are_finite():
  said = _refusal("--env_config.sim_dt=0", env="CartpoleBalance")
  assert "env_config.sim_dt is 0.0; it must be a number from" in said
  key = "env_config.reward_config.scales.tracking_lin_vel"
  said = _refusal(f"--{key}=1e999", env="Go1JoystickFlatTerrain")
  assert said == f"{key} is inf; it must be finite"


def test_playgrounds_environments_are_planned_as_they_are():
  for env in mujoco_playground.registry.ALL_ENVS:
    try:
      plan.defaults(env)
    except errors.UsageError:  # No PPO arguments.
      continue
    _plan(
      env=env, amp_weight=0.0 if env not in catalog.environments() else None
    )


@pytest.mark.parametrize(
  ("overrides", "said"),
  [
    ({"sim_dt": 0.0}, "env_config.sim_dt is 0.0; it must be a number from"),
    ({"sim_dt": 0.003}, "ctrl_dt 0.02 s is no multiple of sim_dt 0.003 s"),
    ({"sim_dt": 0.1}, "ctrl_dt 0.02 s is no multiple of sim_dt 0.1 s"),
    ({"max_height": 0.1}, "min_height 0.2 m must be below max_height 0.1 m"),
    ({"velocity_time_constant": 0.01}, "shorter than a control step, 0.02 s"),
    ({"randomize_config.mass": (1.1, 0.9)}, "randomize_config.mass is (1.1"),
    ({"latency_config.action_steps": (0, 10**9)}, "from 0 to 50 control steps"),
  ],
)
def test_the_environment_itself_refuses(overrides, said):
  with pytest.raises(ValueError) as error:
    registry.load("WildRobotWalk", config_overrides={**OVERRIDES, **overrides})
  assert said in str(error.value)
  assert "\n" not in str(error.value)


def test_a_key_of_another_task_must_be_finite():
  key_ranges.check("env_config", {"mine": (1.0, "x"), "other": None})
  with pytest.raises(key_ranges.RangeError, match="mine is nan"):
    key_ranges.check("env_config", {"mine": math.nan})


# Any text at all.

NAMES = st.sampled_from([f"{section}.{key}" for section, key in KEYS])
TEXTS = st.one_of(
  st.text(max_size=20),
  st.integers().map(str),
  st.floats().map(repr),
  st.sampled_from(["true", "(0,1)", "(1,0)", "[]", "()", "None", "1e999"]),
  st.sampled_from([-1, 0, 1, 10, 512, 10**9, 10**30]).map(str),
  st.tuples(st.floats(0, 2), st.floats(0, 2)).map(repr),
  st.lists(st.integers(-1, 300), max_size=4).map(repr),
  st.integers(1, 900).map(lambda depth: "(" * depth + ")" * depth),
  st.integers(1, 6000).map(lambda digits: "9" * digits),
)
ARGUMENTS = st.one_of(
  st.builds("--{}={}".format, NAMES, TEXTS),
  st.builds("--{}={}".format, st.text(max_size=30), TEXTS),
  st.text(max_size=30),
)


@pytest.mark.property
@hypothesis.given(
  arguments=st.lists(ARGUMENTS, max_size=4),
  num_timesteps=st.none() | st.integers(),
  amp_weight=st.none() | st.floats(),
  seed=st.none() | st.integers(),
  env=st.sampled_from(
    ["WildRobotWalk", "WildRobotWalkRough", "CartpoleBalance"]
  ),
  preset=st.sampled_from(list(presets.PRESETS)),
)
def test_any_arguments_are_a_plan_in_range_or_one_line(arguments, **flags):
  request = plan.Request(overrides=tuple(arguments), **flags)
  try:
    made = plan.make_plan(request)
  except errors.UsageError as error:
    assert len(" ".join(str(error).split())) < 2000
    return
  for section in plan.SECTIONS:
    flat = ranges.flatten(getattr(made, section))
    if made.is_ours or section != "env_config":
      key_ranges.check(section, flat)
  samples = made.ppo.batch_size * made.ppo.num_minibatches
  assert samples % made.ppo.num_envs == 0
  assert made.ppo.num_timesteps > 0


@pytest.mark.parametrize("end", [0, -1])
def test_the_ends_of_all_ranges_at_once_build_an_environment(end):
  overrides = {
    key: _ends(allowed)[end]
    for key, allowed in key_ranges.TABLES["env_config"].items()
    if isinstance(allowed, (ranges.Number, ranges.Rising))
  }
  # What must fit together.
  overrides |= {
    "ctrl_dt": 0.1,
    "sim_dt": 0.1 if end else 0.0005,
    "servo_config.updates": 1,
    "min_height": 0.0,
    "max_height": 1.0,
    "velocity_time_constant": 0.1,
    "naconmax": 64,
    "njmax": 64,
  }
  # All but what is of arms only, which this robot has none of.
  mine = ranges.flatten(walk_config.default_config())
  overrides = {key: overrides[key] for key in overrides if key in mine}
  env = walk.Walk(config_overrides={**OVERRIDES, **overrides})
  state = env.reset(np.array([0, 1], np.uint32))
  state = env.step(state, np.zeros(env.action_size))
  assert np.isfinite(np.asarray(state.obs["state"])).all()


# Before jax is imported.


@pytest.mark.parametrize(
  ("values", "arguments", "said"),
  [
    ({"ppo.num_timesteps": 0}, [], "ppo.num_timesteps is 0"),
    ({"seed": -1}, [], "seed is -1"),
    ({}, ["--ppo.num_envs=0"], "ppo.num_envs is 0"),
    ({}, ["--env_config.sim_dt=0"], "env_config.sim_dt is 0.0"),
    ({}, ["--sede=3"], "unknown flag '--sede'"),
    ({}, ["--opp.num_envs=1"], "unknown section of 'opp'; did you mean ppo"),
    ({}, ["hello"], "cannot read the argument 'hello'"),
    ({}, ["--ppo.num_envs"], "cannot read the argument '--ppo.num_envs'"),
  ],
)
def test_what_the_table_alone_refuses_is_told_early(values, arguments, said):
  with pytest.raises(errors.UsageError, match=said):
    overrides.check_early(values, arguments, ours=True)


def test_what_it_cannot_know_is_left_for_later():
  overrides.check_early(
    {"seed": None, "ppo.num_timesteps": 5},
    ["--amp.disc_rl=1", "--ppo.num_envs=many"],
    ours=True,
  )
  overrides.check_early({}, ["--env_config.action_filter=7"], ours=False)
