import json

import numpy as np
import pytest

from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import deepmimic


def _frame():
  identity = [1.0, 0.0, 0.0, 0.0]
  leg = [*identity, 0.0, *identity]
  arm = [*identity, 0.0]
  return [
    0.02, 0.0, 0.9, 0.0, *identity, *identity, *identity,
    *leg, *arm, *leg, *arm,
  ]  # fmt: skip


def _write(path, frames, **changes):
  path.write_text(json.dumps({"Loop": "wrap", "Frames": frames} | changes))
  return path


def test_standing_figure_is_upright_and_left_is_left(tmp_path):
  motion = deepmimic.load(_write(tmp_path / "a.txt", [_frame()] * 5))
  ankle = motion.points["left_ankle"][0]
  np.testing.assert_allclose(ankle, [0, 0.084887, 0.9 - 0.831416], atol=1e-9)
  assert motion.points["left_toe"][0, 0] > motion.points["left_heel"][0, 0]
  np.testing.assert_allclose(motion.pelvis_mat[0], np.eye(3), atol=1e-12)
  assert motion.fps == pytest.approx(50)


def test_bent_knee_moves_the_ankle_back(tmp_path):
  frame = _frame()
  frame[20] = -np.pi / 2  # right knee
  motion = deepmimic.load(_write(tmp_path / "a.txt", [frame] * 5))
  ankle, knee = (motion.points[f"right_{n}"][0] for n in ("ankle", "knee"))
  np.testing.assert_allclose(ankle - knee, [-0.40987, 0, 0], atol=1e-9)


def test_any_way_is_turned_to_x(tmp_path):
  frames = []
  for i in range(6):
    frames.append(_frame())
    frames[-1][3] = -0.1 * i  # To the left, as the file's z points right.
  motion = deepmimic.load(_write(tmp_path / "a.txt", frames))
  np.testing.assert_allclose(motion.advance, [0.5, 0, 0], atol=1e-9)
  np.testing.assert_allclose(motion.points["pelvis"][:, 1], 0, atol=1e-9)


@pytest.mark.parametrize(
  ("frames", "message"),
  [
    ([_frame()[:-1]] * 5, "expected at least 4 frames of 44"),
    ([_frame()] * 2, "expected at least 4 frames of 44"),
    ([[float("nan")] * 44] * 5, "not finite"),
    ([_frame(), [0.5, *_frame()[1:]]] * 3, "durations vary"),
  ],
)
def test_refuses(tmp_path, frames, message):
  path = _write(tmp_path / "a.txt", frames)
  with pytest.raises(human.MotionError, match=message):
    deepmimic.load(path)


def test_refuses_other_files(tmp_path):
  with pytest.raises(human.MotionError, match="no such file"):
    deepmimic.load(tmp_path / "none.txt")
  (tmp_path / "b.txt").write_text("HIERARCHY")
  with pytest.raises(human.MotionError, match="not a DeepMimic motion"):
    deepmimic.load(tmp_path / "b.txt")


def test_bent_elbow_brings_the_wrist_forward(tmp_path):
  frame = _frame()
  frame[29] = frame[43] = np.pi / 2
  motion = deepmimic.load(_write(tmp_path / "a.txt", [frame] * 5))
  for side, sign in (("left", 1), ("right", -1)):
    shoulder, elbow, wrist = (
      motion.points[f"{side}_{name}"][0] for name in human.ARM
    )
    assert sign * shoulder[1] > 0.1
    np.testing.assert_allclose(elbow - shoulder, [0, 0, -0.274788], atol=1e-9)
    np.testing.assert_allclose(wrist - elbow, [0.258947, 0, 0], atol=1e-9)


def test_a_file_without_turns_of_arms_has_none(tmp_path):
  frame = _frame()
  frame[25:29] = [0.0] * 4
  motion = deepmimic.load(_write(tmp_path / "a.txt", [frame] * 5))
  assert "right_elbow" not in motion.points
  assert "left_elbow" in motion.points
