import numpy as np
import pytest

from wildrobot_playground.motion import npz


def test_round_trip_keeps_shape_and_type(tmp_path):
  arrays = {
    "scalar": np.array(3.5),
    "words": np.array(("a", "bc")),
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3).T,
  }
  npz.write(tmp_path / "a.npz", arrays)
  read = npz.read(tmp_path / "a.npz", tuple(arrays), ValueError)
  for name, array in arrays.items():
    assert read[name].shape == array.shape
    assert read[name].dtype == array.dtype
    np.testing.assert_array_equal(read[name], array)


def test_same_arrays_give_the_same_bytes_at_any_time(tmp_path, monkeypatch):
  arrays = {"x": np.arange(4.0)}
  npz.write(tmp_path / "a.npz", arrays)
  monkeypatch.setattr("time.time", lambda: 2e9)
  npz.write(tmp_path / "b.npz", arrays)
  first, second = (tmp_path / f"{name}.npz" for name in "ab")
  assert first.read_bytes() == second.read_bytes()


def test_objects_are_neither_written_nor_read(tmp_path):
  with pytest.raises(ValueError):
    npz.write(tmp_path / "a.npz", {"x": np.array([{}], dtype=object)})
  np.savez(tmp_path / "b.npz", x=np.array([{}], dtype=object))
  with pytest.raises(ValueError, match="not a readable"):
    npz.read(tmp_path / "b.npz", ("x",), ValueError)
