"""Joints are found by tree and shape; names only where shape does not say."""

import numpy as np
import pytest

from tests.motion import rigs
from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import bvh, bvh_file, skeleton


def _file(tmp_path, name="mixamo", change=None):
  text = rigs.text(name)
  path = tmp_path / "walk.bvh"
  path.write_text(change(text) if change else text, encoding="utf-8")
  return path


@pytest.mark.parametrize("name", rigs.RIGS)
def test_every_joint_has_its_role(tmp_path, name):
  rig = rigs.RIGS[name]
  found = bvh.load(_file(tmp_path, name)).source["skeleton"]
  for role in ("pelvis", "chest"):
    assert found[role] == rig.names[role].rpartition(":")[2]
  roles = ("hip", "knee", "ankle", "arm", "elbow", "wrist")
  for side, called in zip(human.SIDES, rig.sides, strict=True):
    for role in roles + (("ball",) if rig.toes else ()):
      should = rig.names[role].format(called).rpartition(":")[2]
      assert found[f"{side}_{role}"] == should


def test_sides_that_are_called_wrongly_are_told(tmp_path):
  def swap(text):
    return (
      text.replace(":Left", ":*")
      .replace(":Right", ":Left")
      .replace(":*", ":Right")
    )

  motion = bvh.load(_file(tmp_path, change=swap))
  assert motion.source["skeleton"]["left_hip"] == "RightUpLeg"
  (doubt,) = motion.source["doubts"]
  assert "mirrored" in doubt


def test_a_told_joint_is_taken(tmp_path):
  told = {"chest": "Spine1", "neck": "Head"}
  motion = bvh.load(_file(tmp_path), joints=told)
  found = motion.source["skeleton"]
  assert {role: found[role] for role in told} == told


@pytest.mark.parametrize(
  ("told", "message"),
  [
    ({"tail": "Hips"}, "tail: is no joint of a person"),
    ({"neck": "Hals"}, "has no joint 'Hals' for neck; its joints are Hips"),
  ],
)
def test_what_cannot_be_told_is_one_line(tmp_path, told, message):
  with pytest.raises(human.MotionError, match=message):
    bvh.load(_file(tmp_path), joints=told)


def test_legs_may_all_be_told():
  """Of a tree in which none are found."""
  names = ["body", *(f"{s}{i}" for s in "ab" for i in range(3))]
  parents = [-1, 0, 1, 2, 0, 4, 5]
  places = np.zeros((4, 7, 3))
  for leg, side in ((1, 1.0), (4, -1.0)):
    for i in range(3):
      places[:, leg + i] = [0.0, 0.1 * side, -0.1 - i * (0.5 + 0.3 * side)]
  with pytest.raises(human.MotionError, match="no two legs"):
    skeleton.find(names, parents, places, "test")
  told = {
    f"{side}_{role}": f"{letter}{i}"
    for side, letter in (("left", "a"), ("right", "b"))
    for i, role in enumerate(skeleton.LEG)
  }
  found = skeleton.find(names, parents, places, "test", told)
  assert found.joints["pelvis"] == 0
  assert found.joints["right_ankle"] == 6


@pytest.mark.parametrize(
  ("name", "sides"),
  [
    ("LeftUpLeg", {"left"}),
    ("Bip01 R Thigh", {"right"}),
    ("thigh_l", {"left"}),
    ("Oberschenkel_rechts", {"right"}),
    ("左足", {"left"}),
    ("rightupleg", {"right"}),
    ("LHipJoint", {"left"}),
    ("bone_12", set()),
    ("Collar", set()),
  ],
)
def test_sides_are_read_from_names(name, sides):
  assert skeleton.sides_of(name) == sides


# What does no harm in a file.


def _motion_line(text, index, change):
  lines = text.splitlines()
  first = next(i for i, x in enumerate(lines) if x.startswith("Frame Time"))
  lines[first + 1 + index] = change(lines[first + 1 + index])
  return "\n".join(x for x in lines if x is not None) + "\n"


def _wrapped(line):
  words = line.split()
  return " ".join(words[:20]) + "\n" + " ".join(words[20:])


@pytest.mark.parametrize(
  ("change", "note"),
  [
    (lambda text: "\ufeff" + text, None),
    (lambda text: text.replace("\n", "\r\n"), None),
    (lambda text: text.replace("Zrotation", "ZROTATION").lower(), None),
    (lambda text: text.replace("{", " { ").replace("JOINT ", "JOINT\n"), None),
    (lambda text: text.replace("Frames: ", "FRAMES:\t"), None),
    (
      lambda text: _motion_line(text, 5, _wrapped),
      "frames go over several lines",
    ),
    (
      lambda text: _motion_line(text, 5, lambda line: None),
      "says it has 153 frames and has 152",
    ),
    (
      lambda text: _motion_line(text, 5, lambda line: f"{line}\n{line}"),
      "says it has 153 frames and has 154",
    ),
    (
      lambda text: text.rstrip().rpartition(" ")[0],
      "says it has 153 frames and has 152 and a part of one",
    ),
  ],
)
def test_forms_of_a_file_that_do_no_harm(tmp_path, change, note):
  plain = bvh.load(_file(tmp_path))
  motion = bvh.load(_file(tmp_path, change=change))
  doubts = motion.source["doubts"]
  assert (note is None and not doubts) or note in doubts
  assert abs(motion.num_frames - plain.num_frames) <= 1
  np.testing.assert_allclose(
    motion.points["left_knee"][:5], plain.points["left_knee"][:5], atol=5e-3
  )


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda line: line.replace(" ", "-", 1), r"line {}: could not"),
    (lambda line: f"{line} 1.0", r"line {}: frame 5 has \d+ numbers"),
  ],
)
def test_damaged_rows_are_refused_with_their_line(tmp_path, change, message):
  path = _file(tmp_path, change=lambda text: _motion_line(text, 5, change))
  lines = path.read_text().splitlines()
  number = next(i for i, x in enumerate(lines, 2) if "Frame Time" in x) + 5
  with pytest.raises(human.MotionError, match=message.format(number)):
    bvh.load(path)


def test_scales_are_left_out():
  text = (
    "HIERARCHY\nROOT a { OFFSET 0 0 0 CHANNELS 4 Xscale Xposition Yrotation"
    " Zscale JOINT b { OFFSET 1 0 0 CHANNELS 0 } }\nMOTION\nFrames: 1\n"
    "Frame Time: 0.1\n2 3 90 2\n"
  )
  places, _ = bvh_file.parse(text.encode(), "test").forward_kinematics()
  np.testing.assert_allclose(places[0], [[3, 0, 0], [3, 0, -1]], atol=1e-9)
