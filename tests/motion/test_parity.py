import dataclasses

import numpy as np
import pytest

from wildrobot_playground.amp import dataset as dataset_lib
from wildrobot_playground.amp import features
from wildrobot_playground.motion import build, parity, resample
from wildrobot_playground.motion import clip as clip_lib


@pytest.fixture(scope="module")
def clips(human_clip, recorded_clip):
  return [human_clip, recorded_clip]


@pytest.fixture(scope="module")
def compared(clips):
  dataset = build.build(clips, min_speed=0.28)
  return dataset, parity.of_dataset(dataset, clips, "data")


def test_every_feature_is_the_environments(compared):
  _, found = compared
  assert [one.name for one in found] == list(features.FEATURE_NAMES)
  assert [one.index for one in found] == list(range(29))
  assert [one.name for one in found if not one.passed] == []


@pytest.mark.parametrize("index", [0, 12, 18, 24, 27])
def test_a_wrong_feature_is_named(compared, clips, index):
  dataset, _ = compared
  rows = dataset.features.copy()
  rows[7, index] = 1 - rows[7, index]
  wrong = dataclasses.replace(dataset, features=rows)
  found = parity.of_dataset(wrong, clips, "data")
  failed = [one for one in found if not one.passed]
  assert [one.index for one in failed] == [index]
  assert failed[0].name == features.FEATURE_NAMES[index]
  assert failed[0].error > failed[0].tolerance
  assert " row " in failed[0].where


def test_a_missing_clip_is_named(compared, clips):
  dataset, _ = compared
  with pytest.raises(dataset_lib.DatasetError, match="clip 'recorded'"):
    parity.of_dataset(dataset, clips[:1], "data")


def test_another_clip_of_that_name_is_told(compared, clips):
  dataset, _ = compared
  shorter = dataclasses.replace(
    clips[0],
    root_pos=clips[0].root_pos[:-5],
    root_quat=clips[0].root_quat[:-5],
    joint_pos=clips[0].joint_pos[:-5],
    foot_contacts=clips[0].foot_contacts[:-5],
  )
  with pytest.raises(dataset_lib.DatasetError, match="build the dataset again"):
    parity.of_dataset(dataset, [shorter, clips[1]], "data")


def test_other_rates_are_told(human_clip, robot):
  other = resample.resample(human_clip, 60.0, robot)
  with pytest.raises(clip_lib.ClipError, match="resample the clip"):
    parity.of_clips([other], "direction")


def test_rows_on_a_threshold_are_forgiven(human_clip, robot):
  gap = np.ones((human_clip.num_frames, features.NUM_FEATURES))
  slow = dataclasses.replace(
    human_clip, root_pos=human_clip.root_pos * [0.0, 0.0, 1.0]
  )
  level = slow.root_pos.copy()
  level[:, 2] = level[0, 2]
  level[:, 0] = 0.1 / human_clip.fps * np.arange(human_clip.num_frames)
  slow = dataclasses.replace(slow, root_pos=level, cyclic=False)
  parity._forgive(gap[1:], slow)
  np.testing.assert_array_equal(gap[1:, features.ROOT_LINVEL], 0.0)
  np.testing.assert_array_equal(gap[:, features.JOINT_POS], 1.0)
