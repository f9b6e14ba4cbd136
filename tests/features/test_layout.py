"""What is where in a feature vector, for robots of any size."""

import numpy as np
import pytest

from wildrobot_playground import features
from wildrobot_playground.features import dataset as dataset_lib

OTHER = features.FeatureLayout(
  tuple(f"joint_{i}" for i in range(17)), ("left", "right", "toe", "heel")
)


def test_wildrobots_layout_is_the_contract():
  layout = features.WILDROBOT
  assert layout.size == 29
  assert layout.names[:2] == (
    "joint_pos/waist_yaw",
    "joint_pos/left_hip_pitch",
  )
  assert layout.names[9] == "joint_vel/waist_yaw"
  assert layout.names[18:25] == (
    *(f"root_{kind}/{axis}" for kind in ("linvel", "angvel") for axis in "xyz"),
    "root_height",
  )
  assert layout.names[25:] == (
    "foot_contacts/left_toe",
    "foot_contacts/left_heel",
    "foot_contacts/right_toe",
    "foot_contacts/right_heel",
  )


@pytest.mark.parametrize("layout", [features.WILDROBOT, OTHER])
def test_the_function_fills_the_layout(layout):
  joints, contacts = len(layout.joints), len(layout.contacts)
  before, now = np.zeros((2, 7 + joints))
  before[3] = now[3] = 1.0
  now[0], now[2] = 0.5 * 0.02, 0.4
  now[7:] = np.arange(joints) * 0.02
  found = features.amp_features(before, now, np.arange(contacts), 0.02, "raw")
  assert found.shape == (layout.size,)
  np.testing.assert_allclose(found[layout.joint_pos], now[7:])
  np.testing.assert_allclose(found[layout.joint_vel], np.arange(joints))
  np.testing.assert_allclose(found[layout.root_linvel], [0.5, 0, 20], atol=1e-9)
  np.testing.assert_allclose(found[layout.root_angvel], 0, atol=1e-9)
  np.testing.assert_allclose(found[layout.root_height], 0.4)
  np.testing.assert_allclose(found[layout.foot_contacts], np.arange(contacts))


@pytest.mark.parametrize("layout", [features.WILDROBOT, OTHER])
def test_names_tell_the_layout(layout):
  assert features.FeatureLayout.of_names(layout.names) == layout


def test_groups_part_the_vector():
  covered = [np.arange(OTHER.size)[group] for group in OTHER.groups.values()]
  np.testing.assert_array_equal(np.concatenate(covered), np.arange(OTHER.size))


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda n: n[1:], "feature 16 is 'joint_vel/joint_0', expected"),
    (lambda n: [n[1], n[0], *n[2:]], "feature 17 is 'joint_vel/joint_0'"),
    (lambda n: [*n, "mood"], "feature 45 is 'mood', expected missing"),
    (lambda n: n[:20], "expected"),
    (lambda n: [], "feature 0 is missing"),
  ],
)
def test_names_that_are_no_layout_are_refused(change, message):
  with pytest.raises(ValueError, match=message):
    features.FeatureLayout.of_names(change(list(OTHER.names)))


def test_a_dataset_of_another_robot_is_saved_and_read(tmp_path):
  rows = np.random.default_rng(0).normal(size=(50, OTHER.size))
  dataset = dataset_lib.make(
    OTHER, [rows], ("a",), np.array([0.3]), np.ones(1), "raw", 0.02, "", {}
  )
  dataset_lib.save(tmp_path / "a.npz", dataset)
  read = dataset_lib.load(tmp_path / "a.npz", layout=OTHER)
  assert read.layout == OTHER
  np.testing.assert_array_equal(read.features, dataset.features)
  with pytest.raises(
    dataset_lib.DatasetError, match="has 45 features, expected 29"
  ):
    dataset_lib.load(tmp_path / "a.npz", layout=features.WILDROBOT)
