"""What may be rolled out, and records of robots that diverge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from wildrobot_playground.policy.metrics import episodes
from wildrobot_playground.system import backend


@pytest.mark.parametrize(
  ("commands", "count", "steps", "message"),
  [
    ([], 1, 1, "no commands"),
    ([0.1], 0, 1, "0 episodes"),
    ([0.1], -3, 1, "-3 episodes"),
    ([0.1], 1, 0, "0 steps"),
    ([0.1, float("nan")], 1, 1, "command nan"),
    ([float("inf")], 1, 1, "command inf"),
    ([1e9], 1, 1, r"command 1e\+09"),
    ([0.1], 10**9, 500, "GB are free"),
    ([0.1], 1, 10**300, "GB are free"),
    ([0.1] * 10**7, 10, 500, "GB are free"),
  ],
)
def test_grids_that_cannot_be_rolled_out_are_refused(
  commands, count, steps, message
):
  with pytest.raises(ValueError, match=message) as refused:
    episodes.check_grid(commands, count, steps)
  assert "\n" not in str(refused.value)


def test_where_memory_is_unknown_nothing_is_refused_for_it(monkeypatch):
  monkeypatch.setattr(backend, "free_ram", lambda: None)
  episodes.check_grid([0.1], 10**9, 500)


@pytest.mark.parametrize(
  "seconds", [np.nan, np.inf, -np.inf, -3.0, 0.0, 1.0, 1e308]
)
def test_lengths_that_mean_nothing_are_refused(seconds):
  with pytest.raises(ValueError, match="episodes of"):
    episodes.check_length(seconds)


@pytest.mark.parametrize(
  ("seconds", "dt"), [(1.01, 0.02), (1.02, 0.02), (2, 1)]
)
def test_too_few_steps_to_measure_are_refused(seconds, dt):
  with pytest.raises(ValueError, match="too short"):
    episodes.check_length(seconds, dt)
  episodes.check_length(seconds + 2 * dt, dt)


def _records(steps, robots):
  rng = np.random.default_rng(0)
  widths = {"position": 2, "qpos": 16, "torque": 9}
  return {
    "alive": np.ones((steps, robots), bool),
    "heading_error": rng.normal(size=(steps, robots)),
    **{n: rng.normal(size=(steps, robots, w)) for n, w in widths.items()},
  }


def test_records_in_order_are_left_as_they_are():
  records = _records(5, 3)
  kept, sound = episodes._contained(records)
  assert sound.all()
  assert all(kept[name] is records[name] for name in records)


@pytest.mark.property
@given(
  bad=numpy_strategies.arrays(bool, (6, 4)),
  name=st.sampled_from(["heading_error", "position", "qpos", "torque"]),
  value=st.sampled_from([np.nan, np.inf, -np.inf, 1e30]),
)
def test_robots_stop_where_they_lost_their_numbers(bad, name, value):
  records = _records(6, 4)
  clean = {key: array.copy() for key, array in records.items()}
  records[name][bad] = value
  kept, sound = episodes._contained(records)
  assert sound.tolist() == (~bad.any(axis=0)).tolist()
  for robot in range(4):
    good = int(bad[:, robot].argmax()) if bad[:, robot].any() else 6
    assert kept["alive"][:, robot].tolist() == [t < good for t in range(6)]
    for key in ("position", "qpos", "heading_error"):
      rows, before = kept[key][:, robot], clean[key][:, robot]
      assert np.isfinite(rows).all()
      np.testing.assert_array_equal(rows[:good], before[:good])
      if good:
        assert (rows[good:] == before[good - 1]).all()
