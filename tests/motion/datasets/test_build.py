import dataclasses

import numpy as np
import pytest

from wildrobot_playground import features
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion.datasets import build
from wildrobot_playground.robots import rotations


def _named(clip, name, speed=None):
  command = clip.command if speed is None else np.array([speed, 0.0, 0.0])
  return dataclasses.replace(clip, name=name, command=command)


def _stopping(clip):
  """An open clip that stands still for a second in its middle."""
  hold = np.concatenate(
    [np.arange(100), np.full(50, 100), np.arange(100, clip.num_frames)]
  )
  return dataclasses.replace(
    clip,
    root_pos=clip.root_pos[hold],
    root_quat=clip.root_quat[hold],
    joint_pos=clip.joint_pos[hold],
    foot_contacts=clip.foot_contacts[hold],
  )


def test_stationary_rows_are_left_out(recorded_clip):
  dataset = build.build([_stopping(recorded_clip)], "raw", min_speed=0.1)
  assert dataset.clip_names == ("recorded#1", "recorded#2")
  velocity = dataset.features[:, features.WILDROBOT.root_linvel]
  assert np.min(np.linalg.norm(velocity, axis=1)) > 0.09
  rows = [dataset.meta["clips"][n]["rows"] for n in dataset.clip_names]
  assert rows == [[0, 99], [150, recorded_clip.num_frames + 48]]


def test_parts_share_the_weight_of_their_clip(recorded_clip, human_clip):
  clips = [_stopping(recorded_clip), _named(human_clip, "other", 0.2)]
  dataset = build.build(clips, "raw", min_speed=0.1)
  weights = np.add.reduceat(dataset.weights, dataset.clip_offsets[:-1])
  names = list(dataset.clip_names)
  assert weights[names.index("other")] == pytest.approx(0.5)
  parts = [i for i, name in enumerate(names) if "#" in name]
  assert np.sum(weights[parts]) == pytest.approx(0.5)
  rows = np.diff(dataset.clip_offsets)
  np.testing.assert_allclose(
    (weights / rows)[parts], (weights / rows)[parts[0]]
  )


def test_nothing_filtered_is_the_whole_clip(human_clip):
  whole = build.build([human_clip])
  filtered = build.build([human_clip], min_speed=0.05)
  np.testing.assert_array_equal(whole.features, filtered.features)
  assert whole.meta == filtered.meta


def test_refuses_when_nothing_is_fast_enough(human_clip):
  with pytest.raises(dataset_lib.DatasetError, match="lower --min_speed"):
    build.build([human_clip], min_speed=3.0)


def test_speeds_in_one_bin_weigh_as_one(human_clip):
  clips = [
    _named(human_clip, name, speed)
    for name, speed in (("a", 0.29), ("b", 0.31), ("c", 0.5))
  ]
  dataset = build.build(clips, speed_bin=0.1)
  weights = np.add.reduceat(dataset.weights, dataset.clip_offsets[:-1])
  np.testing.assert_allclose(weights, [0.25, 0.25, 0.5])
  apart = build.build(clips)
  weights = np.add.reduceat(apart.weights, apart.clip_offsets[:-1])
  np.testing.assert_allclose(weights, 1 / 3)


@pytest.mark.parametrize("mode", features.VELOCITY_MODES)
@pytest.mark.parametrize("yaw", [0.7, -2.5, np.pi])
def test_features_do_not_see_the_heading(recorded_clip, human_clip, mode, yaw):
  turn = np.array([np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)])
  mat = rotations.about("z", np.array(yaw))
  turned = dataclasses.replace(
    recorded_clip,
    root_pos=recorded_clip.root_pos @ mat.T,
    root_quat=rotations.multiply(turn, recorded_clip.root_quat),
  )
  np.testing.assert_allclose(
    build.clip_features(turned, mode),
    build.clip_features(recorded_clip, mode),
    atol=1e-6,
  )


def test_refuses_two_clips_of_one_name(human_clip):
  with pytest.raises(dataset_lib.DatasetError, match="rename its file"):
    build.build([human_clip, human_clip])


def test_refuses_bins_of_no_width(human_clip):
  with pytest.raises(dataset_lib.DatasetError, match="speed_bin is 0"):
    build.build([human_clip], speed_bin=0.0)


def test_names_that_no_dataset_keeps_are_spelt(human_clip):
  odd = dataclasses.replace(human_clip, name="wa\udcfflk")
  assert build.build([odd]).clip_names == (r"wa\udcfflk",)
