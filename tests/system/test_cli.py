import os
import subprocess
import sys

import pytest
from ml_collections import config_dict

from wildrobot_playground.config import overrides, ranges
from wildrobot_playground.system import cli, errors, off_screen


def _sections():
  return {
    "ppo": config_dict.create(num_envs=512, sizes=(1, 2), lr=5e-4, name="adam"),
    "env_config": config_dict.create(
      noise=config_dict.create(level=1.0, on=True), speeds=(0.0, 1.0)
    ),
  }


@pytest.mark.parametrize(
  ("argument", "section", "key", "value"),
  [
    ("--ppo.num_envs=64", "ppo", "num_envs", 64),
    ("--ppo.num_envs=1e3", "ppo", "num_envs", 1000),
    ("--ppo.lr=1", "ppo", "lr", 1.0),
    ("--ppo.sizes=(64,32,16)", "ppo", "sizes", (64, 32, 16)),
    ("--ppo.sizes=[64]", "ppo", "sizes", (64,)),
    ("--ppo.name=sgd", "ppo", "name", "sgd"),
    ("--env_config.noise.level=0", "env_config", "noise.level", 0.0),
    ("--env_config.noise.on=false", "env_config", "noise.on", False),
    ("--env_config.speeds=(0.5,1)", "env_config", "speeds", (0.5, 1.0)),
  ],
)
def test_overrides_keep_the_type_of_the_default(argument, section, key, value):
  sections = _sections()
  assert overrides.apply_overrides(sections, [argument]) == [f"{section}.{key}"]
  found = ranges.flatten(sections[section])[key]
  assert found == value
  assert type(found) is type(value)


@pytest.mark.parametrize(
  ("argument", "message"),
  [
    ("--ppo.num_env=1", "unknown key 'ppo.num_env'; did you mean num_envs"),
    ("--opp.num_envs=1", "unknown section of 'opp'; did you mean ppo"),
    ("--ppo.num_envs=many", "expected a whole number, like 512"),
    ("--ppo.num_envs=1.5", "expected a whole number"),
    ("--ppo.num_envs=True", "expected a whole number"),
    ("--ppo.sizes=7", "expected a list of numbers"),
    ("--ppo.sizes=()", "expected a list of numbers"),
    ("--env_config.noise.on=maybe", "expected true or false"),
    ("--ppo.lr=__import__('os')", "expected a number"),
    ("ppo.num_envs=1", "cannot read the argument"),
    ("--ppo.num_envs", "cannot read the argument"),
    ("hello", "cannot read the argument 'hello'"),
  ],
)
def test_bad_overrides_say_what_is_expected(argument, message):
  with pytest.raises(errors.UsageError, match=message.replace("(", r"\(")):
    overrides.apply_overrides(_sections(), [argument])


def test_nothing_near_lists_everything():
  assert cli.nearest("zzz", ["alpha", "beta"]) == "choose one of alpha, beta"


@pytest.mark.parametrize(
  ("module", "arguments", "message"),
  [
    ("train", ["--env=WildRobotRun"], "unknown environment 'WildRobotRun'"),
    ("train", ["--env_name=WildRobotRun"], "unknown environment"),
    ("train", ["--preset=cup"], "unknown preset 'cup'"),
    ("train", ["--amp.disc_rl=1"], "unknown key 'amp.disc_rl'"),
    ("train", ["--sede=3"], "unknown flag '--sede'; did you mean seed"),
    ("train", ["--seed=x"], "seed"),
    ("train", ["--num_timesteps=-5"], "ppo.num_timesteps is -5; it must be"),
    ("train", ["--ppo.num_envs=1e30"], "from 1 to 1,048,576"),
    ("train", ["--amp.disc_lr=" + "(" * 900 + ")" * 900], "expected a number"),
    ("evaluate", [], "give one of --checkpoint=RUN_FOLDER and"),
    ("evaluate", ["--checkpoint=none"], "none is no run folder"),
    ("evaluate", ["--checkpoint=none", "--commands=a"], "expected a number"),
    ("evaluate", ["--checkpoint=none", "extra"], "unknown argument 'extra'"),
    ("evaluate", ["--comands=0"], "unknown flag '--comands'; did you mean com"),
    ("report", ["more", "--all"], "unknown argument 'more'"),
    ("doctor", ["--json"], "--json needs a value"),
    ("play", ["--noreference=1"], "does not take an argument"),
    ("motion", ["trmi"], "unknown command 'trmi'; did you mean trim"),
    ("evaluate", ["--policy=walk", "--video=x.txt"], "ends in .mp4 or .gif"),
    ("evaluate", ["--policy=walk", "--seconds=1e308"], "expected at most"),
    ("play", ["--video=/dev/full"], "ends in .mp4 or .gif"),
    ("doctor", ["--json=/tmp"], "--json=/tmp is a folder; give a file"),
  ],
)
def test_bad_command_lines_are_one_line_and_code_2(
  commands, module, arguments, message
):
  done = commands.run(module, *arguments)
  assert done.returncode == 2, done.stderr
  assert done.stderr.count("\n") == 1
  assert done.stderr.startswith("error: ")
  assert message in done.stderr


@pytest.mark.parametrize(
  "command",
  [
    ("evaluate", "--policy=walk"),
    ("motion", "validate", "reference/clips/generated_walk_0p40.npz"),
  ],
)
@pytest.mark.parametrize("chosen", ["bogus", "osmesa"])
def test_a_way_to_render_that_is_none_is_one_line(command, chosen):
  if chosen == "osmesa" and off_screen._is_there("OSMesa"):
    pytest.skip("it is there")
  name, *arguments = command
  done = subprocess.run(
    [sys.executable, "-m", f"wildrobot_playground.{name}", *arguments],
    capture_output=True,
    text=True,
    check=False,
    env={**os.environ, "MUJOCO_GL": chosen},
  )
  assert done.returncode == 2
  assert done.stderr.startswith(f"error: MUJOCO_GL={chosen} ")
  assert "disable" in done.stderr
  assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_film_that_cannot_be_written_fails_after_the_table(tmp_path):
  film = tmp_path / "film.gif"
  film.symlink_to("/dev/full")
  done = subprocess.run(
    [
      *(sys.executable, "-m", "wildrobot_playground.evaluate"),
      *("--policy=walk", "--episodes=1", "--seconds=2", "--commands=0.2"),
      f"--video={film}",
    ],
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 1
  assert "velocity" in done.stdout or "N·m" in done.stdout
  assert done.stderr.startswith("error: no film: ")
  assert done.stderr.count("\n") == 1


def test_process_settings_yield_to_the_users(monkeypatch):
  monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/mine")
  cli.prepare_process()
  assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "/mine"


def test_flags_have_upstreams_names(commands):
  # In a process of its own: another command line may have the same flags.
  code = (
    "from absl import flags\n"
    "from wildrobot_playground import train\n"
    "for name in ('env', 'env_name', 'num_timesteps', 'seed', 'impl',"
    " 'domain_randomization'):\n"
    "  assert name in flags.FLAGS, name\n"
  )
  done = commands.run_code(code)
  assert done.returncode == 0, done.stderr


def test_help_names_the_flags(commands):
  result = commands.run("train", "--help")
  assert result.returncode == 0, result.stderr
  assert result.stdout.startswith("Trains a policy")
  for flag in ("--amp_weight", "--resume", "--preset"):
    assert flag in result.stdout


def test_what_to_do_next_can_be_typed(capsys, monkeypatch, tmp_path):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
  cli.say_next(
    ("open", "my run/report.html"), ("play", "--policy=my run/export")
  )
  assert capsys.readouterr().out == (
    "next     open 'my run/report.html'\n"
    "         .venv/bin/python -m wildrobot_playground.play"
    " '--policy=my run/export'\n"
  )
  monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
  cli.say_next(("train",))
  assert "next     python -m wildrobot_playground.train\n" in (
    capsys.readouterr().out
  )


@pytest.mark.parametrize("home", ["unset", "read only", "no account"])
def test_without_a_home_commands_run_and_keep_no_compile_cache(tmp_path, home):
  """As in a container with a user that nobody knows."""
  setting = {
    "unset": "os.environ.pop('HOME', None)",
    "read only": f"os.environ['HOME'] = {str(tmp_path / 'file' / 'home')!r}",
    "no account": "os.environ.pop('HOME', None); pwd.getpwuid = nobody",
  }[home]
  (tmp_path / "file").write_text("")
  code = f"""
import os, pathlib, pwd

def nobody(uid):
  raise KeyError(uid)

{setting}
os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
from wildrobot_playground.system import cli
cli.prepare_process()
print(os.environ.get("JAX_COMPILATION_CACHE_DIR"))
"""
  done = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  if home == "unset":  # The account knows it.
    assert done.stdout.rstrip().endswith("wildrobot_playground/jax")
  else:
    assert done.stdout == "None\n"


@pytest.mark.parametrize(
  ("program", "arguments", "said"),
  [
    ("train", ["--resume_override=amp.weight"], "needs --resume=RUN_FOLDER"),
    ("train", ["--resume="], "--resume= is empty"),
    ("train", ["--resume=one", "--run_dir=two"], "--run_dir=two is another"),
    ("export", ["--checkpoint=one", "--output="], "--output= is empty"),
  ],
)
def test_a_flag_that_would_do_nothing_is_one_line(
  commands, tmp_path, program, arguments, said
):
  done = commands.run(program, *arguments, cwd=tmp_path)
  assert done.returncode == 2
  assert said in done.stderr
  assert len(done.stderr.splitlines()) == 1
  assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_name_that_is_no_utf8_can_be_typed_again(tmp_path, capsys):
  path = os.path.join(os.fsencode(tmp_path), b"it's \\ \xff")
  cli.say_next(("open", os.fsdecode(path)))
  typed = capsys.readouterr().out.split("open ", 1)[1].strip()
  assert typed.isascii()
  shown = subprocess.run(
    ["bash", "-c", f"printf %s {typed}"], stdout=subprocess.PIPE, check=True
  )
  assert shown.stdout == path
