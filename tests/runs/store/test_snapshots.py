import json
import shutil

import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground.runs.store import arrays, snapshots
from wildrobot_playground.runs.store.manifest import SnapshotError

META = {"num_devices": 1}


def _state(value: float):
  return {
    "params": {"kernel": jp.full((3, 2), value), "bias": jp.zeros(2)},
    "key/of": jp.array([1, 2], jp.uint32),
    "count": np.int32(value),
    "flag": jp.array(True),
    "nothing": jp.zeros((4, 0)),
  }


def _template(meta):
  del meta
  return _state(0.0)


@pytest.fixture
def store(tmp_path):
  """Three snapshots, at 10, 20 and 30 steps."""
  store = snapshots.Snapshots(tmp_path)
  for steps in (10, 20, 30):
    store.save(steps, _state(steps / 10), META | {"steps": steps})
  store.wait()
  return store


def _equal(one, other):
  np.testing.assert_array_equal(
    one["params"]["kernel"], other["params"]["kernel"]
  )
  np.testing.assert_array_equal(one["key/of"], other["key/of"])
  assert one["count"] == other["count"]
  assert one["flag"].dtype == other["flag"].dtype
  assert one["nothing"].shape == other["nothing"].shape


def test_newest_comes_back_bit_for_bit(store):
  state, meta, skipped = store.restore(_template)
  _equal(state, _state(3.0))
  assert meta == META | {"steps": 30}
  assert skipped == []
  assert store.restored_steps == 30


def test_a_named_one_comes_back(store):
  state, _, _ = store.restore(_template, steps=20)
  _equal(state, _state(2.0))


def test_only_the_newest_are_kept(store):
  store.save(40, _state(4.0), META)
  store.wait()
  assert store.steps() == [20, 30, 40]


def test_the_best_stays_beside_the_newest(store):
  for steps, cost in ((40, 0.1), (50, 0.3), (60, 0.2), (70, 0.4), (80, 0.3)):
    store.save(steps, _state(1.0), {**META, "cost": cost})
  store.wait()
  assert store.best() == 40
  assert store.steps() == [40, 60, 70, 80]


def test_later_ones_give_way_to_a_run_that_goes_on_from_an_earlier(store):
  (moved,) = store.set_aside_after(20)
  assert moved.name == "superseded-000000000030"
  assert moved.is_dir()
  store.save(25, _state(2.5), META)
  store.wait()
  assert store.steps() == [10, 20, 25]


def _files(store):
  newest = store.folder / f"{30:012d}"
  return sorted(
    path.relative_to(newest) for path in newest.rglob("*") if path.is_file()
  )


def _truncate(path):
  path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  path.write_bytes(bytes(content))


def _remove(path):
  path.unlink()


@pytest.mark.parametrize("damage", [_truncate, _flip, _remove])
def test_every_damaged_file_sends_back_to_the_snapshot_before(
  store, tmp_path, damage
):
  files = _files(store)
  assert len(files) > 3
  for index, name in enumerate(files):
    copy = snapshots.Snapshots(tmp_path / f"copy{index}")
    shutil.copytree(store.folder, copy.folder)
    path = copy.folder / f"{30:012d}" / name
    if path.stat().st_size == 0 and damage is not _remove:
      path.write_bytes(b"x")  # Nothing to cut or flip: add something.
    else:
      damage(path)
    state, meta, skipped = copy.restore(_template)
    assert meta["steps"] == 20, name
    _equal(state, _state(2.0))
    assert len(skipped) == 1
    assert f"{30:012d}" in skipped[0]


def test_half_written_snapshots_do_not_count(store):
  (store.folder / f".{40:012d}.writing").mkdir()
  (store.folder / "notes").mkdir()
  assert store.steps() == [10, 20, 30]


def test_without_any_good_one_the_reasons_are_listed(store):
  for steps in store.steps():
    (store.folder / f"{steps:012d}" / "manifest.json").unlink()
  with pytest.raises(SnapshotError, match="no readable manifest"):
    store.restore(_template)
  empty = snapshots.Snapshots(store.folder / "none")
  with pytest.raises(SnapshotError, match="there is none"):
    empty.restore(_template)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"params": {"kernel": jp.zeros((3, 2))}}, "only one of both has"),
    ({"key/of": jp.zeros(3, jp.uint32)}, "expected uint32"),
    ({"key/of": jp.zeros(2, jp.int32)}, "expected int32"),
  ],
)
def test_states_of_another_shape_are_refused(store, change, message):
  with pytest.raises(SnapshotError, match=message):
    store.restore(lambda meta: {**_state(0.0), **change})


def test_a_save_that_fails_leaves_the_others_and_says_so_once(
  store, monkeypatch, capsys
):
  def full(*args, **kwargs):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(arrays.ocp.Checkpointer, "save", full)
  store.save(40, _state(4.0), META)
  store.save(50, _state(5.0), META)
  store.wait()
  assert capsys.readouterr().err.count("not written") == 1
  assert "No space left" in store.last_error
  assert store.steps() == [10, 20, 30]
  assert not list(store.folder.glob(".*"))


def test_manifest_is_plain_json(store):
  manifest = json.loads(
    (store.folder / f"{30:012d}" / "manifest.json").read_text()
  )
  assert manifest["meta"]["steps"] == 30
  assert all(len(digest) == 64 for digest in manifest["sha256"].values())


def test_a_disk_without_room_is_seen_before_it_is_full(store, monkeypatch):
  usage = arrays.shutil.disk_usage(store.folder)
  monkeypatch.setattr(
    arrays.shutil, "disk_usage", lambda folder: usage._replace(free=1000)
  )
  store.save(40, _state(4.0), META)
  store.wait()
  assert "No space left" in store.last_error
  assert 40 not in store.steps()
