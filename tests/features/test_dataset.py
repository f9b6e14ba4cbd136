import dataclasses

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tests.motion.test_mutated_files import changed_archive, gently
from wildrobot_playground import features
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.features import windows
from wildrobot_playground.system import npz

LENGTHS = (5, 3, 8)


@pytest.fixture
def dataset():
  rng = np.random.default_rng(0)
  clips = [rng.normal(size=(n, 29)).astype(np.float32) for n in LENGTHS]
  return dataset_lib.make(
    features.WILDROBOT,
    clips=clips,
    clip_names=("a", "b", "c"),
    clip_speeds=np.array([0.1, 0.2, 0.3]),
    clip_weights=np.array([2.0, 1.0, 1.0]),
    velocity_mode="direction",
    dt=0.02,
    model_hash="0123",
    meta={"made": "here"},
  )


def test_round_trip(tmp_path, dataset):
  path = tmp_path / "a.npz"
  dataset_lib.save(path, dataset)
  loaded = dataset_lib.load(path)
  for field in dataclasses.fields(dataset):
    np.testing.assert_array_equal(
      getattr(loaded, field.name), getattr(dataset, field.name)
    )
  dataset_lib.save(tmp_path / "b.npz", loaded)
  assert (tmp_path / "b.npz").read_bytes() == path.read_bytes()


def test_clip_weights_are_shared_by_rows(dataset):
  for i, share in enumerate((0.5, 0.25, 0.25)):
    start, end = dataset.clip_offsets[i : i + 2]
    np.testing.assert_allclose(
      dataset.weights[start:end], share / LENGTHS[i], rtol=1e-12
    )


def test_statistics_are_weighted_and_floored():
  rows = np.zeros((4, 29), np.float32)
  rows[:2, 0] = 1.0
  dataset = dataset_lib.make(
    features.WILDROBOT,
    [rows[:2], rows[2:]],
    ("a", "b"),
    np.array([0.1, 0.2]),
    np.array([3.0, 1.0]),
    "raw",
    0.02,
    "",
    {},
  )
  assert dataset.mean[0] == pytest.approx(0.75)
  assert dataset.std[0] == pytest.approx(np.sqrt(0.75 * 0.25))
  floor = features.WILDROBOT.std_floor()
  np.testing.assert_allclose(dataset.std[1:], floor[1:], rtol=1e-6)


def test_windows_never_cross_the_end_of_a_clip(dataset):
  clip_of_row = np.repeat(np.arange(3), LENGTHS)
  for history in (1, 2, 4, 8):
    stacked, weights = windows.of_dataset(dataset, history)
    assert stacked.shape == (
      sum(max(0, n - history + 1) for n in LENGTHS),
      29 * history,
    )
    assert np.sum(weights) == pytest.approx(1.0)
    for window in stacked.reshape(-1, history, 29):
      rows = [
        int(np.flatnonzero(np.all(dataset.features == row, axis=1))[0])
        for row in window
      ]
      assert rows == list(range(rows[0], rows[0] + history))
      assert len(set(clip_of_row[rows])) == 1


def test_one_row_windows_are_the_rows(dataset):
  stacked, weights = windows.of_dataset(dataset, 1)
  np.testing.assert_array_equal(stacked, dataset.features)
  np.testing.assert_allclose(weights, dataset.weights, rtol=1e-12)


@pytest.mark.parametrize(
  ("history", "message"), [(0, "expected 1 or more"), (9, "longest clip")]
)
def test_windows_refuses(dataset, history, message):
  with pytest.raises(dataset_lib.DatasetError, match=message):
    windows.of_dataset(dataset, history)


@pytest.mark.parametrize(
  ("name", "value", "message"),
  [
    ("format", np.array("wildrobot-amp/0"), "format is 'wildrobot-amp/0'"),
    (
      "feature_names",
      np.array(features.WILDROBOT.names[::-1]),
      "feature 0 is 'foot_contacts/right_heel', expected 'joint_pos/waist_yaw'",
    ),
    ("feature_names", np.array(["a"]), "has 1 features, expected 29"),
    ("features", np.full((16, 29), np.nan, np.float32), "not finite"),
    ("features", np.zeros((16, 28), np.float32), r"expected \(16, 29\)"),
    ("clip_offsets", np.array([0, 9, 8, 16]), "do not cut"),
    ("weights", np.full(16, 0.5), "not probabilities"),
    ("std", np.zeros(29, np.float32), "below the floor"),
    ("velocity_mode", np.array("sideways"), "'sideways' is unknown"),
    ("contact_rule", np.array("guessed"), "contact_rule is 'guessed'"),
    ("dt", np.array(0.0), "dt is 0.0"),
    ("dt", np.array("fast"), "holds no numbers"),
    ("dt", np.array(np.inf), "dt has values that are not finite"),
    ("dt", np.array([0.02]), r"dt is \(1,\), expected \(\)"),
    ("meta", np.array("{"), "meta is damaged"),
    ("meta", np.array("[" * 100_000), "meta is damaged"),
    ("meta", np.array("[]"), "meta is no object"),
    ("meta", np.array('{"clips": [1]}'), "meta is no object"),
    ("meta", np.array('{"clips": {"a": 3}}'), "clip 'a' is int"),
    ("meta", np.array('{"clips": {"a": {"rows": 3}}}'), "'a' has rows 3"),
    ("meta", np.array('{"clips": {"a": {"tier": []}}}'), "'a' has tier"),
    ("clip_offsets", np.array([2**63, 2, 3, 4], np.uint64), "expected 0 to"),
    ("weights", np.zeros(16, np.uint8), "not probabilities"),
    ("features", np.zeros((16, 29), np.complex64), "holds no numbers"),
    ("features", np.full((16, 29), "walk"), "holds no numbers"),
    ("features", np.array(1.0), r"features is \(\), expected \(N, 29\)"),
    ("features", np.full((16, 29), 3e38, np.float32), "expected -1000 to 1000"),
    ("clip_offsets", np.array([0, 5.5, 8, 16]), "holds no whole numbers"),
    ("clip_offsets", np.array([0, -2, 8, 16]), "has -2"),
    ("clip_offsets", np.array([0, 2**62, 8, 16]), "expected 0 to 1e.09"),
    ("clip_offsets", np.array([0, 16]), "2 ends of 3 clips"),
    ("clip_names", np.array(["a", "b", "a"]), "'a' more than once"),
    ("clip_names", np.array(["a", "b", "\x1b[31m"]), r"has '\\x1b\[31m'"),
    ("clip_names", np.array(["a", "b", "c" * 9999]), "9999 characters"),
    ("clip_speeds", np.array([0.1, 0.2, 1e9]), r"1e\+09 .at \[2\]"),
    ("mean", np.zeros(29, np.float32), "mean of joint_pos/waist_yaw is not"),
    ("std", np.full(29, 9, np.float32), "std of joint_pos/waist_yaw is not"),
    ("model_hash", np.array(["a"]), r"model_hash is \(1,\)"),
    ("velocity_mode", np.array("x" * 10**6), r"\(1000000 characters\)"),
  ],
)
def test_load_refuses(tmp_path, dataset, name, value, message):
  path = tmp_path / "a.npz"
  dataset_lib.save(path, dataset)
  with np.load(path) as archive:
    arrays = dict(archive)
  npz.write(path, arrays | {name: value})
  with pytest.raises(dataset_lib.DatasetError, match=message) as caught:
    dataset_lib.load(path, layout=features.WILDROBOT)
  assert "build it again" in str(caught.value)
  assert str(caught.value).isprintable()
  assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
  ("expected", "message"),
  [
    ({"velocity_mode": "raw"}, "velocity_mode is direction, the environ"),
    ({"dt": 0.01}, "dt is 0.02, the environment's is 0.01"),
    ({"model_hash": "4567"}, "model_hash is 0123"),
  ],
)
def test_load_refuses_another_environments(
  tmp_path, dataset, expected, message
):
  dataset_lib.save(tmp_path / "a.npz", dataset)
  with pytest.raises(dataset_lib.DatasetError, match=message):
    dataset_lib.load(tmp_path / "a.npz", **expected)


def test_numbers_of_other_types_become_the_formats(tmp_path, dataset):
  path = tmp_path / "a.npz"
  dataset_lib.save(path, dataset)
  with np.load(path) as archive:
    arrays = dict(archive)
  for name in ("features", "mean", "std"):
    arrays[name] = arrays[name].astype(np.float64)
  arrays["clip_offsets"] = arrays["clip_offsets"].astype(np.uint8)
  npz.write(path, arrays)
  loaded = dataset_lib.load(path)
  for name in ("features", "mean", "std", "clip_offsets"):
    assert getattr(loaded, name).dtype == getattr(dataset, name).dtype


def test_load_refuses_files_that_are_none(tmp_path):
  with pytest.raises(dataset_lib.DatasetError, match="no such file"):
    dataset_lib.load(tmp_path / "none.npz")
  (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 no")
  with pytest.raises(dataset_lib.DatasetError, match="not a readable"):
    dataset_lib.load(tmp_path / "a.npz")
  np.savez(tmp_path / "b.npz", x=np.zeros(2))
  with pytest.raises(dataset_lib.DatasetError, match="has no array 'format'"):
    dataset_lib.load(tmp_path / "b.npz")


def test_array_must_be_readable_without_pickle(tmp_path, dataset):
  path = tmp_path / "a.npz"
  dataset_lib.save(path, dataset)
  with np.load(path) as archive:
    arrays = dict(archive)
  np.savez(path, **(arrays | {"meta": np.array({}, dtype=object)}))
  with pytest.raises(dataset_lib.DatasetError, match="not a readable"):
    dataset_lib.load(path)


@pytest.mark.property
@hypothesis.given(data=st.data())
def test_a_dataset_with_other_arrays_is_refused_or_whole(
  tmp_path, dataset, data
):
  path = tmp_path / "a.npz"
  dataset_lib.save(path, dataset)
  path.write_bytes(changed_archive(path.read_bytes(), data))
  found = gently(lambda: dataset_lib.load(path), dataset_lib.DatasetError)
  if found is not None:
    stacked, weights = windows.of_dataset(found, 2)
    assert np.all(np.isfinite(stacked))
    assert np.all(np.isfinite(weights))
    assert np.all(np.isfinite((found.features - found.mean) / found.std))
    assert sum(len(found.clip(i)) for i in range(found.num_clips)) == 16
