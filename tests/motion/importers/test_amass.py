import numpy as np
import pytest

from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import amass
from wildrobot_playground.motion.retargeting import from_clip, recording
from wildrobot_playground.robots import rotations

FRAMES, FPS = 120, 60.0
# Joints of the SMPL body.
LEFT, RIGHT = (1, 4, 7), (2, 5, 8)


def _angles():
  """Hip, knee and ankle angles (T, 3) of a swinging leg [rad]."""
  wave = 2 * np.pi * np.arange(FRAMES) / FPS
  return np.stack(
    [0.4 * np.sin(wave), 0.5 - 0.3 * np.cos(wave), 0.1 * np.sin(wave)], axis=-1
  )


def _axis_angle(mat):
  """Vectors (..., 3) of rotation matrices that turn by less than pi."""
  cos = (np.trace(mat, axis1=-2, axis2=-1) - 1) / 2
  angle = np.arccos(np.clip(cos, -1, 1))
  axis = np.stack(
    [
      mat[..., 2, 1] - mat[..., 1, 2],
      mat[..., 0, 2] - mat[..., 2, 0],
      mat[..., 1, 0] - mat[..., 0, 1],
    ],
    axis=-1,
  )
  return axis / (2 * np.sinc(angle / np.pi))[..., None]


def _poses(angles, width=156):
  """SMPL poses of legs that flex and extend; the body faces x, z is up."""
  poses = np.zeros((len(angles), width))
  poses[:, :3] = _axis_angle(amass.BODY_AXES.T)
  for hip, knee, ankle in (LEFT, RIGHT):
    # About the body's left, which is its x: a positive turn extends a hip.
    poses[:, 3 * hip] = -angles[:, 0]
    poses[:, 3 * knee] = angles[:, 1]
    poses[:, 3 * ankle] = angles[:, 2]
  return poses


def _write(path, **changes):
  time = np.arange(FRAMES) / FPS
  arrays = {
    "poses": _poses(_angles()),
    "trans": np.stack([time, 0 * time, 0.9 + 0 * time], axis=-1),
    "betas": np.zeros(16),
    "gender": np.array("neutral"),
    "mocap_framerate": np.array(FPS),
  } | changes
  np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
  return path


@pytest.mark.parametrize("width", [156, 165])
def test_a_known_joint_trajectory_comes_back(tmp_path, width):
  """The flexions that went in, measured between the limbs that come out."""
  angles = _angles()
  path = _write(tmp_path / "a.npz", poses=_poses(angles, width))
  motion = amass.load(path)
  for side in human.SIDES:
    hip, knee, ankle, heel, toe = (
      motion.points[f"{side}_{name}"]
      for name in ("hip", "knee", "ankle", "heel", "toe")
    )
    thigh, shin, sole = knee - hip, ankle - knee, toe - heel
    flexion = np.arctan2(thigh[:, 0], -thigh[:, 2])
    np.testing.assert_allclose(flexion, angles[:, 0], atol=1e-9)
    bend = flexion - np.arctan2(shin[:, 0], -shin[:, 2])
    np.testing.assert_allclose(bend, angles[:, 1], atol=1e-9)
    pitch = np.arctan2(-sole[:, 2], sole[:, 0]) + flexion - bend
    np.testing.assert_allclose(pitch, angles[:, 2], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(thigh, axis=1), amass.THIGH)
    np.testing.assert_allclose(np.linalg.norm(shin, axis=1), amass.SHIN)
  way = motion.points["pelvis"][:, 0]
  np.testing.assert_allclose(np.diff(way) * FPS, 1.0, atol=1e-9)
  np.testing.assert_allclose(
    motion.pelvis_mat, np.tile(np.eye(3), (FRAMES, 1, 1)), atol=1e-9
  )


def test_a_walk_of_the_robot_comes_back_as_that_walk(
  tmp_path, robot, recorded_clip
):
  """A human who moves as the robot did is retargeted to what it did."""
  qpos = recorded_clip.qpos
  size = robot.leg_length / (amass.THIGH + amass.SHIN)
  poses = np.zeros((len(qpos), 156))
  to_body = amass.BODY_AXES
  root = rotations.quat_to_mat(qpos[:, 3:7])
  poses[:, :3] = _axis_angle(root @ to_body.T)
  for side, joints in (("left", LEFT), ("right", RIGHT)):
    pitch, roll, knee, ankle = qpos[:, 7:][:, robot.legs[side].columns].T
    sign = robot.legs[side].hip_flexion_sign
    turns = (
      rotations.about("y", -sign * pitch) @ rotations.about("x", -roll),
      rotations.about("y", knee),
      rotations.about("y", ankle),
    )
    for joint, turn in zip(joints, turns, strict=True):
      poses[:, 3 * joint : 3 * joint + 3] = _axis_angle(
        to_body @ turn @ to_body.T
      )
  path = tmp_path / "robot.npz"
  _write(
    path,
    poses=poses,
    trans=qpos[:, :3] / size,
    mocap_framerate=np.array(50.0 * np.sqrt(size)),
  )
  options = from_clip.own_options(recorded_clip, robot)
  again = recording.follow(amass.load(path), "again", robot, None, options)
  count = min(again.num_frames, recorded_clip.num_frames)
  middle = slice(20, count - 20)
  error = again.joint_pos[middle] - recorded_clip.joint_pos[middle]
  assert np.sqrt(np.mean(error**2)) < 0.08
  assert again.command[0] == pytest.approx(recorded_clip.command[0], rel=0.02)


def test_both_names_of_the_frame_rate(tmp_path):
  for name in ("mocap_framerate", "mocap_frame_rate"):
    path = _write(
      tmp_path / "a.npz", **({"mocap_framerate": None} | {name: np.array(77.0)})
    )
    assert amass.load(path).fps == 77.0
  path = _write(tmp_path / "a.npz", mocap_framerate=None)
  assert amass.load(path, fps=33.0).fps == 33.0


def test_soles_are_on_the_ground(tmp_path):
  motion = amass.load(_write(tmp_path / "a.npz"))
  soles = np.minimum(
    motion.points["left_toe"][:, 2], motion.points["left_heel"][:, 2]
  )
  assert np.percentile(soles, 5) == pytest.approx(0.0, abs=1e-9)


def test_y_up_is_read_when_asked_for(tmp_path):
  to_y_up = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
  poses = _poses(_angles())
  poses[:, :3] = _axis_angle(to_y_up @ amass.BODY_AXES.T)
  time = np.arange(FRAMES) / FPS
  trans = np.stack([time, 0.9 + 0 * time, 0 * time], axis=-1)
  path = _write(tmp_path / "a.npz", poses=poses, trans=trans)
  with pytest.raises(human.MotionError, match="give --up=y"):
    amass.load(path)
  turned = amass.load(path, up="y")
  straight = amass.load(_write(tmp_path / "b.npz"))
  for name, point in straight.points.items():
    np.testing.assert_allclose(turned.points[name], point, atol=1e-9)


def test_what_was_found_is_said(tmp_path):
  source = amass.load(_write(tmp_path / "a.npz")).source
  assert source["layout"] == "SMPL+H"
  assert (source["up"], source["forward"]) == ("+z", "+x")
  assert "not to be passed on" in source["licence"]


def test_arms_held_out_at_rest_hang_when_they_are_turned_down(tmp_path):
  poses = _poses(_angles())
  # About the body's front, which is its z; elbows about its left.
  poses[:, 3 * 16 + 2], poses[:, 3 * 17 + 2] = -np.pi / 2, np.pi / 2
  # An elbow's axes hang with the upper arm: its y points out or in.
  poses[:, 3 * 18 + 1], poses[:, 3 * 19 + 1] = -0.5, 0.5
  motion = amass.load(_write(tmp_path / "a.npz", poses=poses))
  for side, sign in (("left", 1), ("right", -1)):
    shoulder, elbow, wrist = (
      motion.points[f"{side}_{name}"] for name in human.ARM
    )
    upper, fore = elbow - shoulder, wrist - elbow
    assert np.all(sign * (shoulder - motion.points["pelvis"])[:, 1] > 0.1)
    length = np.linalg.norm(upper, axis=1)
    np.testing.assert_allclose(upper[:, 2], -length, atol=1e-6)
    np.testing.assert_allclose(
      np.arctan2(fore[:, 0], -fore[:, 2]), 0.5, atol=1e-6
    )
