import json
import subprocess
import sys

import pytest

from wildrobot_playground import assets
from wildrobot_playground.amp import dataset as dataset_lib
from wildrobot_playground.motion import __main__ as cli
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import default

CLIP = str(assets.reference() / "clips" / "human_walk_0p30.npz")
WALK = str(assets.reference() / default.SOURCE)


def test_pipeline_needs_no_jax():
  code = (
    "import sys, wildrobot_playground.motion.__main__;"
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


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (["dance"], "invalid choice: 'dance'"),
    (["generate", "--output", "x"], "--speed"),
    (["generate", "--speed", "2", "--output", "x"], "expected 0 to 0.6"),
    (
      ["generate", "--speed", "0", "--output", "x", "--set", "crouhc=1"],
      "unknown key 'crouhc'",
    ),
    (
      ["generate", "--speed", "0", "--output", "x", "--set", "crouch=low"],
      "expected a float",
    ),
    (["retarget", "none.txt", "--output", "x"], "no such file"),
    (["build", CLIP, "--output", "x", "--share", "cats=1"], "KIND=NUMBER"),
    (["validate", WALK], "not a readable .npz"),
  ],
)
def test_bad_input_is_one_line_and_code_2(arguments, message, capsys):
  assert cli.main(arguments) == 2
  error = capsys.readouterr().err
  assert error.count("\n") == 1
  assert message in error
