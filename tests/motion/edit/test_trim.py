import dataclasses

import numpy as np
import pytest

from wildrobot_playground import features
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import build
from wildrobot_playground.motion.edit import trim
from wildrobot_playground.motion.importers import deepmimic
from wildrobot_playground.motion.quality import gates
from wildrobot_playground.motion.retargeting import recording
from wildrobot_playground.robots.wildrobot import WILDROBOT


def test_a_cut_keeps_the_features_of_its_frames(recorded_clip):
  piece = trim.cut(recorded_clip, 20, 60)
  assert piece.num_frames == 40
  whole = build.clip_features(recorded_clip, "raw")
  # Row t of an open clip is the step to its frame t + 1.
  np.testing.assert_allclose(
    build.clip_features(piece, "raw"), whole[20:59], atol=1e-6
  )


def test_a_cut_starts_at_the_origin_along_x(recorded_clip):
  piece = trim.cut(recorded_clip, 20, 60)
  np.testing.assert_allclose(piece.root_pos[0, :2], 0.0, atol=1e-12)
  assert features.heading(piece.root_quat[0]) == pytest.approx(0.0, abs=1e-9)


def test_a_cut_of_a_cut_counts_frames_of_the_first(recorded_clip):
  once = trim.cut(trim.cut(recorded_clip, 20, 60), 5, 25)
  assert once.meta["frames"] == [25, 44]
  direct = trim.cut(recorded_clip, 25, 45)
  np.testing.assert_allclose(once.qpos, direct.qpos, atol=1e-9)


def test_a_cut_commands_its_own_speed(recorded_clip):
  piece = trim.cut(recorded_clip, 20, 60)
  assert piece.command[0] == pytest.approx(
    gates.achieved_speed(piece), abs=1e-6
  )


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 6), (5, 2), (0, 9999)])
def test_refuses_ranges_outside(recorded_clip, start, end):
  with pytest.raises(clip_lib.ClipError, match="expected at least 2"):
    trim.cut(recorded_clip, start, end)


def test_good_pieces_leave_out_bad_frames(recorded_clip, robot):
  pos = recorded_clip.root_pos.copy()
  pos[100:110, 2] -= 0.02
  sunk = dataclasses.replace(recorded_clip, root_pos=pos)
  pieces = trim.good_pieces(sunk, robot)
  kept = np.concatenate([np.arange(*piece.meta["frames"]) for piece in pieces])
  assert not np.any((kept >= 100) & (kept < 110))
  assert len(kept) > 0.8 * (recorded_clip.num_frames - 10)
  for piece in pieces:
    assert gates.assess(piece, robot).reasons == ()


def test_pieces_of_a_turning_recording_pass(mocap, robot):
  motion = deepmimic.load(mocap / "humanoid3d_long_walk1.txt")
  clip = recording.follow(motion, "long", robot, 0.4)
  assert gates.assess(clip, robot).tier == "refused"
  pieces = trim.good_pieces(clip, robot)
  assert sum(piece.num_frames for piece in pieces) > 0.2 * clip.num_frames
  for piece in pieces:
    assert gates.assess(piece, robot).reasons == ()


def test_a_loop_that_is_shorter_than_a_piece_is_kept_whole(robot):
  walk = clip_lib.load(WILDROBOT.clips / "human_walk_0p60.npz", WILDROBOT)
  assert walk.cyclic
  longer = 2 * walk.num_frames / walk.fps
  (piece,) = trim.good_pieces(walk, robot, shortest=longer)
  assert piece is walk
