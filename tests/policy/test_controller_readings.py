"""Bad readings hold the robot, are told, and never poison the controller."""

import warnings

import hypothesis.extra.numpy as numpy_strategies
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildrobot_playground.policy import controller
from wildrobot_playground.policy.controller import (
  BlindError,
  Controller,
  Readings,
)

_UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])
_NAN = float("nan")


@pytest.fixture
def loop(agreed):
  return Controller(agreed)


def _good(loop, leading=(), **changes):
  """Readings of robots that stand, but for what changes."""

  def robots(row):
    return np.broadcast_to(row, (*leading, len(row)))

  parts = {
    "orientation": robots(_UPRIGHT),
    "gyro": robots(np.zeros(3)),
    "joint_pos": robots(loop.default_pose),
    "joint_vel": robots(np.zeros(9)),
  }
  return Readings(**{**parts, **changes})


def _bad(loop):
  """One reading of every kind of bad."""
  return {
    "a NaN": _good(loop, gyro=[0, _NAN, 0]),
    "an infinity": _good(loop, joint_pos=np.full(9, np.inf)),
    "too large for float32": _good(loop, joint_vel=np.full(9, 1e300)),
    "a flipped bit": _good(loop, gyro=[0, 3e30, 0]),
    "a servo that is missing": _good(loop, joint_pos=np.zeros(8)),
    "another axis": _good(loop, gyro=np.zeros((1, 3))),
    "nothing": _good(loop, joint_pos=None),
    "an empty list": _good(loop, orientation=[]),
    "a ragged list": _good(loop, gyro=[0, [1], 2]),
    "words": _good(loop, gyro=["a", "b", "c"]),
    "complex numbers": _good(loop, gyro=np.zeros(3, complex)),
    "a quaternion of zeros": _good(loop, orientation=np.zeros(4)),
    "a quaternion of length 2": _good(loop, orientation=2 * _UPRIGHT),
    "a quaternion with a NaN": _good(loop, orientation=[_NAN, 0, 0, 0]),
  }


_KINDS = list(_bad(type("Loop", (), {"default_pose": np.zeros(9)})))


def _walk(policy, readings, speed=0.4, steps=5):
  for _ in range(steps):
    targets = policy.step(readings, speed)
  return targets


@pytest.mark.parametrize("kind", _KINDS)
def test_a_bad_reading_holds_the_targets_and_is_told(walk, kind):
  loop = walk.controller
  before = _walk(walk, _good(loop))
  with pytest.warns(RuntimeWarning, match="targets are held: "):
    held = walk.step(_bad(loop)[kind], 0.4)
  np.testing.assert_array_equal(held, before)
  assert (loop.bad_readings, loop.held) == (1, 1)
  assert loop.problem and "\n" not in loop.problem
  after = walk.step(_good(loop), 0.4)
  assert np.isfinite(after).all() and loop.held == 0


@pytest.mark.filterwarnings("ignore:the last servo targets")
def test_after_the_hold_time_it_is_blind_and_recovers(walk):
  loop = walk.controller
  before = _walk(walk, _good(loop))
  bad = _good(loop, gyro=[_NAN] * 3)
  for _ in range(round(controller.HOLD_TIME / loop.dt)):
    np.testing.assert_array_equal(walk.step(bad, 0.4), before)
  for _ in range(3):
    with pytest.raises(BlindError, match=r"0\.2 s.*gyro is \[nan"):
      walk.step(bad, 0.4)
    assert loop.blind
  after = walk.step(_good(loop), 0.4)
  assert np.isfinite(after).all() and not loop.blind


def test_the_clock_runs_on_and_the_command_waits_while_held(walk):
  loop = walk.controller
  _walk(walk, _good(loop))
  phase, command = loop.phase, loop.command
  with pytest.warns(RuntimeWarning):
    walk.step(_good(loop, gyro=[_NAN] * 3), 0.8)
  assert loop.phase > phase
  assert loop.command == command


def test_velocities_by_difference_span_the_gap(loop, agreed):
  (entry,) = [e for e in agreed["observation"] if e["name"] == "joint_vel"]
  part = slice(entry["start"], entry["start"] + entry["size"])
  pose = loop.default_pose
  loop.observe(_good(loop, joint_vel=None), 0.0)
  for _ in range(3):
    loop.observe(_good(loop, joint_pos=pose * _NAN, joint_vel=None), 0.0)
  seen = loop.observe(_good(loop, joint_pos=pose + 0.1, joint_vel=None), 0.0)
  assert seen[part] == pytest.approx(np.full(9, 0.1 / (4 * loop.dt)), rel=1e-4)


def test_a_first_reading_that_is_bad_gives_no_speed_later(loop, agreed):
  (entry,) = [e for e in agreed["observation"] if e["name"] == "joint_vel"]
  part = slice(entry["start"], entry["start"] + entry["size"])
  pose = loop.default_pose
  loop.observe(_good(loop, joint_pos=None, joint_vel=None), 0.0)
  seen = loop.observe(_good(loop, joint_pos=pose + 0.1, joint_vel=None), 0.0)
  assert not seen[part].any()


def test_buffers_that_a_driver_uses_again_are_not_mistaken(loop, agreed):
  (entry,) = [e for e in agreed["observation"] if e["name"] == "joint_vel"]
  part = slice(entry["start"], entry["start"] + entry["size"])
  buffer = loop.default_pose.copy()
  loop.observe(_good(loop, joint_pos=buffer, joint_vel=None), 0.0)
  buffer += np.float32(0.1)
  seen = loop.observe(_good(loop, joint_pos=buffer, joint_vel=None), 0.0)
  assert seen[part] == pytest.approx(np.full(9, 0.1 / loop.dt), rel=1e-4)


def test_a_bad_robot_of_a_batch_is_held_alone(walk):
  loop, size = walk.controller, (3,)
  gyro = np.zeros((3, 3))
  gyro[1] = _NAN
  runs = []
  for changes in ({}, {"gyro": gyro}):
    walk.reset(np.tile(_UPRIGHT, (3, 1)))
    targets = []
    for step in range(20):
      now = changes if step >= 5 else {}
      observation = walk.observe(_good(loop, size, **now), np.full(3, 0.4))
      targets.append(loop.act(walk.infer(observation)))
    runs.append(np.stack(targets))
  clean, disturbed = runs
  np.testing.assert_array_equal(disturbed[:, [0, 2]], clean[:, [0, 2]])
  assert (disturbed[5:, 1] == disturbed[4, 1]).all()
  assert loop.bad_readings.tolist() == [0, 15, 0]
  assert loop.blind.tolist() == [False, True, False]


def test_nearly_unit_quaternions_are_mended_and_unit_ones_left(loop):
  turned = np.array([np.cos(0.4), 0.0, np.sin(0.4), 0.0])
  exact = loop.observe(_good(loop, orientation=turned), 0.0)
  long = loop.observe(_good(loop, orientation=1.05 * turned), 0.0)
  assert long == pytest.approx(exact, abs=1e-6)
  unit = np.float32(turned)
  np.testing.assert_array_equal(controller._normalized(unit), unit)


@pytest.mark.parametrize("command", [_NAN, np.inf, -np.inf, None, [0.1, 0.2]])
def test_commands_that_are_none_are_refused_and_change_nothing(walk, command):
  loop = walk.controller
  _walk(walk, _good(loop))
  before = (loop.command, loop.phase, loop.last_action.tolist())
  with pytest.raises(ValueError, match="command"):
    walk.step(_good(loop), command)
  assert (loop.command, loop.phase, loop.last_action.tolist()) == before
  assert np.isfinite(walk.step(_good(loop), 0.4)).all()


@pytest.mark.parametrize("value", [_NAN, np.inf, 1e300])
def test_headings_that_are_not_finite_are_refused(loop, value):
  with pytest.raises(ValueError, match="heading_target"):
    loop.heading_target = float(loop.heading_target) + value
  assert np.isfinite(loop.heading_target)


@pytest.mark.parametrize(
  "orientation",
  [[_NAN, 0, 0, 0], [0, 0, 0, 0], [2, 0, 0, 0], [1, 0, 0], None, "up"],
)
def test_a_bad_first_orientation_is_refused(loop, orientation):
  loop.reset(_UPRIGHT, phase=1.0)
  with pytest.raises(ValueError, match="cannot start: orientation"):
    loop.reset(orientation)
  assert loop.phase == 1.0 and np.isfinite(loop.heading_target)


@pytest.mark.parametrize("action", [_NAN, np.inf, -np.inf, 1e30])
def test_actions_that_are_not_finite_hold(loop, action):
  before = loop.act(np.full(9, 0.3))
  row = np.zeros(9)
  row[4] = action
  np.testing.assert_array_equal(loop.act(row), before)
  assert loop.bad_readings == 1 and "action" in loop.problem
  assert np.isfinite(loop.act(np.zeros(9))).all()


_VALUES = st.one_of(
  st.floats(width=64),
  st.floats(-4, 4),
  st.sampled_from([0.0, _NAN, np.inf, -np.inf, 1e300, 3e38, -0.0]),
)


def _arrays(size):
  right = numpy_strategies.arrays(float, size, elements=_VALUES)
  calm = numpy_strategies.arrays(float, size, elements=st.floats(-3, 3))
  shapes = numpy_strategies.array_shapes(min_dims=0, max_dims=2, min_side=0)
  wrong = shapes.flatmap(lambda shape: numpy_strategies.arrays(float, shape))
  odd = st.sampled_from([None, "x", [1, [2]], [], 7, b"1", {}, True])
  return st.one_of(calm, right, wrong, odd)


_UNITS = st.sampled_from([_UPRIGHT, -_UPRIGHT, 1.05 * _UPRIGHT, _UPRIGHT[::-1]])
_READINGS = st.builds(
  Readings,
  orientation=st.one_of(_UNITS, _arrays(4)),
  gyro=_arrays(3),
  joint_pos=_arrays(9),
  joint_vel=st.one_of(st.none(), _arrays(9)),
)
_STEPS = st.lists(st.tuples(_READINGS, _VALUES), max_size=20)


@pytest.fixture(scope="module")
def shared(walk_folder):
  return controller.Policy(walk_folder / "policy.onnx")


@pytest.mark.property
@pytest.mark.filterwarnings("error:.*:RuntimeWarning:numpy")
@given(steps=_STEPS)
def test_no_readings_whatever_disarm_it(shared, steps):
  loop = shared.controller
  shared.reset(_UPRIGHT)
  for readings, command in steps:
    try:
      with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the last servo targets")
        targets = shared.step(readings, command)
    except BlindError:
      assert loop.blind
      continue
    except ValueError as error:
      assert "command" in str(error) and not abs(command) < 3.5e38
      continue
    assert np.isfinite(targets).all()
    assert (targets >= loop._lower).all() and (targets <= loop._upper).all()
  targets = shared.step(_good(loop), 0.4)
  assert np.isfinite(targets).all() and loop.held == 0
