"""Robot motions without names: by the number of their joints."""

import numpy as np
import pytest

from wildrobot_playground.motion import human, importers


def mjlab(clip, **changes):
  """Arrays as mjlab writes them: every body, the root first."""
  place = np.repeat(clip.root_pos[:, None], 4, axis=1).astype(np.float32)
  place[:, 1:] += 0.1
  turn = np.repeat(clip.root_quat[:, None], 4, axis=1).astype(np.float32)
  arrays = {
    "fps": np.array([50.0]),
    "joint_pos": clip.joint_pos.astype(np.float32),
    "joint_vel": np.zeros_like(clip.joint_pos, np.float32),
    "body_pos_w": place,
    "body_quat_w": turn,
  } | changes
  return {name: value for name, value in arrays.items() if value is not None}


def table(clip):
  """Rows in the manner of LAFAN1."""
  turn = np.roll(clip.root_quat, -1, axis=1)
  return np.hstack([clip.root_pos, turn, clip.joint_pos])


def test_mjlabs_motion_is_the_robots_own(tmp_path, recorded_clip, robot):
  path = tmp_path / "walk.npz"
  np.savez(path, **mjlab(recorded_clip))
  clip = importers.load(path, robot)
  assert clip.name == "walk"
  assert clip.meta["source"]["format"] == "mjlab"
  np.testing.assert_allclose(clip.joint_pos, recorded_clip.joint_pos, atol=1e-6)
  np.testing.assert_allclose(clip.root_pos, recorded_clip.root_pos, atol=2e-3)


@pytest.mark.parametrize("head", ["", "x,y,z,qx,qy,qz,qw,joints\n"])
def test_a_table_is_read_at_thirty_frames_a_second(
  tmp_path, recorded_clip, robot, head
):
  path = tmp_path / "walk.csv"
  rows = table(recorded_clip)
  lines = [",".join(f"{value:.6f}" for value in row) for row in rows]
  path.write_text(head + "\n".join(lines) + "\n")
  slow = importers.load(path, robot)
  assert slow.num_frames == pytest.approx(len(rows) * 5 / 3, abs=2)
  assert "30" in slow.meta["source"]["fps"]
  told = importers.Conventions(fps=50.0)
  clip = importers.load(path, robot, conventions=told)
  np.testing.assert_allclose(clip.joint_pos, recorded_clip.joint_pos, atol=1e-5)


def test_joints_and_quaternions_may_be_in_another_order(
  tmp_path, recorded_clip, robot
):
  names = robot.description.joints[::-1]
  path = tmp_path / "walk.npz"
  joints = recorded_clip.joint_pos[:, ::-1]
  np.savez(path, **mjlab(recorded_clip, joint_pos=joints))
  told = importers.Conventions(joint_order=",".join(names))
  clip = importers.load(path, robot, conventions=told)
  np.testing.assert_allclose(clip.joint_pos, recorded_clip.joint_pos, atol=1e-6)
  rows = table(recorded_clip)
  rows[:, 3:7] = recorded_clip.root_quat
  np.savetxt(tmp_path / "walk.csv", rows, delimiter=",")
  told = importers.Conventions(fps=50.0, quat="wxyz")
  clip = importers.load(tmp_path / "walk.csv", robot, conventions=told)
  np.testing.assert_allclose(clip.root_quat, recorded_clip.root_quat, atol=1e-6)
  told = importers.Conventions(quat="wyxz")
  with pytest.raises(human.MotionError, match="wyxz is unknown"):
    importers.load(tmp_path / "walk.csv", robot, conventions=told)


@pytest.mark.parametrize(
  ("changes", "said"),
  [
    ({"fps": None}, "does not say its fps"),
    ({"joint_pos": np.zeros((60, 29))}, "expected"),
    ({"body_quat_w": np.zeros((3, 4))}, "body_quat_w is"),
    ({"joint_pos": np.zeros(7)}, "beside joint_pos"),
  ],
)
def test_what_is_no_motion_costs_one_line(
  tmp_path, recorded_clip, robot, changes, said
):
  path = tmp_path / "walk.npz"
  np.savez(path, **mjlab(recorded_clip, **changes))
  with pytest.raises(human.MotionError, match=said) as error:
    importers.load(path, robot)
  assert "\n" not in str(error.value)


def test_another_robots_motion_says_whose_it_may_be(
  tmp_path, recorded_clip, robot
):
  frames = recorded_clip.num_frames
  path = tmp_path / "g1.npz"
  np.savez(path, **mjlab(recorded_clip, joint_pos=np.zeros((frames, 29))))
  with pytest.raises(human.MotionError, match=r"29 joints, wildrobot has 9"):
    importers.load(path, robot)
  rows = np.zeros((50, 36))
  rows[:, 2], rows[:, 6] = 0.8, 1.0
  np.savetxt(tmp_path / "g1.csv", rows, delimiter=",")
  with pytest.raises(human.MotionError, match=r"--robot \(g1 has 29\)"):
    importers.load(tmp_path / "g1.csv", robot)


@pytest.mark.parametrize(
  "text", ["a,b\n1,2\n", "1,2,3\n", "x\ny,z\n", "1,2\n3\n"]
)
def test_a_table_of_something_else_costs_one_line(tmp_path, robot, text):
  (tmp_path / "a.csv").write_text(text)
  with pytest.raises(human.MotionError) as error:
    importers.load(tmp_path / "a.csv", robot)
  assert "\n" not in str(error.value)
