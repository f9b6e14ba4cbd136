import os
import pickle

import numpy as np
import pytest

from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import pickles

CONTENT = {
  "fps": 50,
  "matrix": np.random.default_rng(0).normal(size=(4, 3)),
  "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
  "big_endian": np.arange(3, dtype=">i4"),
  "text": np.array(["left", "right"]),
  "empty": np.zeros((0, 3), np.float32),
  "scalar": np.float32(2.5),
  "list": [1, 2.0, "three", None, True, b"bytes", b""],
  "tuple": (1, (2, [3])),
}


class _Caller:
  """Runs a command when a plain unpickler reads it."""

  def __init__(self, function, *arguments):
    self.call = (function, arguments)

  def __reduce__(self):
    return self.call


def _dump(path, content, protocol=4):
  path.write_bytes(pickle.dumps(content, protocol=protocol))
  return path


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_containers_come_back(tmp_path, protocol):
  loaded, _ = pickles.load(_dump(tmp_path / "a.pkl", CONTENT, protocol))
  assert loaded.keys() == CONTENT.keys()
  for key, value in CONTENT.items():
    if isinstance(value, np.ndarray):
      np.testing.assert_array_equal(loaded[key], value)
      assert loaded[key].dtype == value.dtype
    else:
      assert loaded[key] == value


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
  "wrap", [lambda x: x, lambda x: {"a": [x]}, lambda x: (np.zeros(2), x)]
)
def test_nothing_in_a_file_is_run(tmp_path, protocol, wrap):
  ran = tmp_path / "ran"
  trap = wrap(_Caller(os.system, f"touch {ran}"))
  path = _dump(tmp_path / "a.pkl", trap, protocol)
  with pytest.raises(human.MotionError, match=r"system.*nothing of it was run"):
    pickles.load(path)
  assert not ran.exists()


@pytest.mark.parametrize(
  "function", [eval, open, print, getattr, np.load, exec]
)
def test_no_other_callable_is_let_in(tmp_path, function):
  path = _dump(tmp_path / "a.pkl", _Caller(function, "1"))
  with pytest.raises(human.MotionError, match="expected only arrays"):
    pickles.load(path)


def test_arrays_of_objects_are_refused(tmp_path):
  path = _dump(tmp_path / "a.pkl", np.array([{}, []], dtype=object))
  with pytest.raises(human.MotionError, match="the type 'object'"):
    pickles.load(path)


@pytest.mark.parametrize(
  "content",
  [
    b"",
    b"\x80",
    b"no pickle",
    pickle.dumps(CONTENT)[:-40],
    # An array as a constructor, with two billion elements.
    b"\x80\x02cnumpy\nndarray\n(J\xff\xff\xff\x7ftR.",
    # A memo of two billion entries.
    b"\x80\x02}r\xff\xff\xff\x7f.",
    # A structured type.
    b"\x80\x02cnumpy\ndtype\n(X\x05\x00\x00\x00f8,f8tR.",
    # A list that contains itself.
    b"\x80\x02]q\x00h\x00a.",
  ],
)
def test_damaged_files_are_one_error(tmp_path, content):
  path = tmp_path / "a.pkl"
  path.write_bytes(content)
  with pytest.raises(human.MotionError, match=r"a\.pkl"):
    pickles.load(path)


def test_huge_files_are_not_read(tmp_path, monkeypatch):
  path = _dump(tmp_path / "a.pkl", CONTENT)
  monkeypatch.setattr(pickles, "LARGEST", 100)
  with pytest.raises(human.MotionError, match="expected at most 100"):
    pickles.load(path)
