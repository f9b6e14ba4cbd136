"""What is in reference/ is what the pipeline makes, and is good."""

import filecmp
import pathlib

import numpy as np
import pytest

from wildrobot_playground import features, robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import shipped
from wildrobot_playground.motion.quality import gates
from wildrobot_playground.robots import catalog
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.system import assets

CLIPS = sorted((assets.reference() / "clips").glob("*.npz"))


@pytest.fixture(scope="module")
def clips():
  return {path.stem: clip_lib.load(path) for path in CLIPS}


@pytest.fixture(scope="module")
def dataset(robot):
  return dataset_lib.load(
    WILDROBOT.dataset,
    velocity_mode="direction",
    dt=0.02,
    model_hash=robot.fingerprint,
  )


@pytest.mark.parametrize("name", [robot.name for robot in catalog.SHIPPED])
def test_rebuild_gives_the_same_bytes(name, tmp_path):
  """Of the clips; a dataset's means have the rounding of a processor's sums."""
  robot = catalog.find(name)
  shipped.write(output=tmp_path, robot=robots.of(robot))
  made = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.*"))
  assert len(made) == len(list(robot.clips.iterdir())) + 2
  different = [
    path
    for path in made
    if not filecmp.cmp(
      tmp_path / path, pathlib.Path(robot.reference) / path, shallow=False
    )
  ]
  dataset = robot.dataset.relative_to(robot.reference)
  assert set(different) <= {dataset}
  made_anew = np.load(tmp_path / dataset)
  for key, shipped_array in np.load(robot.dataset).items():
    if key in ("mean", "std"):
      np.testing.assert_allclose(made_anew[key], shipped_array, atol=1e-12)
    else:
      np.testing.assert_array_equal(made_anew[key], shipped_array)


@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.stem)
def test_clip_earns_the_tier_that_it_declares(path, robot):
  clip = clip_lib.load(path)
  report = gates.assess(clip, robot)
  assert report.reasons == ()
  assert report.tier == clip.meta["tier"]
  assert report.metrics == pytest.approx(clip.meta["quality"], rel=1e-3)


def test_joint_limits_are_never_violated(clips, robot):
  for clip in clips.values():
    assert np.all(clip.joint_pos >= robot.limits[0] - 1e-6)
    assert np.all(clip.joint_pos <= robot.limits[1] + 1e-6)


def test_swinging_feet_are_lifted(clips):
  for clip in clips.values():
    assert clip.meta["quality"]["swing_clearance"] > 0.015


def test_rows_are_the_features_of_the_frames(dataset, clips):
  for i, name in enumerate(dataset.clip_names):
    clip = clips[name]
    qpos = clip.qpos
    for t in range(1, clip.num_frames):
      expected = features.amp_features(
        qpos[t - 1], qpos[t], clip.foot_contacts[t].astype(float), 0.02
      )
      np.testing.assert_allclose(dataset.clip(i)[t], expected, atol=1e-6)


def test_first_row_of_a_cycle_continues_its_last(dataset):
  """The seam's joint velocity is between those before and after it."""
  for i in range(dataset.num_clips):
    velocity = dataset.clip(i)[:, features.WILDROBOT.joint_vel]
    middle = (velocity[-1] + velocity[1]) / 2
    assert np.max(np.abs(velocity[0] - middle)) < 2.5
    # A step back to the cycle's start would point backwards.
    assert dataset.clip(i)[0, features.WILDROBOT.root_linvel][0] > 0.5


def test_every_speed_weighs_the_same_within_its_kind(dataset):
  shares = {}
  for i, name in enumerate(dataset.clip_names):
    start, end = dataset.clip_offsets[i : i + 2]
    key = name.split("_")[0], float(dataset.clip_speeds[i])
    weight = np.sum(dataset.weights[start:end])
    shares[key] = shares.get(key, 0.0) + weight
  for kind, share in (("human", 0.8), ("generated", 0.2)):
    parts = [weight for (k, _), weight in shares.items() if k == kind]
    np.testing.assert_allclose(parts, share / len(parts), rtol=1e-9)


def test_standing_is_not_in_the_dataset(dataset):
  assert np.min(dataset.clip_speeds) > 0.05


def test_source_is_recorded_with_its_licence(clips):
  source = assets.reference() / shipped.SOURCE
  for name, clip in clips.items():
    if name.startswith("human"):
      recorded = clip.meta["source"]
      assert recorded["file"] == source.name
      assert "MIT" in recorded["licence"]
  for notice in ("LICENSE.DeepMimic.txt", "LICENSE.bullet.txt"):
    assert (source.parent / notice).is_file()


def test_a_walk_that_is_left_out_is_told(robot, monkeypatch, capsys):
  monkeypatch.setattr(shipped, "HUMAN_SPEEDS", (0.3,))
  monkeypatch.setattr(shipped, "GENERATED_SPEEDS", (0.2,))
  monkeypatch.setitem(gates.GATES, "joint_speed", (3.5, 3.0))  # rad/s
  clips = shipped.make_clips(assets.reference() / shipped.SOURCE, robot)
  assert [clip.name for clip in clips] == [
    "generated_walk_0p20",
    "generated_walk_0p20_mirrored",
  ]
  said = capsys.readouterr().err
  assert said.startswith("note: human_walk_0p30 is left out: joint_speed is 3.")
  assert said.count("\n") == 1
