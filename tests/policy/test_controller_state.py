"""What callers hand in, and what they do to what they got, stays theirs."""

import json

import numpy as np
import pytest

from wildrobot_playground.policy import controller
from wildrobot_playground.policy.controller import Controller, Readings

_NAN = float("nan")
_UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0], np.float32)
_STATE = (
  "heading_target",
  "command",
  "phase",
  "last_action",
  "bad_readings",
  "held",
)
_FIXED = ("default_pose", "command_range")
_NO_NUMBERS = [None, "a", b"1", {}, 10**400, [10**5000], 1j, [[1], [1, 2]]]


@pytest.fixture
def pair(agreed):
  """A controller of two robots that walk."""
  loop = Controller(agreed)
  loop.reset(np.tile(_UPRIGHT, (2, 1)))
  for _ in range(3):
    _step(loop)
  return loop


def _step(loop):
  """An observation and the targets of a fixed action."""
  leading = np.shape(loop.held)
  readings = Readings(
    np.broadcast_to(_UPRIGHT, (*leading, 4)),
    np.zeros((*leading, 3)),
    np.broadcast_to(loop.default_pose, (*leading, 9)),
    np.zeros((*leading, 9)),
  )
  observation = loop.observe(readings, 0.3)
  return observation, loop.act(np.full((*leading, 9), 0.1))


def _seen(loop):
  return {name: np.array(getattr(loop, name)) for name in _STATE}


@pytest.mark.parametrize("name", _STATE)
def test_what_is_written_into_what_was_given_changes_nothing(pair, name):
  before = _seen(pair)
  given = getattr(pair, name)
  given[...] = 77
  for key, value in before.items():
    np.testing.assert_array_equal(getattr(pair, key), value)
  assert np.isfinite(np.concatenate([a.ravel() for a in _step(pair)])).all()


@pytest.mark.parametrize("name", _STATE)
@pytest.mark.parametrize("value", [_NAN, np.inf, [0.1, 0.2, 0.3], *_NO_NUMBERS])
def test_state_that_is_no_number_is_refused_and_changes_nothing(
  pair, name, value
):
  before = _seen(pair)
  with pytest.raises(ValueError, match=name) as caught:
    setattr(pair, name, value)
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 200
  for key, kept in before.items():
    np.testing.assert_array_equal(getattr(pair, key), kept)


def test_a_refused_turn_does_not_blind_it_later(pair):
  with pytest.raises(ValueError, match="heading_target"):
    pair.heading_target += np.nan
  for _ in range(20):
    observation, _ = _step(pair)
    assert np.isfinite(observation).all()
  assert not pair.blind.any()
  pair.heading_target += 0.1
  np.testing.assert_allclose(pair.heading_target, [0.1, 0.1], atol=1e-6)


def test_two_headings_for_one_robot_are_refused(agreed):
  loop = Controller(agreed)
  with pytest.raises(ValueError, match=r"heading_target has shape \(2,\)"):
    loop.heading_target = [0.3, 0.1]
  loop.heading_target = 0.3
  assert loop.heading_target == np.float32(0.3)


def test_the_callers_array_may_change_once_it_is_set(pair):
  mine = np.array([0.1, 0.2], np.float32)
  pair.heading_target = mine
  mine[:] = _NAN
  np.testing.assert_array_equal(pair.heading_target, np.float32([0.1, 0.2]))


@pytest.mark.parametrize("name", _FIXED)
def test_what_was_agreed_on_is_not_written_over(agreed, name):
  with pytest.raises(ValueError, match="read-only"):
    getattr(Controller(agreed), name)[0] = 5.0


def test_targets_and_observations_are_the_callers(pair):
  observation, targets = _step(pair)
  expected = _seen(pair)
  observation[...], targets[...] = _NAN, _NAN
  for key, value in expected.items():
    np.testing.assert_array_equal(getattr(pair, key), value)
  observation, targets = _step(pair)
  assert np.isfinite(observation).all() and np.isfinite(targets).all()


@pytest.mark.parametrize("value", _NO_NUMBERS)
def test_commands_and_phases_that_are_no_numbers_are_value_errors(
  walk_folder, value
):
  policy = controller.Policy(walk_folder / "policy.onnx")
  still = Readings(_UPRIGHT, np.zeros(3), policy.controller.default_pose)
  with pytest.raises(ValueError, match="command"):
    policy.step(still, value)
  with pytest.raises(ValueError, match="phase"):
    policy.reset(_UPRIGHT, value)


@pytest.mark.parametrize("readings", [None, {}, 3, Readings])
def test_what_is_no_reading_at_all_is_a_bad_one(walk_folder, readings):
  policy = controller.Policy(walk_folder / "policy.onnx")
  with pytest.warns(RuntimeWarning, match="targets are held: orientation"):
    policy.step(readings, 0.1)
  assert policy.controller.bad_readings == 1


def test_a_batch_of_no_robots_is_refused(agreed):
  loop = Controller(agreed)
  with pytest.raises(ValueError, match="expected some robots"):
    loop.reset(np.zeros((0, 4)))
  assert loop.held.shape == ()


def test_ragged_orientations_are_refused(agreed):
  with pytest.raises(ValueError, match="cannot start: orientation"):
    Controller(agreed).reset([[1.0, 0.0, 0.0, 0.0], [1.0]])


def test_a_contract_may_change_once_it_is_read(agreed):
  mine = json.loads(json.dumps(agreed))
  loop, other = Controller(agreed), Controller(mine)
  mine["joints"][0]["upper"] = _NAN
  mine["observation"].clear()
  for seen, expected in zip(_step(other), _step(loop), strict=True):
    np.testing.assert_array_equal(seen, expected)
