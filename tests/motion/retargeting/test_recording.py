import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion import human
from wildrobot_playground.motion.datasets import shipped
from wildrobot_playground.motion.importers import deepmimic
from wildrobot_playground.motion.quality import collision, gates
from wildrobot_playground.motion.retargeting import recording as follow
from wildrobot_playground.motion.retargeting import unroll

WALKS = (
  "humanoid3d_walk.txt",
  "0walk_forward.txt",
  "humanoid3d_zombie_walk.txt",
)


def test_a_recording_passes_the_kinematic_gate(recorded_clip, robot):
  report = gates.assess(recorded_clip, robot)
  assert report.reasons == ()
  assert report.metrics["ik_error"] < 1e-3
  assert report.metrics["penetration"] < 1e-3
  assert np.min(collision.leg_gap(recorded_clip.qpos, robot)) > 0.02


@pytest.mark.parametrize("speed", [0.1, 0.3, 0.6])
def test_a_cycle_closes_and_keeps_its_speed(human_walk, robot, speed):
  clip = follow.follow(human_walk, "cycle", robot, speed)
  assert clip.cyclic
  assert clip.num_frames % 2 == 0
  report = gates.assess(clip, robot)
  assert report.reasons == ()
  assert report.metrics["seam"] < 0.01
  assert clip.command[0] == pytest.approx(speed, rel=0.02)


def test_cadence_grows_with_the_speed(human_walk, robot):
  slow, fast = (
    follow.follow(human_walk, "cycle", robot, speed).num_frames
    for speed in (0.2, 0.4)
  )
  exponent = follow.Options().cadence_exponent
  assert slow / fast == pytest.approx(2**exponent, rel=0.05)


def test_standing_feet_hardly_slide(recorded_clip, robot):
  metrics = gates.measure(recorded_clip, robot)
  assert metrics["stance_slide_mean"] < 0.02


def test_speed_by_default_is_the_natural_one_below_the_fastest(
  human_walk, robot
):
  natural = follow.natural_speed(human_walk, robot)
  scale = np.sqrt(robot.leg_length / human_walk.leg_length)
  assert natural == pytest.approx(0.98 * scale, rel=0.02)
  clip = follow.follow(human_walk, "natural", robot)
  assert clip.command[0] == pytest.approx(follow.FASTEST, rel=0.02)


def test_joint_limits_and_joint_speed_are_hard(human_walk, robot):
  options = follow.Options(max_joint_speed=3.0)
  clip = follow.follow(human_walk, "far", robot, 1.2, options)
  assert np.all(clip.joint_pos >= robot.limits[0] - 1e-6)
  assert np.all(clip.joint_pos <= robot.limits[1] + 1e-6)
  speed = np.abs(np.diff(clip.joint_pos, axis=0)) * clip.fps
  assert np.max(speed) <= 3.0 + 2e-4
  assert clip.meta["ik_error"] > 0.005


def test_error_of_every_frame_is_reported(recorded_clip):
  error = recorded_clip.meta["frame_error"]
  assert len(error) == recorded_clip.num_frames
  assert max(error) / 1e3 == pytest.approx(
    recorded_clip.meta["ik_error"], abs=1e-5
  )


def test_the_same_recording_gives_the_same_clip(recording, robot):
  first, second = (
    follow.follow(recording, "same", robot, 0.4) for _ in range(2)
  )
  np.testing.assert_array_equal(first.qpos, second.qpos)
  assert first.meta == second.meta


def test_where_a_recording_starts_and_heads_does_not_matter(recording, robot):
  turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
  turned = dataclasses.replace(
    recording,
    points={
      name: point @ turn.T + [5.0, -3.0, 0.0]
      for name, point in recording.points.items()
    },
    pelvis_mat=turn @ recording.pelvis_mat,
    chest_mat=turn @ recording.chest_mat,
  )
  clips = [
    follow.follow(motion, "clip", robot, 0.3) for motion in (recording, turned)
  ]
  np.testing.assert_allclose(clips[0].qpos, clips[1].qpos, atol=1e-5)


@pytest.mark.parametrize("speed", [0.0, -0.3, float("nan")])
def test_refuses_speeds_that_are_no_walk(human_walk, robot, speed):
  with pytest.raises(human.MotionError, match="expected a positive speed"):
    follow.follow(human_walk, "clip", robot, speed)


def test_refuses_to_speed_up_somebody_who_stands(recording, robot):
  still = dataclasses.replace(
    recording,
    points={k: np.tile(v[:1], (60, 1)) for k, v in recording.points.items()},
    pelvis_mat=recording.pelvis_mat[:60],
    chest_mat=recording.chest_mat[:60],
  )
  with pytest.raises(human.MotionError, match="goes nowhere"):
    follow.follow(still, "clip", robot, 0.3)
  clip = follow.follow(still, "clip", robot)
  assert np.ptp(clip.root_pos[:, 0]) < 1e-3


def test_refuses_a_walk_so_slow_that_it_lasts_more_than_an_hour(
  human_walk, robot, monkeypatch
):
  monkeypatch.setattr(unroll, "unroll", None)  # Nothing is made.
  options = follow.Options(cadence_exponent=2.0)
  with pytest.raises(human.MotionError, match=r"5 cycles .* at most 3600 s"):
    follow.follow(human_walk, "slow", robot, 0.0101, options)


@pytest.mark.parametrize("name", WALKS)
def test_walks_pass_the_kinematic_gate(mocap, robot, name):
  clip = follow.follow(deepmimic.load(mocap / name), name, robot)
  assert gates.assess(clip, robot).reasons == ()


def test_a_run_is_refused(mocap, robot):
  motion = deepmimic.load(mocap / "humanoid3d_run.txt")
  clip, report = shipped.assessed(follow.follow(motion, "run", robot), robot)
  assert clip.meta["tier"] == "refused"
  assert any("airborne" in reason for reason in report.reasons)


@pytest.mark.parametrize("speed", [0.3, 0.6])
def test_a_long_recording_walked_straight_passes(mocap, robot, speed):
  motion = deepmimic.load(mocap / "humanoid3d_long_walk1.txt")
  options = follow.Options(turning=0.0)
  clip = follow.follow(motion, "long", robot, speed, options)
  assert clip.num_frames > 1000
  assert gates.assess(clip, robot).reasons == ()
