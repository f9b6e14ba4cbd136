"""Files that are wrong, each one clear line and exit code 2."""

import io
import json
import os
import pickle
import resource
import time
import zipfile

import numpy as np
import pytest

from tests.motion import command as cli
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.system import npz

FRAMES = 40


def _deepmimic(frames=None, **changes):
  """A DeepMimic file of a character that slides along x."""
  identity = [1.0, 0.0, 0.0, 0.0]
  leg, arm = [*identity, 0.0, *identity], [*identity, 0.0]
  rows = [
    [0.02, 0.02 * i, 0.88, 0.0, *identity, *identity, *identity]
    + leg + arm + leg + arm
    for i in range(FRAMES)
  ]  # fmt: skip
  rows = frames(rows) if frames else rows
  return json.dumps({"Loop": "none", "Frames": rows} | changes).encode()


def _each(column, value):
  """Sets a column of every DeepMimic frame."""

  def change(rows):
    for row in rows:
      row[column : column + np.size(value)] = np.ravel(value).tolist()
    return rows

  return change


def _durations(rows):
  for row in rows[::2]:
    row[0] = 0.05
  return rows


BVH_HEAD = """HIERARCHY
ROOT Hips {
 OFFSET 0 0 0
 CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
 JOINT Spine1 { OFFSET 0 20 0 CHANNELS 1 Xrotation
  JOINT Neck1 { OFFSET 0 20 0 CHANNELS 1 Xrotation
   End Site { OFFSET 0 10 0 } }
  JOINT LeftArm { OFFSET 20 15 0 CHANNELS 1 Xrotation
   End Site { OFFSET 0 10 0 } }
  JOINT RightArm { OFFSET -20 15 0 CHANNELS 1 Xrotation
   End Site { OFFSET 0 10 0 } } }
"""
BVH_LEG = """ JOINT {0}UpLeg {{ OFFSET {1} -5 0 CHANNELS 1 Xrotation
  JOINT {0}Leg {{ OFFSET 0 -42 0 CHANNELS 1 Xrotation
   JOINT {0}Foot {{ OFFSET 0 -41 0 CHANNELS 1 Xrotation
    JOINT {0}ToeBase {{ OFFSET 0 -6 14 CHANNELS 1 Xrotation
     End Site {{ OFFSET 0 0 5 }} }} }} }} }}
"""


def _bvh(change=lambda text: text, step="0.02", width=18):
  """A BVH file of someone who stands."""
  head = BVH_HEAD + BVH_LEG.format("Left", 9) + BVH_LEG.format("Right", -9)
  row = " ".join(["0", "95", "0"] + ["0"] * (width - 3))
  rows = "\n".join([row] * FRAMES)
  text = f"{head}}}\nMOTION\nFrames: {FRAMES}\nFrame Time: {step}\n{rows}\n"
  return change(text).encode()


def _archive(**arrays):
  """The bytes of an archive of arrays."""
  buffer = io.BytesIO()
  np.savez(buffer, **arrays)
  return buffer.getvalue()


def _amass(without=(), **changes):
  """An AMASS file of someone who stands."""
  poses = np.zeros((FRAMES, 156))
  poses[:, :3] = 2 * np.pi / 3 / np.sqrt(3)  # y up and z ahead, to z and x
  arrays = {
    "poses": poses,
    "trans": np.tile([0.0, 0.0, 0.9], (FRAMES, 1)),
    "mocap_framerate": np.array(60.0),
    "gender": np.array("neutral"),
    "betas": np.zeros(16),
  } | changes
  return _archive(**{k: v for k, v in arrays.items() if k not in without})


def _changed(array, **columns):
  """A copy with some of its columns set."""
  array = array.copy()
  for column, value in columns.items():
    array[:, int(column[1:])] = value
  return array


class _Trap:
  """Calls the system when an unpickler lets it."""

  def __reduce__(self):
    return os.system, ("true",)


def _robot_pickle(clip, without=(), **changes):
  content = {
    "fps": 50.0,
    "root_pos": clip.root_pos,
    "root_rot": np.roll(clip.root_quat, -1, axis=1),
    "dof_pos": clip.joint_pos,
    "local_body_pos": None,
    "link_body_list": None,
  } | changes
  return pickle.dumps({k: v for k, v in content.items() if k not in without})


def _clip(path, clip, without=(), **changes):
  """The bytes of a clip with some arrays exchanged."""
  clip_lib.save(path, clip)
  with np.load(path) as archive:
    arrays = dict(archive) | changes
  arrays = {k: v for k, v in arrays.items() if k not in without}
  npz.write(path, arrays)
  return path.read_bytes()


def _huge_array():
  """An archive whose array says that it has a million million numbers."""
  header = io.BytesIO()
  np.lib.format.write_array_header_1_0(
    header, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 3)}
  )
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w") as archive:
    archive.writestr("poses.npy", header.getvalue())
    archive.writestr("trans.npy", header.getvalue())
  return buffer.getvalue()


NAN, INF = float("nan"), float("inf")
PERMUTED = np.array(WILDROBOT.joints)[[1, 0, *range(2, 9)]]

# Name of the file, its content (of a good clip and a scratch path), message.
FILES = {
  # DeepMimic.
  "empty.txt": (lambda c, p: b"", "is empty"),
  "prose.txt": (lambda c, p: b"walk, then run", "not a DeepMimic motion"),
  "cut.txt": (lambda c, p: _deepmimic()[:-200], "not a DeepMimic motion"),
  "no_frames.txt": (lambda c, p: b'{"Loop": "wrap"}', "expected JSON with"),
  "deep.txt": (lambda c, p: b"[" * 100_000, "not a DeepMimic motion"),
  "huge_number.txt": (
    lambda c, p: _deepmimic().replace(b"0.88", b"9" * 4000),
    "not a DeepMimic motion",
  ),
  "far.txt": (lambda c, p: _deepmimic(_each(2, 1e300)), "beyond 1e+07"),
  "no_turn.txt": (
    lambda c, p: _deepmimic(_each(16, [0.0, 0.0, 0.0, 0.0])),
    "rotations of joints have norms down to 0",
  ),
  "endless.txt": (lambda c, p: _deepmimic(_each(0, INF)), "not finite"),
  "big.txt": (lambda c, p: b" " * (2**24 + 1), "expected at most 16777216"),
  "narrow.txt": (
    lambda c, p: _deepmimic(lambda rows: [row[:-1] for row in rows]),
    "frames of 44 numbers",
  ),
  "short.txt": (lambda c, p: _deepmimic(lambda r: r[:2]), "at least 4 frames"),
  "words.txt": (
    lambda c, p: _deepmimic(lambda rows: [["a"] * 44] * 5),
    "not a DeepMimic motion",
  ),
  "nan.txt": (lambda c, p: _deepmimic(_each(2, NAN)), "not finite"),
  "uneven.txt": (lambda c, p: _deepmimic(_durations), "durations vary"),
  "frozen.txt": (lambda c, p: _deepmimic(_each(0, 0.0)), "durations vary"),
  "slow.txt": (lambda c, p: _deepmimic(_each(0, 2.0)), "fps is 0.5"),
  "degrees.txt": (
    lambda c, p: _deepmimic(_each(20, -45.0)), "seem to be degrees",
  ),
  "xyzw.txt": (
    lambda c, p: _deepmimic(_each(4, [0.0, 0.0, 0.0, 1.0])), "lies",
  ),
  "z_up.txt": (
    lambda c, p: _deepmimic(_each(4, [0.707107, 0.707107, 0.0, 0.0])),
    "expected y up",
  ),
  "long_quat.txt": (
    lambda c, p: _deepmimic(_each(4, [2.0, 0.0, 0.0, 0.0])),
    "expected unit quaternions",
  ),
  # BVH.
  "empty.bvh": (lambda c, p: b"", "is empty"),
  "binary.bvh": (lambda c, p: bytes(range(256)), "not a BVH file"),
  "no_motion.bvh": (
    lambda c, p: _bvh(lambda t: t.partition("MOTION")[0]), "not a BVH file",
  ),
  "cut_tree.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("}\nMOTION", "MOTION")),
    "the file is truncated",
  ),
  "cut.bvh": (
    lambda c, p: _bvh(lambda t: t[: t.rindex("0 95") - 90]), "frames and has",
  ),
  "ragged.bvh": (lambda c, p: _bvh(width=17), "expected 18, one a channel"),
  "nan.bvh": (lambda c, p: _bvh(lambda t: t.replace("95", "nan")), "finite"),
  "words.bvh": (
    lambda c, p: _bvh(lambda t: t.replace(" 95 ", " up ")), "could not convert",
  ),
  "channel.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("Xrotation", "Wrotation")),
    "the channel 'Wrotation'",
  ),
  "word.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("OFFSET 9", "x" * 200_000)),
    "(200000 characters)",
  ),
  "word_in_frame.bvh": (
    lambda c, p: _bvh(lambda t: t.replace(" 95 ", " " + "x" * 800 + " ")),
    "could not convert",
  ),
  "long_line.bvh": (
    lambda c, p: _bvh(lambda t: t + "0 " * 200_000), "bytes in a line of",
  ),
  "many_channels.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("CHANNELS 6", "CHANNELS inf")),
    "has 'inf'",
  ),
  "channels.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("CHANNELS 6", "CHANNELS 1000000000")),
    "expected a number of at most",
  ),
  "half_channel.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("CHANNELS 6", "CHANNELS 5.5")),
    "has 5.5 channels, expected 0 to 9",
  ),
  "twice.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("Yrotation X", "Zrotation X")),
    "the channel 'Zrotation', expected each once",
  ),
  "no_turns.bvh": (
    lambda c, p: _bvh(
      lambda t: t.replace(" Zrotation Yrotation Xrotation", "")
      .replace("CHANNELS 6", "CHANNELS 3")
      .replace("rotation", "position")
    ),
    "no joint has a channel of rotation",
  ),
  "flat.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("OFFSET 9 ", "OFFSET 0 ")
      .replace("OFFSET -9 ", "OFFSET 0 ")),
    "has no left and up",
  ),
  "far.bvh": (lambda c, p: _bvh(lambda t: t.replace("95", "1e300")), "beyond"),
  "far_offset.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("OFFSET 20", "OFFSET 1e300")),
    "has '1e300'",
  ),
  "nan_time.bvh": (lambda c, p: _bvh(step="nan"), "both positive"),
  "inf_time.bvh": (lambda c, p: _bvh(step="inf"), "fps is 0"),
  "past.bvh": (lambda c, p: _bvh(step="-0.02"), "both positive"),
  "no_frames.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("Frames: 40", "Frames: 0")),
    "both positive",
  ),
  "endless.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("Frames: 40", "Frames: 999999999")),
    "has 999999999 frames, expected at most",
  ),
  "count.bvh": (
    lambda c, p: _bvh(
      lambda t: t.replace("Frames: 40", "Frames: " + "9" * 4000)
    ),
    "expected at most",
  ),
  "crowd.bvh": (
    lambda c, p: _bvh(
      lambda t: t.replace(
        " JOINT Spine1", " JOINT J { OFFSET 0 0 0 CHANNELS 0 }" * 20_000
        + " JOINT Spine1",
      )
    ),
    "has 1001 joints, expected at most 1000",
  ),
  "crowd_for_long.bvh": (
    lambda c, p: _bvh(
      lambda t: t.replace(
        " JOINT Spine1", " JOINT J { OFFSET 0 0 0 CHANNELS 0 }" * 900
        + " JOINT Spine1",
      ).replace("Frames: 40", "Frames: 4000")
    ),
    "frames x joints",
  ),
  "no_time.bvh": (lambda c, p: _bvh(step="0"), "Frame Time: SECONDS"),
  "fast.bvh": (lambda c, p: _bvh(step="0.00001"), "fps is 100000"),
  "no_legs.bvh": (
    lambda c, p: _bvh(lambda t: t.replace("-42", "0").replace("-41", "0")),
    "no two legs were found",
  ),
  "tiny.bvh": (
    lambda c, p: _bvh(
      lambda t: t.replace("-42", "-.0042").replace("-41", "-.0041")
    ),
    "what was taken for legs is something else",
  ),
  "lying.bvh": (
    lambda c, p: _bvh(
      lambda t: t.replace("-42 0", "-30 30").replace("-41 0", "-30 30")
    ),
    "give the vertical with --up",
  ),
  # AMASS.
  "no_zip.npz": (lambda c, p: b"PK but no zip", "not a readable .npz"),
  "cut.npz": (lambda c, p: _amass()[:-500], "not a readable .npz"),
  "huge.npz": (lambda c, p: _huge_array(), "not a readable .npz"),
  "objects.npz": (
    lambda c, p: _amass(poses=np.array([{}] * FRAMES, dtype=object)),
    "not a readable .npz of plain arrays",
  ),
  "no_trans.npz": (lambda c, p: _amass(("trans",)), "has no array 'trans'"),
  "wide.npz": (
    lambda c, p: _amass(poses=np.zeros((FRAMES, 100))), "(T, 156) of SMPL+H",
  ),
  "trans.npz": (lambda c, p: _amass(trans=np.zeros((3, 3))), "trans is (3, 3)"),
  "nan.npz": (
    lambda c, p: _amass(trans=np.full((FRAMES, 3), NAN)), "not finite",
  ),
  "no_rate.npz": (lambda c, p: _amass(("mocap_framerate",)), "no frame rate"),
  "rate.npz": (
    lambda c, p: _amass(mocap_framerate=np.array(0.0)), "fps is 0",
  ),
  "degrees.npz": (
    lambda c, p: _amass(poses=np.full((FRAMES, 156), 120.0)),
    "seem to be degrees",
  ),
  "complex.npz": (
    lambda c, p: _amass(poses=np.zeros((FRAMES, 156), complex)),
    "not finite numbers",
  ),
  "text.npz": (
    lambda c, p: _amass(trans=np.full((FRAMES, 3), "far")), "not finite num",
  ),
  "word_rate.npz": (
    lambda c, p: _amass(mocap_framerate=np.array("fast")), "is 'fast'",
  ),
  "nan_rate.npz": (
    lambda c, p: _amass(mocap_framerate=np.array(NAN)), "fps is nan",
  ),
  "far.npz": (
    lambda c, p: _amass(trans=np.full((FRAMES, 3), 1e300)), "at most 1e+07",
  ),
  "longest.npz": (
    lambda c, p: _amass(
      poses=np.zeros((20_000, 66), np.float32),
      trans=np.zeros((20_000, 3)),
      mocap_framerate=np.array(5),
    ),
    "lasts 4000 s, expected at most 3600",
  ),
  "y_up.npz": (
    lambda c, p: _amass(poses=np.zeros((FRAMES, 156))), "AMASS has z up",
  ),
  # GMR and AMP pickles.
  "empty.pkl": (lambda c, p: b"", "is empty"),
  "system.pkl": (lambda c, p: pickle.dumps(_Trap()), "nothing of it was run"),
  "hidden.pkl": (
    lambda c, p: _robot_pickle(c, link_body_list=[_Trap()]),
    "names 'posix.system'",
  ),
  "cut.pkl": (lambda c, p: _robot_pickle(c)[:-100], "not a readable pickle"),
  "list.pkl": (lambda c, p: pickle.dumps([1, 2]), "expected a dict"),
  "no_joints.pkl": (
    lambda c, p: _robot_pickle(c, ("dof_pos",)), "has no 'dof_pos'",
  ),
  "eight.pkl": (
    lambda c, p: _robot_pickle(c, dof_pos=c.joint_pos[:, :8]), "expected (",
  ),
  "none.pkl": (
    lambda c, p: _robot_pickle(
      c,
      root_pos=np.zeros((0, 3)),
      root_rot=np.zeros((0, 4)),
      dof_pos=np.zeros((0, 9)),
    ),
    "has 0 frames",
  ),
  "words.pkl": (
    lambda c, p: _robot_pickle(c, root_pos="far away"), "no array of numbers",
  ),
  "nan.pkl": (
    lambda c, p: _robot_pickle(c, dof_pos=_changed(c.joint_pos, c3=NAN)),
    "dof_pos has values that are not finite",
  ),
  "rate.pkl": (lambda c, p: _robot_pickle(c, fps=0), "fps is 0"),
  "huge_rate.pkl": (lambda c, p: _robot_pickle(c, fps=10**400), "no array of"),
  "complex.pkl": (
    lambda c, p: _robot_pickle(c, root_pos=c.root_pos + 1j), "complex128",
  ),
  "keys.pkl": (
    lambda c, p: pickle.dumps({10**5000: 1, "x" * 99_999: 2}),
    "too large to show",
  ),
  "rates.pkl": (lambda c, p: _robot_pickle(c, fps=[50, 60]), "one number"),
  "degrees.pkl": (
    lambda c, p: _robot_pickle(c, dof_pos=np.degrees(c.joint_pos)),
    "seem to be degrees",
  ),
  "permuted.pkl": (
    lambda c, p: _robot_pickle(c, dof_pos=np.roll(c.joint_pos, 1, axis=1)),
    "name it with --joint_order",
  ),
  "wxyz.pkl": (
    lambda c, p: _robot_pickle(c, root_rot=c.root_quat), "give --quat=wxyz",
  ),
  "y_up.pkl": (
    lambda c, p: _robot_pickle(c, root_pos=c.root_pos[:, [0, 2, 1]]),
    "y seems to be up",
  ),
  "centimetres.pkl": (
    lambda c, p: _robot_pickle(c, root_pos=100 * c.root_pos),
    "expected 0.15 to 1.0 m above the ground",
  ),
  "leaping.pkl": (
    lambda c, p: _robot_pickle(c, root_pos=c.root_pos * [50, 1, 1]),
    "fps or units are wrong",
  ),
  "long_quat.pkl": (
    lambda c, p: _robot_pickle(c, root_rot=2 * np.roll(c.root_quat, -1, 1)),
    "expected unit quaternions",
  ),
  "merged.pkl": (
    lambda c, p: pickle.dumps(
      {"features": np.zeros((5, 29)), "dof_pos": np.zeros((5, 9)), "fps": 50}
    ),
    "it is a merged dataset of features",
  ),
  "no_dofs.pkl": (
    lambda c, p: pickle.dumps({"features": np.zeros((5, 29))}),
    "not an AMP motion",
  ),
  # Clips.
  "other.npz": (
    lambda c, p: _clip(p, c, format=np.array("other/2")), "format is 'other/2'",
  ),
  "no_quat.npz": (lambda c, p: _clip(p, c, ("root_quat",)), "no array 'root_q"),
  "joints.npz": (
    lambda c, p: _clip(p, c, joint_names=PERMUTED), "joint_names are left_hip",
  ),
  "nan_clip.npz": (
    lambda c, p: _clip(p, c, root_pos=np.full_like(c.root_pos, NAN)),
    "not finite",
  ),
  "degrees_clip.npz": (
    lambda c, p: _clip(p, c, joint_pos=np.degrees(c.joint_pos)),
    "convert the joints from degrees",
  ),
  "xyzw_clip.npz": (
    lambda c, p: _clip(p, c, root_quat=np.roll(c.root_quat, -1, axis=1)),
    "it reads as xyzw, reorder it",
  ),
  "y_up_clip.npz": (
    lambda c, p: _clip(p, c, root_pos=c.root_pos[:, [0, 2, 1]]),
    "above the ground, z up",
  ),
  "rate_clip.npz": (lambda c, p: _clip(p, c, fps=np.array(-5.0)), "fps is -5"),
  "meta_clip.npz": (
    lambda c, p: _clip(p, c, meta=np.array("{broken")), "meta cannot be",
  ),
  "text_clip.npz": (
    lambda c, p: _clip(p, c, joint_pos=np.full((len(c.qpos), 9), "bent")),
    "joint_pos holds no numbers",
  ),
  # No motion at all.
  "walk.fbx": (lambda c, p: b"Kaydara", "no known format"),
}  # fmt: skip


def test_there_are_at_least_forty():
  assert len(FILES) >= 40


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_one_line_and_code_2(
  name, tmp_path, capsys, recorded_clip
):
  make, message = FILES[name]
  path = tmp_path / name
  path.write_bytes(make(recorded_clip, tmp_path / "scratch.npz"))
  output = tmp_path / "clips"
  assert cli.main(["import", str(path), "--output", str(output)]) == 2
  captured = capsys.readouterr()
  assert captured.err.count("\n") == 1
  assert captured.err.startswith("error: ")
  assert captured.err.rstrip("\n").isprintable()
  assert len(captured.err) < 700
  assert name in captured.err
  assert message in captured.err
  assert not output.exists()


def test_the_good_files_behind_the_bad_ones_are_read(tmp_path, recorded_clip):
  for name, content in {
    "a.txt": _deepmimic(),
    "a.bvh": _bvh(),
    "a.npz": _amass(),
    "a.pkl": _robot_pickle(recorded_clip),
    "b.npz": _clip(tmp_path / "scratch.npz", recorded_clip),
  }.items():
    path = tmp_path / name
    path.write_bytes(content)
    arguments = ["import", str(path), "--output", str(tmp_path), "--force"]
    assert cli.main(arguments) == 0


def test_a_missing_file_and_a_folder_are_one_line(tmp_path, capsys):
  for path in (tmp_path / "none.bvh", tmp_path):
    assert cli.main(["import", str(path), "--output", str(tmp_path)]) == 2
    message = "is a folder" if path is tmp_path else "no such file"
    assert message in capsys.readouterr().err


def test_escape_codes_in_names_are_spelt(tmp_path, capsys):
  for name in ("a\x1b[31m.bvh", "a\nb.txt", "\u202e.pkl"):
    (tmp_path / name).write_bytes(b"x")
    arguments = ["import", str(tmp_path / name), "--output", str(tmp_path)]
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.rstrip("\n").isprintable()


def test_pipes_and_devices_are_not_waited_for(tmp_path, capsys):
  for suffix in ("bvh", "txt", "npz", "pkl"):
    path = tmp_path / f"pipe.{suffix}"
    os.mkfifo(path)
    for command in ("import", "validate", "analyze"):
      output = ["--output", str(tmp_path)] if command == "import" else []
      assert cli.main([command, str(path), *output]) == 2
      assert "is a pipe" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["csv", "txt", "bvh", "npz", "pkl"])
def test_two_hundred_megabytes_of_numbers_are_one_line(
  tmp_path, capsys, suffix
):
  path = tmp_path / f"table.{suffix}"
  row = b"0.123456," * 9 + b"0.123456\n"
  with open(path, "wb") as file:
    for _ in range(200):
      file.write(row * (2**20 // len(row)))
  start = time.monotonic()
  before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  assert cli.main(["import", str(path), "--output", str(tmp_path)]) == 2
  assert time.monotonic() - start < 5
  grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
  assert grown < 2**18  # KiB: a quarter of a gigabyte
  assert capsys.readouterr().err.count("\n") == 1
