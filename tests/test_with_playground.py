"""Playground's own training script trains our environment."""

import ctypes.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

MODULE = "wildrobot_playground.with_playground"
SCRIPT = "learning.train_jax_ppo"
TINY = (
  "--num_timesteps=40",
  "--num_envs=4",
  "--episode_length=5",
  "--unroll_length=5",
  "--batch_size=4",
  "--num_minibatches=1",
  "--num_updates_per_batch=1",
  "--policy_hidden_layer_sizes=8",
  "--value_hidden_layer_sizes=8",
)
# The script renders a video with EGL, whatever MUJOCO_GL says.
NEEDS_EGL = pytest.mark.skipif(
  sys.platform != "linux" or ctypes.util.find_library("EGL") is None,
  reason="Playground's script renders with EGL, which is not installed",
)


def run(*arguments, cwd=None):
  """The finished process of the module with `arguments`."""
  # Found from any folder, installed or not.
  root = str(pathlib.Path(__file__).resolve().parent.parent)
  path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
  env = {**os.environ, "PYTHONPATH": path}
  env.pop("MUJOCO_GL", None)  # As on a machine without a display.
  return subprocess.run(
    [sys.executable, "-m", MODULE, *arguments],
    capture_output=True,
    text=True,
    cwd=cwd,
    timeout=1500,
    env=env,
  )


def train(folder, *arguments):
  """A tiny run of the stock script, which leaves its files in `folder`."""
  logs = f"--logdir={folder / 'logs'}"
  result = run(
    SCRIPT, "--env_name=WildRobotWalk", logs, *TINY, *arguments, cwd=folder
  )
  assert result.returncode == 0, result.stdout + result.stderr
  assert "Done training." in result.stdout
  [run_folder] = (folder / "logs").iterdir()
  assert run_folder.name.startswith("WildRobotWalk-")
  checkpoints = run_folder / "checkpoints"
  config = json.loads((checkpoints / "config.json").read_text())
  assert "reward_config" in config
  assert [path for path in checkpoints.iterdir() if path.name.isdigit()]
  # Also where no ffmpeg is installed.
  assert list(run_folder.glob("*.mp4"))


@NEEDS_EGL
def test_stock_script_trains_with_the_c_engine(tmp_path):
  """Without evaluations, which cost another half a minute of compiling."""
  overrides = '--playground_config_overrides={"impl": "mujoco"}'
  train(tmp_path, overrides, "--norun_evals", "--num_evals=1")


@NEEDS_EGL
@pytest.mark.slow
def test_stock_script_trains_with_its_own_defaults_and_randomisation(tmp_path):
  """MJX jax, which the script asks for when told nothing."""
  train(
    tmp_path, "--domain_randomization", "--num_evals=2", "--num_eval_envs=2"
  )


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    ((), "usage: python -m wildrobot_playground.with_playground MODULE"),
    (("--env_name=WildRobotWalk",), "usage: python -m"),
    (("no_such_module",), "no module 'no_such_module'"),
    (("learning.train_jax_pop",), "no module 'learning.train_jax_pop'"),
    (("no_such_package.script", "--flag"), "no module 'no_such_package."),
  ],
)
def test_bad_usage_is_one_line_and_code_two(arguments, message):
  result = run(*arguments)
  assert result.returncode == 2
  assert result.stdout == ""
  assert message in result.stderr
  assert len(result.stderr.strip().splitlines()) == 1


def test_module_gets_its_arguments_and_our_environments(tmp_path):
  (tmp_path / "their_script.py").write_text(
    "import sys\n"
    "from mujoco_playground import registry\n"
    "assert __name__ == '__main__'\n"
    "print(sys.argv[1:], 'WildRobotWalk' in registry.ALL_ENVS)\n"
    "sys.exit(7)\n"
  )
  result = run("their_script", "--one", "two", cwd=tmp_path)
  assert result.stdout.strip() == "['--one', 'two'] True"
  assert result.returncode == 7
