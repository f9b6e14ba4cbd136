import os
import pickle
import time

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


_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n"
_KIND = b"cnumpy\ndtype\n(U\x02i1tR"


def _bomb(content, repeats):
  """Arrays that all name one text, each of them decoded anew."""
  name = b"cnumpy\nndarray\n"
  text = b"X" + len(content).to_bytes(4, "little") + content + b"q\x00"
  shape = b"J" + len(content).to_bytes(4, "little") + b"\x85"
  one = _ARRAY + name + b"K\x00\x85C\x01b\x87R(K\x01" + shape + _KIND
  one += b"\x89h\x00tb"
  return b"\x80\x04(" + text + one * repeats + b"l."


@pytest.mark.parametrize(
  ("content", "message"),
  [
    # A list of ten of a list of ten of ... : ten thousand million items.
    (
      b"\x80\x02]" + b"".join(
        b"q%c](h%c" % (i, i) + b"h%c" % i * 9 + b"e" for i in range(10)
      ) + b".",
      "holds over",
    ),
    (_bomb(b"a" * 300_000, 1000), "holds over"),
    # As a key, a tuple in a tuple in a ... is hashed in C, all the way down.
    (b"\x80\x02})" + b"\x85" * 1_000_000 + b"K\x00s.", "10000 tuples"),
    # Keys with one hash.
    (
      b"\x80\x02}(" + b"".join(
        b"\x8a\x0a" + (i * (2**61 - 1)).to_bytes(10, "little") + b"K\x00"
        for i in range(1, 50_000)
      ) + b"u.",
      "10000 large numbers",
    ),
    (b"\x80\x04\x8f.", "the instruction EMPTY_SET"),
    (b"\x80\x02" + b"]" * 3000 + b"a" * 2999 + b".", "nested more than"),
    # An array of a thousand million numbers, in no bytes.
    (
      b"\x80\x02" + _ARRAY + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R"
      b"(K\x01J\x00\x00\x00\x40\x85" + _KIND + b"\x89U\x00tb.",
      "an array of",
    ),
    # A state for what builds arrays, to be found by the next file.
    (b"\x80\x02" + _ARRAY + b"}U\x01aK\x01sb.", "not a readable pickle"),
    (b"\x80\x02c_codecs\nencode\n}U\x01aK\x01sb.", "not a readable"),
    (b"\x80\x02" + b"I" + b"9" * 5000 + b"\n.", "not a readable"),
    (b"\x80\x05\x96" + b"\xff" * 7 + b"\x00.", "not a readable"),
    (b"\x80\x02cnumpy\ndtype\n(U\x0b(99999,)f8ttR.", "not a readable"),
  ],
)  # fmt: skip
def test_hostile_files_are_refused_soon(tmp_path, content, message):
  path = tmp_path / "a.pkl"
  path.write_bytes(content)
  start = time.monotonic()
  with pytest.raises(human.MotionError, match=message) as caught:
    pickles.load(path)
  assert time.monotonic() - start < 8
  assert len(str(caught.value)) < 600


def test_what_is_named_twice_is_one_thing(tmp_path):
  array = np.arange(3.0)
  path = _dump(tmp_path / "a.pkl", {"a": [array, array], "b": array})
  loaded, _ = pickles.load(path)
  assert loaded["a"][0] is loaded["a"][1] is loaded["b"]


def test_long_programs_are_not_run(tmp_path, monkeypatch):
  monkeypatch.setattr(pickles, "_MOST_INSTRUCTIONS", 1000)
  path = tmp_path / "a.pkl"
  path.write_bytes(b"\x80\x02](" + b"}" * 1000 + b"e.")
  with pytest.raises(human.MotionError, match="over 1000 instructions"):
    pickles.load(path)
