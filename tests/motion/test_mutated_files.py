"""Good files, damaged at random: one line of refusal, or a clip that passes."""

import io
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
import warnings
import zipfile

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tests.motion import test_bad_files as files
from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import human, importers
from wildrobot_playground.system import npz

_SECONDS = 10.0
_GROWTH = 2**30  # bytes
_EXTREMES = (
  "nan", "inf", "-inf", "1e308", "-1e308", "3e38", "1e-308", "0", "-0", "-1",
  "1e9", "9" * 400, "9" * 5000, "", "é", "\x1b[31m", "x" * 5000, "[" * 3000,
)  # fmt: skip


def _words(content, data):
  """Some words of a text replaced by extremes."""
  words = content.split(b" ")
  for _ in range(data.draw(st.integers(1, 4))):
    place = data.draw(st.integers(0, len(words) - 1))
    words[place] = data.draw(st.sampled_from(_EXTREMES)).encode()
  return b" ".join(words)


def _lines(content, data):
  """Two lines of a text exchanged, or one of them doubled."""
  lines = content.split(b"\n")
  i, j = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
  if data.draw(st.booleans()):
    lines[i], lines[j] = lines[j], lines[i]
  else:
    lines.insert(i, lines[j])
  return b"\n".join(lines)


def _bytes(content, data):
  """Some bytes exchanged for others."""
  content = bytearray(content)
  for _ in range(data.draw(st.integers(1, 8))):
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
      st.integers(0, 255)
    )
  return bytes(content)


def _cut(content, data):
  """A piece left out, or there twice."""
  i, j = sorted(data.draw(st.integers(0, len(content))) for _ in range(2))
  if data.draw(st.booleans()):
    return content[:i] + content[j:]
  return content[:j] + content[i:]


_TEXT = st.sampled_from((_words, _lines, _bytes, _cut))
_BINARY = st.sampled_from((_bytes, _cut))
_VALUES = st.one_of(
  st.sampled_from(
    [
      np.nan, np.inf, -1.0, 0.0, 3e38, 1e300, 2**63 - 1, True, 1 + 2j, "", "a",
      "x" * 5000, b"b", np.datetime64("2000"), np.float16(1), np.int8(-1),
    ]
  ),
  st.floats(),
  st.integers(-(2**62), 2**62),
)  # fmt: skip


def _array(array, data):
  """An array with another value, shape, type or order."""
  change = data.draw(
    st.sampled_from(("fill", "one", "shape", "type", "cut", "swap", "scalar"))
  )
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Of the conversions made here.
    match change:
      case "fill":
        return np.full(array.shape, data.draw(_VALUES))
      case "one":
        array = array.copy()
        place = data.draw(st.integers(0, max(array.size - 1, 0)))
        try:
          array.flat[place] = data.draw(_VALUES)
        except (ValueError, TypeError, OverflowError, IndexError):
          return np.full(array.shape, "other")
        return array
      case "shape":
        return array[None] if data.draw(st.booleans()) else array.ravel()
      case "type":
        kind = data.draw(
          st.sampled_from(("f2", "f4", "i1", "i8", "u1", "?", "c8", "U3", "S3"))
        )
        try:
          return array.astype(kind)
        except ValueError:
          return np.zeros(array.shape, kind)
      case "cut":
        return array[: data.draw(st.integers(0, 3))] if array.ndim else array
      case "swap":
        return (
          array.T if array.ndim > 1 else array[::-1] if array.ndim else array
        )
      case _:
        return np.asarray(data.draw(_VALUES))


def changed_archive(content, data, at_most=2):
  """An archive of arrays with some of them changed."""
  with np.load(io.BytesIO(content)) as archive:
    arrays = dict(archive)
  for _ in range(data.draw(st.integers(1, at_most))):
    name = data.draw(st.sampled_from(sorted(arrays)))
    arrays[name] = _array(arrays[name], data)
  buffer = io.BytesIO()
  np.savez(buffer, **arrays)
  return buffer.getvalue()


def gently(read, error):
  """Calls a reader; of errors it may raise one line of a kind.

  Returns:
    What it read, or None.
  """
  before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  start = time.monotonic()
  found = None
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    try:
      found = read()
    except error as e:
      assert type(e) in (error if isinstance(error, tuple) else (error,))
      assert str(e).isprintable()
      assert len(str(e)) < 1000
  assert time.monotonic() - start < _SECONDS
  grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
  assert grown * 1024 < _GROWTH
  return found


def _imported(path, content):
  """Imports a file; what is not refused is a motion or a clip that passes."""
  path.write_bytes(content)
  robot = robots.default_robot()
  errors = (human.MotionError, clip_lib.ClipError)
  found = gently(lambda: importers.load(path, robot), errors)
  if isinstance(found, clip_lib.MotionClip):
    clip_lib.check(found, "read")
  elif found is not None:
    human.checked(found)


@pytest.fixture(scope="module")
def short_clip(recorded_clip):
  """The beginning of a clip, so that a file is small."""
  keep = slice(0, 12)
  arrays = ("root_pos", "root_quat", "joint_pos", "foot_contacts")
  changes = {name: getattr(recorded_clip, name)[keep] for name in arrays}
  meta = recorded_clip.meta | {
    "frame_error": recorded_clip.meta["frame_error"][keep]
  }
  return type(recorded_clip)(**vars(recorded_clip) | changes | {"meta": meta})


@pytest.mark.property
@hypothesis.given(data=st.data())
def test_a_damaged_deepmimic_file(tmp_path, data):
  content = files._deepmimic(lambda rows: rows[:6])
  mutate = data.draw(_TEXT)
  _imported(tmp_path / "a.txt", mutate(content, data))


@pytest.mark.property
@hypothesis.given(data=st.data())
def test_a_damaged_bvh_file(tmp_path, data):
  content = files._bvh(lambda t: t.replace("Frames: 40", "Frames: 6"))
  content = b"\n".join(content.splitlines()[:-34]) + b"\n"
  mutate = data.draw(_TEXT)
  _imported(tmp_path / "a.bvh", mutate(content, data))


@pytest.mark.property
@hypothesis.given(data=st.data())
def test_a_damaged_pickle(tmp_path, short_clip, data):
  content = files._robot_pickle(short_clip)
  mutate = data.draw(_BINARY)
  _imported(tmp_path / "a.pkl", mutate(content, data))


@pytest.mark.property
@hypothesis.given(data=st.data())
def test_a_pickle_of_other_values(tmp_path, short_clip, data):
  keys = ("fps", "root_pos", "root_rot", "dof_pos", "joint_names", "features")
  values = st.one_of(
    _VALUES,
    st.lists(st.floats(), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.just([10**5000]),
    st.just(np.full((12, 3), np.nan)),
    st.none(),
  )
  changes = data.draw(
    st.dictionaries(st.sampled_from(keys), values, min_size=1, max_size=3)
  )
  _imported(tmp_path / "a.pkl", files._robot_pickle(short_clip, **changes))


@pytest.mark.property
@hypothesis.given(data=st.data())
def test_a_damaged_archive(tmp_path, short_clip, data):
  content = data.draw(
    st.sampled_from(
      (
        files._amass(betas=np.zeros(1)),
        files._clip(tmp_path / "scratch.npz", short_clip),
      )
    )
  )
  mutate = data.draw(st.sampled_from((_bytes, _cut, changed_archive)))
  _imported(tmp_path / "a.npz", mutate(content, data))


@pytest.mark.property
@hypothesis.given(data=st.data())
def test_a_clip_with_other_arrays(tmp_path, short_clip, data):
  path = tmp_path / "a.npz"
  content = files._clip(tmp_path / "scratch.npz", short_clip)
  path.write_bytes(changed_archive(content, data))
  found = gently(lambda: clip_lib.load(path), clip_lib.ClipError)
  if found is not None:
    assert np.all(np.isfinite(found.qpos))
    assert np.all(np.isfinite(found.advance))
    assert 5 <= found.fps <= 1000


@pytest.mark.property
@hypothesis.given(data=st.data())
def test_a_clip_that_says_other_things_of_itself(tmp_path, short_clip, data):
  path = tmp_path / "a.npz"
  clip_lib.save(path, short_clip)
  with np.load(path) as archive:
    arrays = dict(archive)
  leaves = st.none() | st.booleans() | st.floats() | st.text(max_size=5)
  keys = st.sampled_from(
    ("tier", "kind", "source", "quality", "frame_error", "frames", "ik_error")
  )
  trees = st.recursive(
    leaves,
    lambda inner: (
      st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=6,
  )
  meta = json.dumps(data.draw(st.dictionaries(keys, trees) | trees))
  npz.write(path, arrays | {"meta": np.array(meta)})
  gently(lambda: clip_lib.load(path), clip_lib.ClipError)


def test_a_huge_central_directory_is_not_read(tmp_path):
  path = tmp_path / "a.npz"
  with zipfile.ZipFile(path, "w") as archive:
    for i in range(20_000):
      archive.writestr(f"{i}.npy", b"")
  with pytest.raises(human.MotionError, match="a directory of"):
    npz.members(path, human.MotionError)


_LARGEST = """
import pathlib, re, sys, time
from tests.motion import test_bad_files as files
from wildrobot_playground.motion import importers
from wildrobot_playground import robots

def crowd(text):
  extra = " JOINT J { OFFSET 0 1 0 CHANNELS 3 Xrotation Yrotation Zrotation"
  text = text.replace(" JOINT S", extra * 986 + " }" * 986 + " JOINT S")
  head, _, row = text.rstrip().rpartition("\\n")
  head = head[: head.index("0 95")].replace("Frames: 40", "Frames: 3000")
  return head + (row + " 0" * 3 * 986 + "\\n") * 3000

path = pathlib.Path(sys.argv[1])
path.write_bytes(files._bvh(crowd))
start = time.monotonic()
importers.load(path, robots.default_robot())
print(time.monotonic() - start)
# Not `ru_maxrss`, which a child has from its parent.
status = pathlib.Path("/proc/self/status").read_text()
print(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])
"""


@pytest.mark.slow
def test_the_largest_recording_takes_seconds_and_no_gigabyte(tmp_path):
  root = pathlib.Path(__file__).parents[2]
  arguments = [sys.executable, "-c", _LARGEST, str(tmp_path / "a.bvh")]
  environment = os.environ | {"PYTHONPATH": str(root)}
  done = subprocess.run(
    arguments, env=environment, capture_output=True, text=True, check=True
  )
  seconds, kibibytes = map(float, done.stdout.split())
  assert seconds < 40
  assert kibibytes < 2**20
