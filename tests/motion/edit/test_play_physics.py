import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.edit import play_physics, resample
from wildrobot_playground.motion.retargeting import recording


@pytest.fixture(scope="module")
def walked(human_walk, robot):
  clip = recording.follow(human_walk, "walk", robot, 0.3)
  return clip, play_physics.realize(clip, robot)


def test_a_feasible_walk_is_walked(walked):
  clip, played = walked
  assert played.metrics["survived"] == 1.0
  assert played.metrics["tracking_rms"] < 0.05
  assert played.metrics["achieved_speed"] == pytest.approx(0.3, abs=0.03)
  assert played.clip.num_frames == 4 * clip.num_frames


def test_help_is_never_above_its_cap(walked, robot):
  clip, played = walked
  assert played.metrics["help_max"] <= 0.3 + 1e-6
  weak = play_physics.realize(clip, robot, play_physics.Options(help_cap=0.05))
  assert weak.metrics["help_max"] <= 0.05 + 1e-6


def test_without_help_the_walk_falls(walked, robot):
  clip, _ = walked
  alone = play_physics.realize(clip, robot, play_physics.Options(help_cap=0.0))
  assert alone.metrics["help_mean"] == 0.0
  assert alone.metrics["survived"] < 1.0


def test_standing_needs_no_help(robot):
  ready = robot.model.key("walk_ready").qpos.copy()
  ready[2] -= np.min(robot.sole.heights(ready[None]))
  clip = clip_lib.make_clip(
    "ready", np.tile(ready, (100, 1)), robot, False, (0, 0, 0), {}
  )
  played = play_physics.realize(clip, robot)
  assert played.metrics["help_mean"] < 0.03
  assert played.metrics["saturated"] == 0.0


def test_the_result_obeys_the_ground(walked, robot):
  """A clip in the ground comes out of the simulation on it."""
  clip, _ = walked
  sunk = dataclasses.replace(clip, root_pos=clip.root_pos - [0, 0, 0.004])
  played = play_physics.realize(sunk, robot).clip
  depth = -np.min(robot.sole.heights(played.qpos[50:]))
  assert depth < 0.004


def test_it_is_the_same_every_time(walked, robot):
  clip, played = walked
  again = play_physics.realize(clip, robot)
  np.testing.assert_array_equal(again.clip.qpos, played.clip.qpos)
  assert again.metrics == played.metrics


def test_refuses_other_rates(human_clip, robot):
  other = resample.resample(human_clip, 60.0, robot)
  with pytest.raises(clip_lib.ClipError, match="resample"):
    play_physics.realize(other, robot)


def test_refuses_a_loop_that_played_four_times_is_no_clip(
  human_clip, robot, monkeypatch
):
  monkeypatch.setattr(clip_lib, "MOST_FRAMES", 3 * human_clip.num_frames)
  with pytest.raises(clip_lib.ClipError, match="4 times: would have"):
    play_physics.realize(human_clip, robot)
