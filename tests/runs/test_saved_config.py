"""A `config.json` that says what no run can mean is told by its key."""

import copy
import json

import hypothesis
import pytest
from hypothesis import strategies as st

from wildrobot_playground.config import ranges
from wildrobot_playground.runs import (
  evaluation,
  plan,
  plan_record,
  ppo_config,
  saved_config,
)
from wildrobot_playground.runs.doctor import checks
from wildrobot_playground.runs.store import checkpoint
from wildrobot_playground.system import assets, errors

SAVED = json.loads(
  json.dumps(plan_record.describe(plan.make_plan(plan.Request())), default=str)
)
KEYS = [
  (section, *key.split("."))
  for section in plan.SECTIONS
  for key in ranges.flatten(SAVED[section])
]


def _resume(saved):
  return plan.make_plan(plan.Request(run_dir="runs/mine"), saved)


def _changed(path, value):
  """`SAVED` with another value at a path; without it for None."""
  saved = copy.deepcopy(SAVED)
  *folder, key = path
  inside = saved
  for name in folder:
    inside = inside[name]
  inside[key] = value
  return saved


def test_as_written_it_is_the_same_plan():
  made = _resume(copy.deepcopy(SAVED))
  assert plan_record.differences(made, SAVED) == {}
  for section in plan.SECTIONS:
    assert getattr(made, section) == getattr(
      plan.make_plan(plan.Request()), section
    )


def test_a_run_of_an_earlier_version_goes_on():
  """It does not know the options of PPO that came later."""
  saved = copy.deepcopy(SAVED)
  for name in ppo_config.OPTIONS:
    del saved["ppo"][name]
  assert plan_record.differences(_resume(saved), saved) == {}
  changed = plan.Request(overrides=("--ppo.bootstrap_on_timeout=true",))
  differ = plan_record.differences(plan.make_plan(changed, saved), saved)
  assert differ == {"ppo.bootstrap_on_timeout": "False -> True"}


@pytest.mark.parametrize(
  ("path", "value", "said"),
  [
    (("ppo", "num_envs"), "many", "ppo.num_envs is 'many'; it must be a whole"),
    (("ppo", "num_envs"), True, "ppo.num_envs is True; it must be a whole"),
    (("ppo", "num_envs"), 0, "ppo.num_envs is 0; it must be a whole number"),
    (("ppo", "num_env"), 8, "unknown key 'ppo.num_env'; did you mean num_envs"),
    (("ppo",), [], "ppo is []; it must be a table of keys"),
    (("amp",), None, "amp is None; it must be a table of keys"),
    (("amp", "disc_lr"), float("nan"), "amp.disc_lr is nan; it must be"),
    (
      ("amp", "disc_lr"),
      [3e-4],
      "amp.disc_lr is [0.0003]; it must be a number",
    ),
    (
      ("env_config", "noise_config"),
      3,
      "unknown key 'env_config.noise_config'",
    ),
    (("env_config", "sim_dt"), {}, "missing"),
    (("env_config", "sim_dt"), {"x": 1}, "unknown key 'env_config.sim_dt.x'"),
    (("env_config", "amp_speed_range"), ["a", 1], "amp_speed_range is 'a'"),
    (("env_config", "amp_speed_range"), [1, 0.5], "(1.0, 0.5); it must be two"),
    (("seed",), "0", "seed is '0'; it must be a whole number"),
    (("seed",), True, "seed is True"),
    (
      ("env",),
      ["WildRobotWalk"],
      "env is ['WildRobotWalk']; it must be a word",
    ),
    (("env",), "WildRobotWlak", "did you mean WildRobotWalk"),
    (("preset",), "cup", "unknown preset 'cup'"),
    (("domain_randomization",), "yes", "it must be true or false"),
  ],
)
def test_damage_is_told_by_its_key(path, value, said):
  if said == "missing":  # What it lacks differs from the run that goes on.
    differ = plan_record.differences(
      _resume(_changed(path, value)), _changed(path, value)
    )
    assert "env_config.sim_dt" in differ
    return
  with pytest.raises(errors.UsageError) as error:
    _resume(_changed(path, value))
  assert said in str(error.value)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("saved", [[], "half", 3, {"env": "WildRobotWalk"}])
def test_what_is_no_configuration_is_one_line(saved):
  with pytest.raises(errors.UsageError, match=r"runs/mine/config\.json"):
    _resume(saved)


JSON = st.recursive(
  st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
  lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
  ),
  max_leaves=5,
)


@pytest.mark.property
@hypothesis.given(
  path=st.sampled_from(
    [*KEYS, *[key[:1] for key in KEYS], ("env",), ("seed",)]
  ),
  value=JSON,
)
def test_any_damage_is_a_plan_or_one_line(path, value):
  try:
    made = _resume(_changed(path, value))
  except errors.UsageError as error:
    assert len(" ".join(str(error).split())) < 2000
    return
  plan_record.differences(made, _changed(path, value))


@pytest.mark.parametrize("program", ["evaluate", "doctor"])
def test_a_bad_value_is_told_by_the_path_of_its_file(tmp_path, program):
  saved = _changed(("env_config", "sim_dt"), [1])
  checkpoint.save_config(tmp_path, saved)
  with pytest.raises(saved_config.ConfigFileError) as error:
    if program == "doctor":
      checks.full(None, tmp_path)
    else:
      reference = assets.reference() / "wildrobot_walk.npz"
      evaluation.evaluate(tmp_path, reference=reference, policy=lambda *_: None)
  assert f"{tmp_path / 'config.json'}: env_config.sim_dt" in str(error.value)
