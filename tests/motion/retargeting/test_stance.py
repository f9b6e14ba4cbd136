import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion import spans
from wildrobot_playground.motion.retargeting import stance


def _speed(motion):
  return np.full(motion.num_frames, 1.0)


def test_feet_of_a_walk_take_turns(recording):
  standing = stance.find(recording, _speed(recording))
  assert stance.flight_share(standing) == 0.0
  for flags in standing.values():
    assert 0.5 < np.mean(flags) < 0.75
    assert len(spans.of(flags)) in (6, 7)


def test_feet_of_somebody_who_stands_always_stand(recording):
  still = dataclasses.replace(
    recording,
    points={
      name: np.tile(point[:1] * [1, 1, 0], (50, 1))
      for name, point in recording.points.items()
    },
  )
  standing = stance.find(still, np.zeros(50))
  assert all(np.all(flags) for flags in standing.values())


def test_a_leap_is_a_flight(recording):
  """Both feet half a metre up for half a second."""
  leap = np.zeros(recording.num_frames)
  leap[60:75] = 0.5
  up = leap[:, None] * [0, 0, 1]
  jumping = dataclasses.replace(
    recording,
    points={name: point + up for name, point in recording.points.items()},
  )
  standing = stance.find(jumping, _speed(jumping))
  assert stance.flight_share(standing) == pytest.approx(
    15 / recording.num_frames, abs=6 / recording.num_frames
  )


def test_short_flight_is_given_to_the_feet_beside_it():
  left = np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
  right = np.array([0, 0, 0, 0, 0, 1, 1, 1], bool)
  filled = stance._without_short_flight({"left": left, "right": right}, 2)
  assert stance.flight_share(filled) == 0.0
  kept = stance._without_short_flight({"left": left, "right": right}, 1)
  assert stance.flight_share(kept) == 0.25


def test_runs_are_the_stretches_of_true():
  flags = np.array([1, 1, 0, 0, 1, 0, 1], bool)
  assert spans.of(flags) == [(0, 2), (4, 5), (6, 7)]
  assert spans.of(np.zeros(4, bool)) == []
