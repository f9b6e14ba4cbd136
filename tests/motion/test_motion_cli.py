import dataclasses
import json
import pathlib
import pickle
import subprocess
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tests.motion import command as cli
from wildrobot_playground import robots
from wildrobot_playground.config import typed_flags
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import (
  human,
  subcommands,
  walk_generator,
  walk_options,
)
from wildrobot_playground.motion.datasets import shipped
from wildrobot_playground.motion.retargeting import recording
from wildrobot_playground.motion.subcommands import common
from wildrobot_playground.system import assets, commands, errors

CLIP = str(assets.reference() / "clips" / "human_walk_0p30.npz")
WALK = str(assets.reference() / shipped.SOURCE)


def test_pipeline_needs_no_jax():
  code = (
    "import sys, wildrobot_playground.motion.subcommands;"
    "sys.exit(any(m in sys.modules for m in ('jax', 'brax', 'flax')))"
  )
  subprocess.run([sys.executable, "-c", code], check=True)


def test_generate_mirror_build_validate(tmp_path, capsys):
  clips = str(tmp_path / "clips")
  generate = ["generate", "--speed", "0.1", "0.2", "--output", clips]
  assert cli.main(generate) == 0
  made = [str(path) for path in sorted((tmp_path / "clips").glob("*"))]
  assert cli.main(["mirror", *made, "--output", clips]) == 0
  made = [str(path) for path in sorted((tmp_path / "clips").glob("*"))]
  output = str(tmp_path / "data.npz")
  build = ["build", *made, "--output", output, "--velocity_mode", "raw"]
  assert cli.main(build) == 0
  assert cli.main(["validate", *made, output]) == 0
  assert dataset_lib.load(output, velocity_mode="raw").num_clips == 4
  assert "generated_walk_0p10" in capsys.readouterr().out


def test_a_folder_stands_for_its_clips(tmp_path, capsys):
  folder = str(pathlib.Path(CLIP).parent)
  output = str(tmp_path / "dataset.npz")
  assert cli.main(["build", folder, "--output", output]) == 0
  assert cli.main(["analyze", str(tmp_path)]) == 2
  (tmp_path / "empty").mkdir()
  assert cli.main(["build", str(tmp_path / "empty"), "--output", output]) == 2
  assert "no clip (*.npz) in this folder" in capsys.readouterr().err


def test_json_has_the_tables_numbers(tmp_path):
  path = tmp_path / "table.json"
  assert cli.main(["analyze", CLIP, "--json", str(path)]) == 0
  records = json.loads(path.read_text())
  assert records[0]["mean"] == pytest.approx(0.3, abs=1e-3)
  assert records[-1]["clip"] == "all"


def test_refused_clips_are_kept_only_when_forced(tmp_path, capsys):
  arguments = ["retarget", WALK, "--speed", "1.2", "--output", str(tmp_path)]
  assert cli.main(arguments) == 2
  assert "is refused: ik_error" in capsys.readouterr().err
  assert list(tmp_path.glob("*.npz")) == []
  assert cli.main([*arguments, "--force"]) == 0
  (path,) = tmp_path.glob("*.npz")
  assert clip_lib.load(path).meta["tier"] == "refused"
  build = ["build", str(path), "--output", str(tmp_path / "data.npz")]
  assert cli.main(build) == 2
  assert "failed its quality gates" in capsys.readouterr().err


def test_import_says_what_it_found(tmp_path, capsys):
  arguments = ["import", WALK, "--output", str(tmp_path), "--speed", "0.3"]
  assert cli.main(arguments) == 0
  out = capsys.readouterr().out
  assert "format deepmimic, licence MIT" in out
  assert "39 frames at 30 fps, 1.30 s" in out
  assert clip_lib.load(tmp_path / "humanoid3d_walk_0p30.npz").cyclic


def test_edit_and_look(tmp_path, capsys):
  """Every command that takes clips, one after the other."""
  made = str(tmp_path)
  for command in (
    ["resample", CLIP, "--fps", "100", "--output", made],
    ["scale", CLIP, "--speed", "0.2", "--output", made],
    ["scale", CLIP, "--speed", "0.2", "--method=plain", "--output", made],
    ["trim", CLIP, "--start", "0.2", "--end", "0.8", "--output", made],
    ["export", CLIP, "--output", made],
    ["import", f"{made}/human_walk_0p30.pkl", "--output", f"{made}/again"],
    ["realize", CLIP, "--output", made],
    ["plot", CLIP, "--output", f"{made}/curves.png"],
    ["analyze", CLIP, "--plot", f"{made}/speeds.png"],
  ):
    assert cli.main(command) == 0, capsys.readouterr().err
  files = {path.name for path in tmp_path.rglob("*.*")}
  assert {
    "human_walk_0p30.npz",
    "human_walk_0p30_0p20.npz",
    "human_walk_0p30_f00010.npz",
    "human_walk_0p30.pkl",
    "human_walk_0p30_realized.npz",
    "curves.png",
    "speeds.png",
  } <= files
  assert clip_lib.load(f"{made}/human_walk_0p30_f00010.npz").num_frames == 30


def test_refused_recordings_name_their_frames(tmp_path, capsys, mocap):
  path = str(mocap / "humanoid3d_long_walk1.txt")
  arguments = ["import", path, "--speed", "0.4", "--output", str(tmp_path)]
  assert cli.main(arguments) == 2
  error = capsys.readouterr().err
  assert "feet twist on the ground as the walk turns" in error
  assert "--trim keeps the rest" in error
  assert cli.main([*arguments, "--trim"]) == 0
  pieces = sorted(tmp_path.glob("*.npz"))
  assert len(pieces) > 1
  assert all(clip_lib.load(p).meta["tier"] != "refused" for p in pieces)
  straight = [*arguments, "--set", "turning=0.2", "--name", "straight"]
  assert cli.main(straight) == 0


def test_cadence_and_step_height_are_options(tmp_path):
  arguments = ["generate", "--speed", "0.1", "--output", str(tmp_path)]
  shape = ["--cadence", "1.0", "--step_height", "0.03"]
  assert cli.main([*arguments, *shape, "--force"]) == 0
  quality = clip_lib.load(tmp_path / "generated_walk_0p10.npz").meta["quality"]
  assert quality["cadence"] == pytest.approx(1.0)
  assert quality["swing_clearance"] > 0.022


def test_legs_that_overlap_are_refused(tmp_path, capsys):
  clip = clip_lib.load(CLIP)
  joints = clip.joint_pos.copy()
  joints[:, 2], joints[:, 6] = 0.17, -0.17
  path = tmp_path / "crossed.npz"
  clip_lib.save(path, dataclasses.replace(clip, joint_pos=joints))
  assert cli.main(["validate", str(path)]) == 2
  assert "the legs overlap by" in capsys.readouterr().err


def test_error_of_every_frame_is_in_the_json(tmp_path):
  path = tmp_path / "table.json"
  arguments = ["import", WALK, "--speed", "0.3", "--output", str(tmp_path)]
  assert cli.main([*arguments, "--json", str(path)]) == 0
  (record,) = json.loads(path.read_text())
  assert len(record["frame_error_mm"]) == record["frames"]


def test_analyze_counts_the_originals_rows(tmp_path, capsys):
  rows = np.zeros((1000, 29), np.float32)
  rows[:634, 18] = 1.0
  path, table = tmp_path / "merged.pkl", tmp_path / "table.json"
  content = {"features": rows, "dof_pos": rows[:, :9], "fps": 50.0}
  path.write_bytes(pickle.dumps(content))
  assert cli.main(["analyze", str(path), "--json", str(table)]) == 0
  assert "634 of 1000 rows move (63.4%)" in capsys.readouterr().out
  assert json.loads(table.read_text())[-1]["stationary_share"] == 0.366


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    ([], "no command; choose one of generate"),
    (["dance"], "unknown command 'dance'"),
    (["generate", "--output", "x"], "generate needs --speed"),
    (["generate"], "generate needs --speed and --output"),
    (
      ["generate", "--spede", "1"],
      "unknown flag '--spede'; did you mean speed",
    ),
    (["generate", "--speed", "--output", "x"], "--speed needs a value"),
    (["generate", "--speed", "0", "--output="], "--output= is empty"),
    (["generate", "0.3", "--output", "x", "--speed", "0"], "argument '0.3'"),
    (["mirror", "--output", "x"], "mirror needs clips"),
    (["import", "a", "b", "--output", "x"], "unknown argument 'b'"),
    (["generate", "--speed", "2", "--output", "x"], "expected 0 to 0.6"),
    (
      ["generate", "--speed", "0", "--output", "x", "--set", "crouhc=1"],
      "unknown key 'crouhc'",
    ),
    (
      ["generate", "--speed", "0", "--output", "x", "--set", "crouch=low"],
      "expected a number from 0 to 0.3",
    ),
    (
      ["generate", "--speed", "0", "--output", "x", "--cadence", "9"],
      "--cadence=9: expected a number from 0.5 to 3 Hz",
    ),
    (
      ["generate", "--speed", "0.1", "0.101", "--output", "x"],
      "would both be written as 'generated_walk_0p10'",
    ),
    (
      ["generate", "--output", "x", "--speed", *["0.1"] * 300],
      "300 speeds, expected at most 200",
    ),
    (
      ["generate", "--speed", "0.6", "--output", "x"]
      + ["--set", "double_support_slope=1"],
      "at 0.6 m/s a cycle lasts",
    ),
    (
      ["import", WALK, "--output", "x", "--name", "../up"],
      "'../up' is no name of a clip",
    ),
    (["import", WALK, "--output", "x", "--fps", "nan"], "fps=nan: expected a"),
    (["import", WALK, "--output", "x", "--speed", "5e-3"], "positive speed"),
    (["mirror", CLIP, CLIP, "--output", "x"], "two clips are called"),
    (["trim", CLIP, "--output", "x", "--end", "inf"], "end=inf: expected"),
    (["render", CLIP, "--output", "x.png", "--count", "0"], "number from 1 to"),
    (["analyze", CLIP, "--command", "0.6", "0.1"], "do not fall"),
    (["build", CLIP, "--output", "x", "--share", "generated=inf"], "KIND=NUM"),
    (["retarget", "none.txt", "--output", "x"], "no such file"),
    (["build", CLIP, "--output", "x", "--share", "cats=1"], "KIND=NUMBER"),
    (["validate", WALK], "not a readable .npz"),
    (["import", WALK, "--output", "x", "--format=fbx"], "should be one of"),
    (["import", WALK, "--output", "x", "--format=bvh"], "not a BVH file"),
    (["import", WALK, "--output", "x", "--set", "turn=1"], "unknown key"),
    (["resample", CLIP, "--output", "x", "--fps", "0"], "from 5 to 1,000"),
    (["trim", CLIP, "--output", "x", "--start", "9"], "expected at least 2"),
    (["scale", CLIP, "--output", "x", "--speed", "-1"], "positive number"),
    (["loop", CLIP, "--output", "x"], "is a loop already"),
    (["render", CLIP, "--output", "x.gif"], "ends in .png, .mp4"),
    (["build", CLIP, "--output", "x", "--min_speed", "9"], "lower --min_speed"),
    (["analyze", "none.pkl"], "no such file"),
  ],
)
def test_bad_input_is_one_line_and_code_2(
  arguments, message, capsys, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  assert cli.main(arguments) == 2
  error = capsys.readouterr().err
  assert error.count("\n") == 1
  assert message in error


def _number_flags():
  """Every flag of every subcommand that takes numbers."""
  for command in subcommands.ALL:
    for flag in command.options:
      if isinstance(flag.parser, typed_flags._Number | typed_flags._Numbers):
        yield command.name, flag.name


def test_there_are_flags_that_take_numbers():
  assert len(list(_number_flags())) > 15


@pytest.mark.parametrize(("command", "flag"), _number_flags())
@pytest.mark.parametrize(
  "text", ["nan", "inf", "-inf", "1e300", "-1e300", "1e400", "", "9" * 5000]
)
def test_no_flag_takes_what_is_no_sensible_number(command, flag, text, capsys):
  assert cli.main([command, f"--{flag}={text}"]) == 2
  error = capsys.readouterr().err
  assert error.count("\n") == 1
  assert f"--{flag}=" in error
  assert len(error) < 1100


@pytest.mark.parametrize(
  "words",
  [
    ["generate", "--speed", "0.1", "0.2", "--output", "x", "--force"],
    ["generate", "--output=x", "--noforce", "--force", "--speed=0.1,0.2"],
    ["generate", "--force", "--output", "x", "--speed", "0.1,0.2"],
  ],
)
def test_lists_are_typed_with_commas_or_spaces(words):
  command, found = commands.choose(subcommands.ALL, words, "")
  assert command.name == "generate"
  assert (found.speed, found.output, found.force) == ((0.1, 0.2), "x", True)


def test_files_stand_before_and_after_flags():
  words = ["analyze", "a", "--command", "-0.1", "0.6", "b", "--json", "c", "d"]
  _, found = commands.choose(subcommands.ALL, words, "")
  assert found.files == ["a", "b", "d"]
  assert (found.command, found.json) == ((-0.1, 0.6), "c")


def test_help_lists_the_subcommands_or_what_one_takes(capsys):
  assert cli.main(["--help"]) == 0
  said = capsys.readouterr().out
  assert all(f"\n  {command.name} " in said for command in subcommands.ALL)
  assert cli.main(["trim", "clip.npz", "--help"]) == 0
  said = capsys.readouterr().out
  assert said.startswith("Cuts clips")
  for line in (
    "trim clips ... --output=... [FLAGS]",
    "clips: clips (.npz) or folders",
    "--output: Folder",
    "--[no]force: ",
    "--start: ",
  ):
    assert f"\n  {line}" in said


@pytest.mark.parametrize(
  ("options", "ranges"),
  [
    (walk_options.Options(), walk_options.RANGES),
    (recording.Options(), recording.RANGES),
  ],
)
def test_every_setting_has_a_range_around_its_default(options, ranges):
  assert list(ranges) == [f.name for f in dataclasses.fields(options)]
  for key, (low, high) in ranges.items():
    assert low <= getattr(options, key) <= high
    for text in ("nan", "inf", "1e300", "-1e300", "", "x", "9" * 5000):
      with pytest.raises(errors.UsageError, match=f"--set {key}="):
        common.override(options, [f"{key}={text}"], ranges)


@pytest.mark.property
@hypothesis.given(
  speed=st.floats(0, walk_options.MAX_SPEED),
  settings=st.dictionaries(
    st.sampled_from(list(walk_options.RANGES)), st.booleans()
  ),
)
def test_any_setting_in_its_range_plans_finite_steps(speed, settings):
  """At the ends of the ranges, footsteps are finite or refused in one line."""
  changes = {
    key: walk_options.RANGES[key][high] for key, high in settings.items()
  }
  options = dataclasses.replace(walk_options.Options(), **changes)
  robot = robots.default_robot()
  try:
    plan = walk_generator.footsteps(speed, robot, options)
  except human.MotionError as error:
    assert str(error).isprintable()
  else:
    assert np.all(np.isfinite(plan.zmp))
    assert all(np.all(np.isfinite(foot)) for foot in plan.feet.values())
