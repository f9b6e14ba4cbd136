import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion.retargeting import path as path_lib
from wildrobot_playground.robots import rotations


def _circle(motion, radius=2.0, speed=1.0):
  """The motion's poses carried around a circle, heading along it."""
  time = np.arange(motion.num_frames) / motion.fps
  yaw = speed / radius * time
  turn = rotations.about("z", yaw)
  centre = radius * np.stack([np.sin(yaw), 1 - np.cos(yaw), 0 * yaw], axis=-1)
  along = speed * time[:, None] * [1.0, 0, 0]
  return dataclasses.replace(
    motion,
    points={
      name: np.einsum("tij,tj->ti", turn, point - along) + centre
      for name, point in motion.points.items()
    },
    pelvis_mat=turn @ motion.pelvis_mat,
    chest_mat=turn @ motion.chest_mat,
  )


@pytest.fixture
def circling(recording):
  return _circle(recording)


def test_heading_of_a_circle_turns_at_its_rate(circling):
  path = path_lib.find(circling)
  rate = np.gradient(path.yaw) * circling.fps
  inside = slice(40, -40)
  np.testing.assert_allclose(rate[inside], 0.5, atol=0.12)
  assert np.mean(rate[inside]) == pytest.approx(0.5, abs=0.02)


def test_smoothing_does_not_cut_the_corner(circling):
  path = path_lib.find(circling)
  radius = np.linalg.norm(path.centre - [0.0, 2.0], axis=1)
  np.testing.assert_allclose(np.mean(radius[40:-40]), 2.0, atol=0.01)


def test_coordinates_along_the_path_and_back(circling):
  path = path_lib.find(circling)
  place = circling.points["left_ankle"][:, :2]
  np.testing.assert_allclose(path.world(path.along(place)), place, atol=1e-12)


def test_all_turns_kept_is_the_path_scaled(circling):
  path = path_lib.find(circling)
  half = path.scaled(0.5)
  step = np.linalg.norm(np.diff(path.centre, axis=0), axis=1)
  np.testing.assert_allclose(
    np.linalg.norm(np.diff(half.centre, axis=0), axis=1), step / 2, rtol=1e-9
  )
  np.testing.assert_allclose(half.yaw, path.yaw - path.yaw[0])
  assert half.yaw[0] == 0.0 and np.all(half.centre[0] == 0.0)


def test_no_turns_kept_is_a_straight_path_of_the_same_speed(circling):
  path = path_lib.find(circling)
  straight = path.scaled(1.0, turning=0.0)
  np.testing.assert_array_equal(straight.yaw, 0.0)
  assert np.max(np.abs(straight.centre[:, 1])) < 0.3
  np.testing.assert_allclose(
    straight.speed(circling.fps)[5:-5],
    path.speed(circling.fps)[5:-5],
    atol=0.02,
  )


def test_skewed_markers_do_not_skew_the_heading(recording):
  skew = rotations.about("z", np.array(0.2))
  skewed = dataclasses.replace(
    recording, pelvis_mat=skew @ recording.pelvis_mat
  )
  difference = path_lib.find(skewed).yaw - path_lib.find(recording).yaw
  np.testing.assert_allclose(difference, 0.0, atol=1e-6)
