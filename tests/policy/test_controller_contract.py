"""Contracts are whole and make sense, or are refused in one line."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildrobot_playground.policy import contract as contract_lib
from wildrobot_playground.policy import controller
from wildrobot_playground.policy.controller import ContractError, Readings
from wildrobot_playground.system import assets

_SHIPPED = (assets.policies() / "walk" / "policy.json").read_text("utf-8")


def _changed(path, value):
  """The shipped contract with one value replaced."""
  contract = json.loads(_SHIPPED)
  *outer, last = path
  inner = contract
  for key in outer:
    inner = inner[key]
  inner[last] = value
  return contract


_NAN, _INF = float("nan"), float("inf")


@pytest.mark.parametrize(
  ("path", "value", "message"),
  [
    (["control_rate"], 0, "control_rate 0, expected a number from 1"),
    (["control_rate"], -50.0, "control_rate"),
    (["control_rate"], True, "control_rate True"),
    (["action", "scale"], 0.0, r"action\.scale 0\.0"),
    (["action", "scale"], _NAN, r"action\.scale nan"),
    (["action", "scale"], 10**400, r"scale a whole number of many digits"),
    (["action", "filter"], 2, r"action\.filter 2"),
    (["action", "filter"], 1.0, r"action\.filter"),
    (["action"], 3, "3 as action, expected an object"),
    (["joints"], 9, "9 as joints, expected a list"),
    (["joints"], [], "no items as joints"),
    (["joints", 3], "knee", r"a text as joints\[3\]"),
    (["joints", 3, "lower"], 2.0, "left_knee_pitch.*lower is not below upper"),
    (["joints", 3, "default"], 9.0, "default is not within"),
    (["joints", 3, "upper"], _INF, r"joints\[3\]\.upper inf"),
    (["joints", 3, "upper"], "1.0", r"joints\[3\]\.upper '1.0'"),
    (["joints", 3, "name"], "waist_yaw", "joint 'waist_yaw' twice"),
    (["command", "range"], [1.0, 0.0], r"command\.range \[1\.0, 0\.0\]"),
    (["command", "range"], [0.0], r"command\.range \[0\.0\]"),
    (["command", "max_rate"], 0.0, r"command\.max_rate"),
    (["fall", "max_height"], 0.1, r"fall\.min_height"),
    (["gait_clock", "frequency"], -1.0, r"gait_clock\.frequency"),
    (["history"], 3, "past observations"),
    (["model_hash"], 7, "model_hash 7"),
    (["normalizer", "mean", 4], _NAN, r"normalizer\.mean\[4\] nan"),
    (["normalizer", "std", 4], 0.0, r"normalizer\.std\[4\] 0\.0"),
    (["normalizer", "std"], [1.0], r"normalizer\.std of 1 numbers, not 38"),
    (["normalizer", "std"], None, "without the other"),
    (["observation", 0, "size"], 4, "observes 4 numbers of gyro, which has 3"),
    (["observation", 2, "start"], 7, "heading_sin at 7, expected at 6"),
    (["observation", 2, "name"], "gravity", "'gravity' twice"),
    (["observation", 0, "scale"], 0, r"observation\[0\]\.scale"),
    (
      ["observation", 4, "labels", 0],
      "right_knee_pitch",
      "labels of joint_pos",
    ),
    (["trained_noise", "gyro"], -1.0, r"trained_noise\.gyro"),
  ],
)
def test_what_makes_no_sense_is_refused(path, value, message):
  with pytest.raises(ContractError, match=message) as refused:
    controller.Controller(_changed(path, value))
  assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


def test_joints_in_another_order_contradict_the_labels():
  contract = json.loads(_SHIPPED)
  joints = contract["joints"]
  joints[1], joints[5] = joints[5], joints[1]
  with pytest.raises(ContractError, match="labels of joint_pos"):
    controller.check(contract)


@pytest.mark.parametrize("value", [[], "contract", 3, None, True])
def test_contracts_that_are_no_objects_are_refused(value, tmp_path):
  with pytest.raises(ContractError, match="expected an object"):
    controller.check(value)
  path = tmp_path / "policy.json"
  path.write_text(json.dumps(value))
  with pytest.raises(ContractError, match="expected an object"):
    contract_lib.load(path)


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("", "damaged"),
    ("{", "damaged"),
    ("[" * 100_000, "damaged"),
    (_SHIPPED.replace("50.0", "NaN", 1), "NaN is no number of JSON"),
    (_SHIPPED.replace("50.0", "-Infinity", 1), "Infinity"),
    (_SHIPPED.replace("50.0", "1e999", 1), "control_rate inf"),
    (_SHIPPED.replace("50.0", "9" * 5000, 1), "damaged"),
  ],
)
def test_texts_that_are_no_contracts_cost_one_line(tmp_path, text, message):
  path = tmp_path / "policy.json"
  path.write_text(text)
  with pytest.raises(ContractError, match=message) as refused:
    contract_lib.load(path)
  assert "\n" not in str(refused.value)


def test_what_people_read_may_be_missing():
  contract = json.loads(_SHIPPED)
  for key in ("versions", "training", "normalizer", "history", "robot"):
    del contract[key]
  for entry in contract["observation"]:
    del entry["labels"]
  controller.check(contract)


def _places(value, path=()):
  """The paths of everything in a JSON value, at any depth."""
  if isinstance(value, dict):
    children = value.items()
  elif isinstance(value, list):
    children = enumerate(value)
  else:
    return
  for key, child in children:
    yield (*path, key)
    yield from _places(child, (*path, key))


_PLACES = sorted(_places(json.loads(_SHIPPED)), key=str)
_REPLACEMENTS = st.one_of(
  st.sampled_from(
    [None, True, False, "", "x", [], {}, [[]], {"a": 1}, 0, -1, 1, 2, 10**400]
  ),
  st.floats(),
  st.integers(),
  st.text(max_size=5),
  st.lists(st.floats(), max_size=3),
  st.floats(-2, 2),
  st.sampled_from([5e-324, 1e-30, 3e38, 1e39, 1e308, -1e308]),
)
_MUTATIONS = st.lists(
  st.tuples(
    st.sampled_from(_PLACES),
    st.one_of(st.just("remove"), st.just("repeat"), _REPLACEMENTS),
  ),
  min_size=1,
  max_size=3,
)


def _mutate(contract, path, change):
  *outer, last = path
  inner = contract
  try:
    for key in outer:
      inner = inner[key]
    if change == "remove":
      del inner[last]
    elif change == "repeat" and isinstance(inner, list):
      inner.append(copy.deepcopy(inner[last]))
    else:
      inner[last] = change
  except (KeyError, IndexError, TypeError):
    pass  # An earlier mutation took the place away.


@pytest.mark.property
@pytest.mark.filterwarnings("error::RuntimeWarning")
@given(mutations=_MUTATIONS, seed=st.integers(0, 9))
def test_a_contract_is_refused_or_drives(mutations, seed):
  contract = json.loads(_SHIPPED)
  for path, change in mutations:
    _mutate(contract, path, change)
  try:
    loop = controller.Controller(contract)
  except ContractError as error:
    assert "\n" not in str(error) and len(str(error)) < 400
    return
  rng = np.random.default_rng(seed)
  count = len(loop.joint_names)
  loop.reset(np.array([1.0, 0.0, 0.0, 0.0]))
  for step in range(5):
    pose = rng.uniform(-3, 3, count)
    turn = rng.normal(size=4)
    readings = Readings(
      turn / np.linalg.norm(turn), rng.normal(size=3), pose, None
    )
    observation = loop.observe(readings, rng.uniform(-2, 2))
    assert np.isfinite(observation).all()
    targets = loop.act(rng.uniform(-1, 1, count) * (1 if step else 1e3))
    assert np.isfinite(targets).all()
    assert (targets >= loop._lower).all() and (targets <= loop._upper).all()
  assert loop.bad_readings == 0
