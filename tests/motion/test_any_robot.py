"""Reference motion for a robot that nobody has planned for."""

import dataclasses
import pathlib

import numpy as np
import pytest

from tests.motion import command as cli
from tests.robots import biped as biped_lib
from wildrobot_playground import robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import walk_generator, walk_options
from wildrobot_playground.motion.datasets import build, shipped
from wildrobot_playground.motion.edit import (
  mirror,
  play_physics,
  resample,
  retime,
)
from wildrobot_playground.motion.quality import collision, gates
from wildrobot_playground.motion.retargeting import recording
from wildrobot_playground.system import assets

CLIP = str(assets.reference() / "clips" / "generated_walk_0p20.npz")
SPEEDS = (0.0, 0.4, 0.8)  # m/s


@pytest.fixture(scope="module")
def walks(biped):
  return [
    walk_generator.generate(speed, f"generated_walk_{speed:g}", biped)
    for speed in SPEEDS
  ]


def _sole_turns(clip, robot):
  """(T, 2) rise [rad] of every sole's edges, along and across."""
  corners = robot.sole.corners(clip.qpos)[:, :, :4, 2]
  return np.ptp(corners, axis=-1) / 0.09


def test_generated_walks_pass_their_gates(walks, biped):
  for clip in walks:
    report = gates.assess(clip, biped)
    assert report.tier == "feasible"
    assert report.metrics["ik_error"] < 1e-3
    assert report.metrics["penetration"] < 1e-3
    assert np.min(collision.leg_gap(clip.qpos, biped)) > 0.02


def test_an_ankle_that_rolls_keeps_soles_flat(walks, biped):
  for clip in walks:
    assert np.max(_sole_turns(clip, biped)) < np.radians(1)


def test_swinging_soles_clear_the_ground_as_high_as_the_legs_are_long(
  walks, biped
):
  metrics = gates.measure(walks[1], biped)
  assert 0.03 < metrics["swing_clearance"] < 0.06


def test_a_human_walk_is_retargeted_to_it(human_walk, biped):
  clip = recording.follow(human_walk, "human", biped, 0.5)
  report = gates.assess(clip, biped)
  assert report.tier == "feasible"
  assert report.metrics["ik_error"] < 1e-3
  assert report.metrics["achieved_speed"] == pytest.approx(0.5, rel=0.01)


def test_a_dataset_has_its_own_layout(walks, biped):
  images = [mirror.mirror(clip, biped) for clip in walks]
  dataset = build.build([*walks, *images])
  contacts = len(biped.description.contacts)
  assert dataset.features.shape[1] == 2 * 12 + 7 + contacts == 33
  assert dataset.layout.joints == biped.description.joints
  assert dataset.layout.contacts == biped.description.contact_names
  np.testing.assert_allclose(
    dataset.clip(0)[:, dataset.layout.joint_pos],
    walks[1].joint_pos,
    atol=1e-6,
  )


def test_mirrored_walks_put_the_mirrored_soles(walks, biped):
  clip = walks[1]
  image = mirror.mirror(clip, biped)
  soles, images = (
    biped.sole.corners(c.qpos).mean(axis=2) for c in (clip, image)
  )
  np.testing.assert_allclose(
    images, soles[:, biped.mirror.contacts] * [1, -1, 1], atol=5e-6
  )
  twice = mirror.mirror(image, biped)
  np.testing.assert_array_equal(twice.qpos, clip.qpos)


def test_walks_are_retimed_resampled_and_played(walks, biped):
  clip = walks[1]
  faster = retime.froude(clip, 0.45, biped)
  assert gates.achieved_speed(faster) == pytest.approx(0.45, rel=0.02)
  assert gates.assess(faster, biped).tier != "refused"
  again = resample.resample(resample.resample(clip, 100.0, biped), 50.0, biped)
  np.testing.assert_allclose(again.qpos, clip.qpos, atol=1e-3)
  metrics = play_physics.realize(clip, biped).metrics
  assert metrics["survived"] == 1.0
  assert metrics["tracking_rms"] < 0.1


def test_speeds_go_with_the_root_of_leg_length(robot, biped):
  assert shipped.speeds(robot, (0.1, 0.6)) == [0.1, 0.6]
  assert shipped.speeds(biped, (0.1, 0.6)) == [0.1, 0.8]
  assert walk_options.max_speed(robot) == 0.6
  assert walk_options.max_speed(biped) == pytest.approx(0.6 * 1.41, rel=0.01)


def test_options_of_wildrobot_are_the_defaults(robot):
  assert walk_options.scaled(robot) == walk_options.Options()
  assert recording.scaled(robot) == recording.Options()


def test_a_clip_of_another_robot_is_refused_by_name(tmp_path, walks, biped):
  path = tmp_path / "walk.npz"
  clip_lib.save(path, walks[0])
  loaded = clip_lib.load(path, biped.description)
  assert loaded.joint_names == biped.description.joints
  with pytest.raises(clip_lib.ClipError, match=r"joint_names are left_hip_yaw"):
    clip_lib.load(path, robots.WILDROBOT)
  other = dataclasses.replace(walks[0], contact_names=("left_a", "right_a"))
  clip_lib.save(path, other)
  with pytest.raises(clip_lib.ClipError, match=r"contact_names are left_a"):
    clip_lib.load(path, biped.description)


def test_clips_of_two_robots_make_no_dataset(walks, generated_clip):
  with pytest.raises(dataset_lib.DatasetError, match="different joints"):
    build.build([walks[1], generated_clip])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  return str(biped_lib.write(tmp_path_factory.mktemp("robots") / "strider"))


def test_its_reference_is_written_with_one_command(folder, tmp_path):
  out = tmp_path / "reference"
  assert cli.main(["default", "--robot", folder, "--output", str(out)]) == 0
  dataset = dataset_lib.load(out / "strider_walk.npz")
  assert dataset.layout.joints[0] == "left_hip_yaw"
  names = {path.stem for path in (out / "clips").glob("*.npz")}
  assert {"human_walk_0p40", "generated_walk_0p00_mirrored"} <= names
  again = ["validate", "--robot", folder, str(out / "strider_walk.npz")]
  assert cli.main([*again, str(out / "clips" / "human_walk_0p40.npz")]) == 0


def test_every_subcommand_takes_a_robot(folder, tmp_path, capsys):
  made = str(tmp_path / "made")
  robot = ["--robot", folder]
  run = ["generate", *robot, "--speed", "0.3", "--output", made]
  assert cli.main(run) == 0
  clip = f"{made}/generated_walk_0p30.npz"
  out = str(tmp_path / "out")
  for command in (
    ["mirror", clip, "--output", out],
    ["trim", clip, "--start", "0", "--end", "0.8", "--output", out, "--force"],
    ["scale", clip, "--speed", "0.4", "--output", out],
    ["build", clip, "--output", f"{out}/data.npz"],
    ["analyze", clip],
    ["plot", clip, "--output", f"{out}/curves.png"],
    ["export", clip, "--output", out],
    ["realize", clip],
  ):
    assert cli.main([command[0], *robot, *command[1:]]) == 0, command
  assert pathlib.Path(out, "curves.png").stat().st_size > 10_000
  capsys.readouterr()
  assert cli.main(["mirror", *robot, CLIP, "--output", out]) == 2
  error = capsys.readouterr().err
  assert "joint_names are waist_yaw" in error
  assert error.count("\n") == 1
  assert cli.main(["mirror", "--robot=wildrobt", CLIP, "--output", out]) == 2
  assert "wildrobot" in capsys.readouterr().err
