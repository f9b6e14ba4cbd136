"""Every command of README and docs is one that works, as it is written."""

import functools
import glob
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest

from tests.envs import menagerie
from tests.robots import biped
from wildrobot_playground.system import assets, commands

ROOT = pathlib.Path(__file__).parent.parent
# `commands.md` is written from the programs themselves.
PAGES = sorted(
  [ROOT / "README.md", ROOT / "policies" / "README.md"]
  + [page for page in ROOT.glob("docs/*.md")]
)
_FIRST = ("python", ".venv/bin/python", "make", "open")
_PACKAGE = "wildrobot_playground."
# Measured at length by tests of their own; here only their flags are read.
_NOT_RUN = {
  "bench": "tests/bench",
  "make": "CI",
  "launch/sweep.py": "tests/launch",
  "with_playground": "tests/test_with_playground.py",
  "open": "a desktop",
}


def commands_of(page):
  """The commands of a page's blocks, continued lines joined."""
  text = page.read_text("utf-8").replace("\\\n", " ")
  found = []
  for line in text.splitlines():
    words = line.strip()
    in_block = line.startswith("    ") or line.startswith("python ")
    if in_block and words.startswith(tuple(f"{w} " for w in _FIRST)):
      found.append(" ".join(words.split("  #")[0].split()))
  return found


def program_of(command):
  """The program's name and its arguments."""
  words = shlex.split(command)
  if words[0] in ("make", "open"):
    return words[0], words[1:]
  assert words[0] in _FIRST
  if words[1] == "-m":
    return words[2].removeprefix(_PACKAGE), words[3:]
  return words[1], words[2:]


COMMANDS = sorted({c for page in PAGES for c in commands_of(page)})

_PARSE = """
import importlib, json, sys
from absl import flags
from wildrobot_playground.system import cli
module = importlib.import_module("wildrobot_playground." + sys.argv[1])
rest = []
for arguments in json.loads(sys.argv[2]):
  flags.FLAGS.unparse_flags()
  rest.append(cli.parse(arguments, flags.FLAGS, takes_unknown=True))
print(json.dumps(rest))
"""


def _programs():
  by_program = {}
  for command in COMMANDS:
    name, arguments = program_of(command)
    by_program.setdefault(name, []).append(arguments)
  return by_program


def test_the_pages_have_commands_of_every_program():
  assert {
    "train",
    "evaluate",
    "export",
    "play",
    "doctor",
    "report",
    "motion",
  } <= set(_programs())


@pytest.mark.parametrize(
  "program",
  ["train", "evaluate", "export", "play", "doctor", "report", "bench"],
)
def test_flags_and_keys_of_commands_are_known(program):
  arguments = _programs()[program]
  module = "bench.__main__" if program == "bench" else program
  found = subprocess.run(
    [sys.executable, "-c", _PARSE, module, json.dumps(arguments)],
    capture_output=True,
    text=True,
    cwd=ROOT,
  )
  assert found.returncode == 0, found.stderr
  for rest in json.loads(found.stdout):
    _check_overrides(rest)


def _check_overrides(rest):
  from wildrobot_playground.runs import plan

  if rest:
    plan.make_plan(plan.Request(preset="cpu", overrides=tuple(rest)))


def test_arguments_of_motion_commands_are_known():
  from wildrobot_playground.motion import subcommands

  for arguments in _programs()["motion"]:
    if "--help" not in arguments and arguments[0] != "COMMAND":
      commands.choose(subcommands.ALL, arguments, "")


def test_targets_of_make_exist():
  makefile = (ROOT / "Makefile").read_text()
  for page in PAGES:
    text = page.read_text("utf-8")
    for target in re.findall(r"(?:`|^ {4})make ([a-z-]+)", text, re.M):
      assert re.search(rf"^{target}:", makefile, re.M), (page, target)


# Every command, for real.

_SMALL = {
  "train": ["--num_timesteps=10240", "--novideo", "--wandb=disabled"],
  "evaluate": ["--episodes=1", "--seconds=1.1"],
  "motion default": ["--output=rebuilt"],
}
# Playground's own settings are for thousands.
_FEW_ROBOTS = [
  *("--ppo.num_envs=32", "--ppo.batch_size=32", "--ppo.num_minibatches=1"),
  *("--ppo.num_evals=2", "--ppo.unroll_length=5", "--ppo.episode_length=50"),
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
  """A folder as a user's, with a run in it that the pages call RUN."""
  folder = tmp_path_factory.mktemp("docs")
  for name in ("xmls", "reference", "policies", "launch"):
    (folder / name).symlink_to(ROOT / name)
  _run(folder, "train", ["--run_dir=RUN", *_SMALL["train"]])
  other = ["--run_dir=RUN_V2", "--robot=wildrobot_v2"]
  _run(folder, "train", [*other, *_SMALL["train"]])
  _run(folder, "export", ["--checkpoint=RUN", "--format=onnx,brax"])
  _run(folder, "export", ["--checkpoint=RUN", "--output=DIR"])
  source = "reference/sources/humanoid3d_walk.txt"
  _run(
    folder, "motion", ["import", source, "--speed", "0.2", "--output=my_walk"]
  )
  biped.write(folder / "my_robot")
  (folder / "runs").mkdir(exist_ok=True)
  (folder / "runs" / "example").symlink_to(folder / "RUN")
  return folder


def _run(folder, program, arguments, codes=(0,)):
  found = subprocess.run(
    [sys.executable, "-m", _PACKAGE + program, *arguments],
    cwd=folder,
    env=_environment(),
    capture_output=True,
    text=True,
    timeout=900,
  )
  assert found.returncode in codes, (program, arguments, found.stderr[-2000:])
  return found.stdout


def _environment():
  return {**os.environ, "PYTHONPATH": str(ROOT), "WANDB_MODE": "offline"}


def _as_here(arguments):
  """Placeholders of the pages become what is in the workplace."""
  walk = str(assets.policies() / "walk" / "brax")
  first = "RUN_V2" if "--robot=wildrobot_v2" in arguments else "RUN"
  changed = []
  for text in arguments:
    for before, after in (
      ("runs/WildRobotWalk-...", "RUN"),
      ("runs/...", "RUN"),
      ("runs/first", first),
      ("runs/second", "RUN"),
      ("=policy.onnx", "=RUN/export/policy.onnx"),
      ("=CHECKPOINT", f"={walk}"),
      ("YOUR.xml", "xmls/wildrobot.xml"),
      ("RECORDING", "reference/sources/humanoid3d_walk.txt"),
      ("walk.bvh", "reference/sources/humanoid3d_walk.txt"),
      ("your_reference.npz", "reference/wildrobot_walk.npz"),
    ):
      text = text.replace(before, after)
    changed += sorted(glob.glob(text)) if "*" in text else [text]
  return changed


@functools.cache
def _run_of(env, folder):
  """A tiny run in an environment of Playground, made once."""
  if env != "HopperHop":
    menagerie.brought()
  arguments = [f"--run_dir=RUN_{env}", f"--env={env}", *_SMALL["train"]]
  _run(folder, "train", [*arguments, *_FEW_ROBOTS])
  return f"RUN_{env}"


def _serve(folder, program, arguments):
  """Starts what serves a page, waits until it says so, and stops it."""
  process = subprocess.Popen(
    [sys.executable, "-m", _PACKAGE + program, *arguments],
    cwd=folder,
    env=_environment(),
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )
  try:
    line = process.stdout.readline()
    while line and "http://" not in line:
      line = process.stdout.readline()
    assert "http://" in line
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
  finally:
    process.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
  "command",
  [
    command
    for command in COMMANDS
    if program_of(command)[0] not in _NOT_RUN
    and "..." not in program_of(command)[1]
  ],
)
def test_the_command_works(command, workplace, monkeypatch):
  monkeypatch.chdir(workplace)
  program, arguments = program_of(command)
  if any("g1_clips" in a for a in arguments):
    pytest.skip("nobody's recording of a G1 is here")
  arguments = [
    re.sub(
      r"runs/(HopperHop|G1JoystickFlatTerrain)-\.\.\.",
      lambda found: _run_of(found[1], workplace),
      argument,
    )
    for argument in arguments
  ]
  arguments = _as_here(arguments)
  arguments += _SMALL.get(program, [])
  arguments += _SMALL.get(" ".join([program, *arguments[:1]]), [])
  resumes = any(a.startswith("--resume=") for a in arguments)
  if program == "train" and not resumes:
    arguments = [a for a in arguments if not a.startswith("--run_dir=")]
    arguments.append("--noevaluate")  # On its way, as RUN was.
  if any("G1" in a or "g1" in a for a in arguments):
    menagerie.brought()
  if any(a.startswith("--env=") for a in arguments):
    arguments += _FEW_ROBOTS
  if program == "train" and resumes:
    pytest.skip("resuming what is finished has tests of its own")
  if (program, arguments[:1]) == ("motion", ["view"]) or (
    program == "play" and not any("video" in a or "gif" in a for a in arguments)
  ):
    _serve(workplace, program, arguments)
  elif program == "doctor" and "--checkpoint=RUN" in arguments:
    # A policy of 10,240 steps gives itself away, as the doctor says.
    assert "verdict" in _run(workplace, program, arguments, codes=(0, 1))
  else:
    _run(workplace, program, arguments)
