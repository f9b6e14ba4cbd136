import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion import human, spans
from wildrobot_playground.motion.retargeting import (
  foot_targets,
  stance,
  trunk,
  unroll,
)
from wildrobot_playground.motion.retargeting import path as path_lib
from wildrobot_playground.motion.retargeting import recording as follow

FPS = 33.0


@pytest.fixture(scope="module")
def walk(recording):
  """The recording at the robot's frames, its path and its stances."""
  motion = follow._resampled(recording, FPS)
  path = path_lib.find(motion)
  return motion, path, stance.find(motion, path.speed(FPS))


@pytest.fixture(scope="module")
def shape(robot, recording):
  size = robot.leg_length / recording.leg_length
  return foot_targets.Shape(
    stride_scale=0.8 * size,
    height_scale=0.5 * size,
    pitch_scale=0.5,
    swing_flatter=0.5,
    swing_width_scale=0.15,
    stance_y=0.0875,
    nearest_y=0.065,
    clearance=0.02,
    clears=True,
    toe=robot.toe,
    heel=robot.heel,
  )


def _feet(walk, shape, turning=1.0):
  motion, path, standing = walk
  robot_path = path.scaled(shape.stride_scale, turning)
  feet = {
    side: foot_targets.follow(
      motion, side, standing[side], path, robot_path, shape
    )
    for side in human.SIDES
  }
  return feet, robot_path


def _support_xy(foot, path, shape):
  """(T, 2) where in the world a foot's support point is."""
  support = foot_targets.support(foot.pitch, shape.toe, shape.heel)
  cos, sin = np.cos(foot.pitch), np.sin(foot.pitch)
  ahead = cos * support[:, 0] + sin * support[:, 2]
  return path.world(foot.place[:, :2] + np.stack([ahead, 0 * ahead], axis=-1))


def test_a_rolled_edge_does_not_move(walk, shape):
  """Where the sole has rolled onto an edge, that edge stays in its place."""
  feet, path = _feet(walk, shape)
  for foot in feet.values():
    place = _support_xy(foot, path, shape)
    for start, end in spans.of(foot.standing):
      rolled = np.abs(foot.pitch[start:end]) > foot_targets._ROLLING
      for first, last in spans.of(rolled):
        inside = place[start + first : start + last]
        assert np.max(np.ptp(inside, axis=0)) < 2e-3


def test_a_foot_that_goes_ahead_does_not_graze(walk, shape):
  def grazing(clears):
    feet, path = _feet(walk, dataclasses.replace(shape, clears=clears))
    count = 0
    for foot in feet.values():
      _, flat = foot_targets.edge_offset(foot.pitch, shape.toe, shape.heel)
      moves = np.gradient(path.world(foot.place[:, :2]), axis=0)
      fast = np.linalg.norm(moves, axis=1) > 0.003
      low = foot.place[:, 2] - flat < 0.0039
      count += int(np.sum(fast & low & ~foot.standing))
    return count

  assert grazing(False) > 10
  assert grazing(True) == 0


@pytest.mark.parametrize("share", [0.05, 0.25, 0.45, 0.55, 0.75])
def test_a_recording_may_begin_and_end_in_a_swing(robot, recording, share):
  """Half a swing is not hurried over the height of a whole one."""
  motion = unroll.unroll(recording, 3)
  frames = recording.num_frames - 1
  inside = slice(round(share * frames), round((share + 1.9) * frames))
  part = dataclasses.replace(
    motion,
    points={name: place[inside] for name, place in motion.points.items()},
    pelvis_mat=motion.pelvis_mat[inside],
    chest_mat=motion.chest_mat[inside],
  )
  clip = follow.follow(part, "part", robot)
  assert max(clip.meta["frame_error"]) < 0.5  # mm
  assert np.max(robot.sole.heights(clip.qpos)) < 0.07


def test_feet_stand_on_their_sides(walk, shape):
  feet, _ = _feet(walk, shape)
  for side, sign in (("left", 1), ("right", -1)):
    aside = sign * feet[side].place[feet[side].standing, 1]
    assert np.all(aside > shape.nearest_y - 1e-9)
    assert np.median(aside) == pytest.approx(shape.stance_y, abs=5e-3)


def test_swings_clear_the_ground_and_do_not_jump(walk, shape):
  feet, _ = _feet(walk, shape)
  for foot in feet.values():
    _, flat = foot_targets.edge_offset(foot.pitch, shape.toe, shape.heel)
    clearance = foot.place[:, 2] - flat
    # The first and last swings are cut by the recording's ends.
    for start, end in spans.of(~foot.standing)[1:-1]:
      third = (end - start) // 3
      assert np.min(clearance[start + third : end - third]) > 0.015
    jumps = np.diff(foot.place, n=2, axis=0)
    assert np.max(np.abs(jumps)) < 0.03


def test_steps_are_as_long_as_the_path_says(walk, shape):
  feet, path = _feet(walk, shape)
  way = np.linalg.norm(path.centre[-1] - path.centre[0])
  for foot in feet.values():
    prints = [
      path.world(foot.place[:, :2])[(start + end) // 2]
      for start, end in spans.of(foot.standing)
    ]
    strides = np.linalg.norm(np.diff(prints[1:-1], axis=0), axis=1)
    assert np.ptp(strides) < 0.02
    assert np.mean(strides) == pytest.approx(way / 6, rel=0.05)


def test_a_foot_that_never_lifts_stays(walk, shape):
  motion, path, _ = walk
  always = np.ones(motion.num_frames, bool)
  still = path_lib.Path(0 * path.centre, 0 * path.yaw)
  foot = foot_targets.follow(motion, "left", always, still, still, shape)
  assert np.max(np.ptp(foot.place[:, :2], axis=0)) < 0.1
  nobody = foot_targets.follow(motion, "left", ~always, path, path, shape)
  assert np.all(np.isfinite(nobody.place))


def test_support_goes_from_edge_to_edge(robot):
  pitch = np.array([-0.1, 0.0, 0.1])
  support = foot_targets.support(pitch, robot.toe, robot.heel)
  np.testing.assert_allclose(support[0], robot.heel)
  np.testing.assert_allclose(support[1], (robot.heel + robot.toe) / 2)
  np.testing.assert_allclose(support[2], robot.toe)


def test_gestures_are_smaller_when_slow():
  scale = trunk.Scale(0.4, 0.4, 1.0, 33.0, 0)
  slow = dataclasses.replace(scale, ratio=0.5)
  fast = dataclasses.replace(scale, ratio=2.0)
  assert slow.vigour == pytest.approx(0.5**0.35)
  assert scale.vigour == fast.vigour == 1.0
