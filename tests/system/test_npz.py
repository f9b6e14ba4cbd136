import io
import os
import zipfile

import numpy as np
import pytest

from wildrobot_playground.system import npz


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


def _member(shape, content=b"", kind="<f8"):
  """A `.npy` whose header says a shape, with any content."""
  buffer = io.BytesIO()
  header = {"descr": kind, "fortran_order": False, "shape": shape}
  np.lib.format.write_array_header_1_0(buffer, header)
  return buffer.getvalue() + content


def _refused(path, message):
  with pytest.raises(ValueError, match=message):
    npz.read(path, ("x",), ValueError)


@pytest.mark.parametrize(
  "member",
  [
    _member((10**12, 3)),
    _member((-5,)),
    _member((2,), b"8 bytes."),
    _member((1,), b"16 bytes, not 8."),
    _member((), b"", "|V0"),
    _member((10**15,), b"", "|S0"),
    b"",
    b"\x93NUMPY\x09\x00",
    b"\x93NUMPY\x01\x00\xff\xff{",
    b"\x93NUMPY\x01\x00\x10\x27" + b"(" * 10_000,
  ],
)
def test_a_header_that_lies_is_refused_before_memory_is_taken(tmp_path, member):
  with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
    archive.writestr("x.npy", member)
  _refused(tmp_path / "a.npz", "not a readable")


def test_bombs_are_refused_unopened(tmp_path, monkeypatch):
  monkeypatch.setattr(npz, "LARGEST", 10_000)
  path = tmp_path / "a.npz"
  np.savez_compressed(path, x=np.zeros(2000))
  assert path.stat().st_size < 1000
  _refused(path, "16128 bytes of arrays, at most 10000")
  # What nobody asks for is not opened.
  np.savez_compressed(path, x=np.zeros(2), y=np.zeros(2000))
  npz.read(path, ("x",), ValueError)
  monkeypatch.setattr(npz, "_LARGEST_DIRECTORY", 60)
  _refused(path, "a directory of")


def test_only_regular_files_are_opened(tmp_path):
  (tmp_path / "folder").mkdir()
  os.mkfifo(tmp_path / "pipe")
  (tmp_path / "loop").symlink_to(tmp_path / "loop")
  (tmp_path / "empty").touch()
  for name, message in {
    "folder": "is a folder",
    "pipe": "is a pipe",
    "loop": "cannot be read",
    "empty": "is empty",
    "none": "no such file",
    "x" * 5000: "cannot be read",
    "nul\0": "cannot be read",
  }.items():
    _refused(tmp_path / name, message)
  _refused("/dev/zero", "a device")
