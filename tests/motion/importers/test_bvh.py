import numpy as np
import pytest

from wildrobot_playground.motion import axes, human
from wildrobot_playground.motion.importers import bvh, bvh_file

SKELETONS = {
  "cmu": ("Hips", "Spine1", "Neck1", "{}UpLeg {}Leg {}Foot {}ToeBase {}Arm"),
  "lafan1": ("Hips", "Spine2", "Neck", "{}UpLeg {}Leg {}Foot {}Toe {}Arm"),
  "bandai-namco": (
    "Hips",
    "Chest",
    "Neck",
    "UpperLeg_{} LowerLeg_{} Foot_{} Toes_{} UpperArm_{}",
  ),
}
HIP, KNEE, ANKLE = 0.1, 0.42, 0.41  # m
# Places of joints in their parents, y up, z forward, x left [m].
PLACES = {
  "hip": (HIP, -0.05, 0.0),
  "knee": (0.0, -KNEE, 0.0),
  "ankle": (0.0, -ANKLE, 0.0),
  "ball": (0.0, -0.06, 0.14),
}


def _names(skeleton):
  """Joints by role, as a maker calls them."""
  pelvis, chest, neck, limbs = SKELETONS[skeleton]
  names = {"pelvis": pelvis, "chest": chest, "neck": neck}
  for side in human.SIDES:
    called = side.title()[: 1 if "_" in limbs else None]
    roles = ("hip", "knee", "ankle", "ball", "arm")
    for role, form in zip(roles, limbs.split(), strict=True):
      names[f"{side}_{role}"] = form.format(called)
  return names


def _text(skeleton, frames, scale=100.0, knee=0.3, order="ZXY", arms=None):
  """A BVH file of someone who slides along z with bent knees."""
  names = _names(skeleton)
  channels = " ".join(f"{axis}rotation" for axis in order)

  def offset(x, y, z):
    return f"OFFSET {scale * x} {scale * y} {scale * z}"

  def joint(name, place, inner=""):
    end = inner or f"End Site {{ {offset(0, 0, 0.05)} }}"
    return f"JOINT {name} {{ {offset(*place)} CHANNELS 3 {channels} {end} }}\n"

  def leg(side, sign):
    x, y, z = PLACES["hip"]
    chain = joint(names[f"{side}_ball"], PLACES["ball"])
    chain = joint(names[f"{side}_ankle"], PLACES["ankle"], chain)
    chain = joint(names[f"{side}_knee"], PLACES["knee"], chain)
    return joint(names[f"{side}_hip"], (sign * x, y, z), chain)

  trunk = joint(names["neck"], (0, 0.25, 0))
  for side, sign in (("left", 1), ("right", -1)):
    hand = ""
    if arms:  # That hang, the fore arms forward.
      hand = joint(arms[f"{side}_wrist"], (0, 0, 0.2))
      hand = joint(arms[f"{side}_elbow"], (0, -0.25, 0), hand)
    trunk += joint(names[f"{side}_arm"], (sign * 0.2, 0.2, 0), hand)
  body = joint(names["chest"], (0, 0.25, 0), trunk)
  body += leg("left", 1) + leg("right", -1)
  root = f"Xposition Yposition Zposition {channels}"
  head = (
    f"HIERARCHY\nROOT {names['pelvis']} {{ {offset(0, 0, 0)}"
    f" CHANNELS 6 {root}\n{body}}}\n"
  )
  tree = bvh_file._Tree("test")
  tree.read(head.split()[1:])
  values = np.zeros((frames, len(tree.kinds)))
  values[:, 1] = scale * 0.95
  values[:, 2] = scale * 0.02 * np.arange(frames)
  for side in ("left", "right"):
    index = tree.names.index(names[f"{side}_knee"])
    column = tree.channels[index][order.index("X")]
    values[:, column] = np.degrees(knee)
  rows = "\n".join(" ".join(f"{v:.9f}" for v in row) for row in values)
  return f"{head}MOTION\nFrames: {frames}\nFrame Time: 0.02\n{rows}\n"


def _load(tmp_path, text, **told):
  path = tmp_path / "a.bvh"
  path.write_text(text)
  return bvh.load(path, **told)


@pytest.mark.parametrize("skeleton", ["cmu", "lafan1", "bandai-namco"])
def test_every_skeleton_gives_the_same_body(tmp_path, skeleton):
  motion = _load(tmp_path, _text(skeleton, 30))
  found = motion.source["skeleton"]
  assert found == {k: v for k, v in _names(skeleton).items() if k in found}
  assert (motion.source["up"], motion.source["forward"]) == ("+y", "+z")
  assert motion.fps == pytest.approx(50)
  hip, knee, ankle = (
    motion.points[f"left_{name}"] for name in ("hip", "knee", "ankle")
  )
  np.testing.assert_allclose(knee - hip, [[0, 0, -KNEE]] * 30, atol=1e-6)
  # A knee that bends by 0.3 rad brings the ankle back.
  shin = ANKLE * np.array([-np.sin(0.3), 0, -np.cos(0.3)])
  np.testing.assert_allclose(ankle - knee, [shin] * 30, atol=1e-6)
  apart = motion.points["left_hip"] - motion.points["right_hip"]
  np.testing.assert_allclose(apart, [[0, 2 * HIP, 0]] * 30, atol=1e-6)
  np.testing.assert_allclose(motion.advance, [0.02 * 29, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
  ("unit", "scale"),
  [("cm", 100.0), ("m", 1.0), ("mm", 1000.0), ("inch", 39.37), ("cmu", 17.717)],
)
def test_units_are_told_by_the_legs(tmp_path, unit, scale):
  motion = _load(tmp_path, _text("cmu", 10, scale))
  assert motion.source["unit"] == unit
  assert motion.leg_length == pytest.approx(KNEE + ANKLE, rel=1e-3)


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "YZX"])
def test_order_of_rotations_is_the_files(tmp_path, order):
  motion = _load(tmp_path, _text("cmu", 10, order=order))
  bend = motion.points["left_ankle"] - motion.points["left_knee"]
  np.testing.assert_allclose(bend[:, 0], -ANKLE * np.sin(0.3), atol=1e-6)


def test_rotations_multiply_in_the_order_of_their_channels():
  recording = bvh_file.Recording(
    names=("a", "b"),
    parents=(-1, 0),
    offsets=np.array([[0.0, 0, 0], [1.0, 0, 0]]),
    channels=((0, 1), ()),
    kinds=("Zrotation", "Xrotation"),
    values=np.array([[90.0, 90.0]]),
    fps=1.0,
  )
  places, mats = recording.forward_kinematics()
  np.testing.assert_allclose(places[0, 1], [0, 1, 0], atol=1e-12)
  # Rz(90) Rx(90): the child's y axis goes to z.
  np.testing.assert_allclose(mats[0, 1] @ [0, 1, 0], [0, 0, 1], atol=1e-12)


def test_a_rest_pose_in_front_is_dropped(tmp_path):
  text = _text("cmu", 30)
  lines = text.splitlines()
  first = next(i for i, line in enumerate(lines) if "Frame Time" in line) + 1
  values = lines[first].split()
  values[-2] = "60.0"
  lines[first] = " ".join(values)
  assert _load(tmp_path, "\n".join(lines)).source["rest_frames"] == 1
  assert _load(tmp_path, text).source["rest_frames"] == 0


@pytest.mark.parametrize("up", ["+x", "+y", "+z", "-x", "-y", "-z"])
def test_any_vertical_is_turned_up(up):
  mat = axes.to_z_up(up)
  axis = np.zeros(3)
  axis["xyz".index(up[1])] = 1.0 if up[0] == "+" else -1.0
  np.testing.assert_allclose(mat @ axis, [0, 0, 1], atol=1e-12)
  assert np.linalg.det(mat) == pytest.approx(1.0)
  assert axes.find_up(np.tile(0.8 * axis, (5, 1)), "test") == up


def test_legs_in_no_unit_are_as_long_as_an_adults():
  with pytest.raises(human.MotionError, match="legs are 0 units"):
    axes.find_unit(0.0, "test")
  assert axes.find_unit(1.2, "test", "m") == ("m", 1.0)
  name, metres = axes.find_unit(21.7, "test")
  assert (name, 21.7 * metres) == (axes.PERSON, pytest.approx(0.85))


def test_sole_of_a_standing_foot_is_level(tmp_path):
  motion = _load(tmp_path, _text("cmu", 30, knee=0.0))
  heel, toe = motion.points["left_heel"], motion.points["left_toe"]
  np.testing.assert_allclose(heel[:, 2], toe[:, 2], atol=1e-6)
  assert np.all(toe[:, 0] - heel[:, 0] > 0.2)


def test_cmu_recording_is_read(mocap):
  motion = bvh.load(mocap / "cmu_01_01_first600.bvh")
  source = motion.source
  assert source["skeleton"]["left_arm"] == "LeftArm"
  assert source["unit"] == "cmu"
  assert (source["up"], source["rest_frames"]) == ("+y", 1)
  assert motion.num_frames == 599
  assert 0.8 < motion.leg_length < 0.9
  soles = np.minimum(
    motion.points["left_toe"][:, 2], motion.points["right_toe"][:, 2]
  )
  # Somebody who jumps forward, and lands where he stood.
  assert motion.advance[0] > 1.0
  assert np.max(soles) > 0.1


@pytest.mark.parametrize(
  ("skeleton", "elbow", "wrist"),
  [
    ("cmu", "{}ForeArm", "{}Hand"),
    ("lafan1", "{}ForeArm", "{}Hand"),
    ("bandai-namco", "LowerArm_{}", "Hand_{}"),
  ],
)
def test_arms_are_followed_where_they_are_there(
  tmp_path, skeleton, elbow, wrist
):
  arms = {}
  for side in human.SIDES:
    title = side.title()
    called = title[0] if skeleton == "bandai-namco" else title
    arms[f"{side}_elbow"] = elbow.format(called)
    arms[f"{side}_wrist"] = wrist.format(called)
  motion = _load(tmp_path, _text(skeleton, 30, arms=arms))
  for side in human.SIDES:
    shoulder, joint, hand = (
      motion.points[f"{side}_{name}"] for name in human.ARM
    )
    np.testing.assert_allclose(
      joint - shoulder, [[0, 0, -0.25]] * 30, atol=1e-6
    )
    np.testing.assert_allclose(hand - joint, [[0.2, 0, 0]] * 30, atol=1e-6)
  without = _load(tmp_path, _text(skeleton, 30))
  assert "left_elbow" not in without.points
