import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.system import npz


def _arrays(path):
  with np.load(path) as archive:
    return dict(archive)


def test_round_trip(tmp_path, human_clip):
  path = tmp_path / "human.npz"
  clip_lib.save(path, human_clip)
  loaded = clip_lib.load(path)
  np.testing.assert_array_equal(loaded.qpos, human_clip.qpos)
  np.testing.assert_array_equal(loaded.foot_contacts, human_clip.foot_contacts)
  assert loaded.name == human_clip.name
  assert loaded.meta == human_clip.meta
  clip_lib.save(tmp_path / "again.npz", loaded)
  assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_whole_numbers_become_numbers(tmp_path, human_clip):
  path = tmp_path / "clip.npz"
  clip_lib.save(path, human_clip)
  arrays = _arrays(path)
  arrays["joint_pos"] = np.zeros((54, 9), np.int8)
  arrays["root_pos"] = arrays["root_pos"].astype(np.float32)
  arrays["command"] = np.array([1, 0, 0])
  npz.write(path, arrays)
  loaded = clip_lib.load(path)
  before, now = loaded.previous_qpos()
  assert before.dtype == now.dtype == loaded.joint_pos.dtype == np.float64


def test_contacts_are_those_of_the_frames(human_clip, robot):
  contacts = robot.sole.contacts(human_clip.qpos)
  np.testing.assert_array_equal(contacts, human_clip.foot_contacts)


def test_frame_before_the_first_is_the_last_a_cycle_earlier(human_clip):
  before, now = human_clip.previous_qpos()
  assert len(now) == human_clip.num_frames
  step = before[0] - human_clip.qpos[-1]
  np.testing.assert_allclose(step[0], -human_clip.advance[0], atol=1e-12)
  np.testing.assert_array_equal(step[1:], 0)
  open_clip = dataclasses.replace(human_clip, cyclic=False)
  assert len(open_clip.previous_qpos()[0]) == human_clip.num_frames - 1


@pytest.mark.parametrize(
  ("name", "value", "message"),
  [
    ("format", np.array("other/1"), "format is 'other/1'"),
    ("joint_names", np.array(["a"] * 9), "joint_names are a"),
    ("contact_names", np.array(["a"] * 4), "contact_names are a"),
    ("root_quat", np.ones((4, 4)), "root_quat is"),
    ("joint_pos", np.full((54, 9), np.nan), "joint_pos has values"),
    ("foot_contacts", np.full((54, 4), 0.5), "must be 0 or 1"),
    ("foot_contacts", np.full((54, 4), 2.0), "expected 0 to 1"),
    ("fps", np.array(0.0), "fps is 0"),
    ("fps", np.array(-50.0), "fps is -50"),
    ("fps", np.array(1e9), "expected 5 to 1000"),
    ("fps", np.array(np.inf), "fps has values that are not finite"),
    ("fps", np.array(50 + 1j), "fps holds no numbers"),
    ("fps", np.array([50.0]), r"fps is \(1,\)"),
    ("root_quat", np.zeros((54, 4)), "is not a unit quaternion"),
    ("root_quat", np.full((54, 4), 9.0), "expected -1.001 to 1.001"),
    ("root_pos", np.full((54, 3), 1e300), r"1e\+300 .at \[0, 0\]"),
    ("command", np.full(3, np.nan), "command has values"),
    ("command", np.array([1e9, 0, 0]), "expected -10 to 10"),
    ("cyclic", np.array("no"), "cyclic holds no true or false"),
    ("joint_names", np.array("x" * 200_000), r"\(200000 characters\)"),
    ("meta", np.array("[" * 100_000), "nested too deeply"),
    ("meta", np.array("[]"), "meta is list, expected an object"),
    ("meta", np.array('{"tier": "golden"}'), "has tier golden"),
    ("meta", np.array('{"tier": []}'), "has tier"),
    ("meta", np.array('{"quality": {"over_torque": "all"}}'), "of numbers"),
    ("meta", np.array('{"ik_error": NaN}'), "has ik_error nan"),
    ("meta", np.array('{"source": "me"}'), "has source me"),
    ("meta", np.array('{"frame_error": [1]}'), "1 frame_error, expected one"),
    ("meta", np.array('{"frames": 3}'), "the first and the last frame"),
  ],
)
def test_load_refuses(tmp_path, human_clip, name, value, message):
  path = tmp_path / "clip.npz"
  clip_lib.save(path, human_clip)
  npz.write(path, _arrays(path) | {name: value})
  with pytest.raises(clip_lib.ClipError, match=message) as caught:
    clip_lib.load(path)
  assert str(caught.value).isprintable()
  assert len(str(caught.value)) < 1000


def test_load_refuses_what_is_no_clip(tmp_path):
  with pytest.raises(clip_lib.ClipError, match="no such file"):
    clip_lib.load(tmp_path / "none.npz")
  (tmp_path / "text.npz").write_text("hello")
  with pytest.raises(clip_lib.ClipError, match="not a readable"):
    clip_lib.load(tmp_path / "text.npz")
