import pickle

import numpy as np
import pytest

from wildrobot_playground.motion import exporters, human, importers
from wildrobot_playground.motion.importers import amp_pkl, gmr, robot_motion
from wildrobot_playground.robots.wildrobot import WILDROBOT

# As the actuators of the original robot are listed.
LEGS_FIRST = (*WILDROBOT.joints[1:], WILDROBOT.joints[0])


def _amp(clip, **changes):
  """A file of the original project: columns by model, labels by legs."""
  velocity = np.zeros((clip.num_frames, 29))
  velocity[:, 18] = np.linspace(0, 1, clip.num_frames) > 0.3
  return {
    "features": velocity,
    "dof_pos": clip.joint_pos,
    "dof_vel": np.zeros_like(clip.joint_pos),
    "fps": 50.0,
    "joint_names": list(LEGS_FIRST),
    "root_pos": clip.root_pos,
    "root_rot": np.roll(clip.root_quat, -1, axis=1),
    "foot_contacts": np.zeros((clip.num_frames, 4)),
  } | changes


def _dump(path, content):
  path.write_bytes(pickle.dumps(content))
  return path


def test_an_exported_clip_comes_back_equal(tmp_path, recorded_clip, robot):
  path = tmp_path / "recorded.pkl"
  exporters.gmr(path, recorded_clip)
  again = importers.load(path, robot)
  assert again.name == "recorded"
  np.testing.assert_allclose(again.qpos, recorded_clip.qpos, atol=1e-9)
  np.testing.assert_array_equal(
    again.foot_contacts, recorded_clip.foot_contacts
  )
  assert again.command[0] == pytest.approx(recorded_clip.command[0], rel=0.02)


def test_joint_order_is_brought_to_the_robots(tmp_path, recorded_clip):
  names = LEGS_FIRST
  columns = [WILDROBOT.joints.index(name) for name in names]
  content = _amp(recorded_clip, dof_pos=recorded_clip.joint_pos[:, columns])
  path = _dump(tmp_path / "a.pkl", content)
  for order in ("legs_first", ",".join(names)):
    motion = gmr.load(path, WILDROBOT, joint_order=order)
    np.testing.assert_array_equal(motion.joint_pos, recorded_clip.joint_pos)


def test_other_frame_rates_become_fifty(tmp_path, recorded_clip, robot):
  content = _amp(recorded_clip)
  for key in ("dof_pos", "root_pos", "root_rot"):
    content[key] = content[key][::2]
  del content["features"]
  path = _dump(tmp_path / "a.pkl", content | {"fps": 25})
  clip = importers.load(path, robot)
  count = clip.num_frames
  np.testing.assert_allclose(
    clip.joint_pos, recorded_clip.joint_pos[:count], atol=0.03
  )


def test_a_floating_robot_is_put_on_the_ground(tmp_path, recorded_clip, robot):
  up = recorded_clip.root_pos + [0, 0, 0.05]
  path = _dump(tmp_path / "a.pkl", _amp(recorded_clip, root_pos=up))
  clip = importers.load(path, robot)
  np.testing.assert_allclose(
    clip.root_pos[:, 2], recorded_clip.root_pos[:, 2], atol=2e-3
  )
  assert clip.meta["repairs"]["raised_m"] == pytest.approx(-0.05, abs=2e-3)


def test_amp_motion_is_repaired(tmp_path, recorded_clip, robot):
  """Labels in the wrong order, contacts that nobody measured."""
  path = _dump(tmp_path / "a.pkl", _amp(recorded_clip))
  assert importers.detect(path) == "amp_pkl"
  clip = importers.load(path, robot)
  np.testing.assert_allclose(clip.qpos, recorded_clip.qpos, atol=1e-9)
  np.testing.assert_array_equal(clip.foot_contacts, recorded_clip.foot_contacts)
  assert clip.meta["source"]["joint_order"] == "model"


def test_amp_columns_follow_labels_that_are_right(
  tmp_path, recorded_clip, robot
):
  names = list(reversed(WILDROBOT.joints))
  content = _amp(
    recorded_clip,
    dof_pos=recorded_clip.joint_pos[:, ::-1],
    joint_names=names,
  )
  motion = amp_pkl.load(_dump(tmp_path / "a.pkl", content), robot)
  assert motion.source["joint_order"] == "joint_names"
  np.testing.assert_array_equal(motion.joint_pos, recorded_clip.joint_pos)


def test_robot_motion_may_be_placed_anew(tmp_path, recorded_clip, robot):
  """Sunken feet are placed on the ground again by the retargeter."""
  from wildrobot_playground.motion.quality import gates
  from wildrobot_playground.motion.retargeting import from_clip, recording

  options = from_clip.own_options(recorded_clip, robot)
  motion = from_clip.as_human(recorded_clip, robot)
  again = recording.follow(motion, "again", robot, None, options)
  assert gates.assess(again, robot).reasons == ()
  count = min(again.num_frames, recorded_clip.num_frames)
  error = (
    again.joint_pos[20 : count - 20] - recorded_clip.joint_pos[20 : count - 20]
  )
  assert np.sqrt(np.mean(error**2)) < 0.09


def test_limits_of_a_slightly_wider_joint_are_clipped(recorded_clip, robot):
  joints = recorded_clip.joint_pos.copy()
  joints[5, 3] = -0.03
  motion = robot_motion.RobotMotion(
    recorded_clip.root_pos,
    recorded_clip.root_quat,
    joints,
    50.0,
    {"file": "test"},
  )
  clip = robot_motion.to_clip(motion, "clip", robot)
  assert clip.joint_pos[5, 3] == 0.0
  beyond = clip.meta["repairs"]["largest_beyond_limit_rad"]
  assert beyond == pytest.approx(0.03)


def test_the_wrong_order_of_quaternions_is_told(tmp_path, recorded_clip, robot):
  """Read in the wrong order, an upright quaternion faces backwards."""
  content = _amp(recorded_clip)
  del content["features"]
  path = _dump(tmp_path / "a.pkl", content)
  wrong = importers.Conventions(quat="wxyz")
  with pytest.raises(human.MotionError, match="give --quat=xyzw"):
    importers.load(path, robot, conventions=wrong)


def test_quaternions_of_nearly_unit_length_are_made_unit(
  tmp_path, recorded_clip, robot
):
  content = _amp(recorded_clip)
  del content["features"]
  content["root_rot"] = 1.005 * content["root_rot"]
  clip = importers.load(_dump(tmp_path / "a.pkl", content), robot)
  norm = np.linalg.norm(clip.root_quat, axis=1)
  np.testing.assert_allclose(norm, 1.0, atol=1e-7)
