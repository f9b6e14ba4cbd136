"""Every command of launch/README.md, run here; every file checked by schema."""

import json
import os
import pathlib
import re
import shlex
import stat
import subprocess
import sys
import tomllib
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.runs.tiny import TINY

_ROOT = pathlib.Path(__file__).parents[2]
_LAUNCH = _ROOT / "launch"
_TINY = (
  *TINY,
  "--num_timesteps=80",
  "--noevaluate",
  "--nocheck",
  "--novideo",
  "--wandb=disabled",
)

# Writes its arguments into a file of the folder RECORDS and succeeds.
_RECORDER = """#!/bin/sh
{python} -c 'import json, os, sys, uuid
path = os.path.join(os.environ["RECORDS"], uuid.uuid4().hex)
json.dump(sys.argv[1:], open(path, "w"))' "{name}" "$@"
{answer}
"""
# Makes the plan of a command line of `train`, and nothing of it.
_PLAN = """
import sys
from absl import flags
from wildrobot_playground import train
from wildrobot_playground.system import cli
from wildrobot_playground.runs import plan
rest = flags.FLAGS(["train", "--preset=cpu", *sys.argv[1:]], known_only=True)
made = plan.make_plan(plan.Request(
  env=train._ENV.value, amp_weight=train._AMP_WEIGHT.value,
  preset=train._PRESET.value, overrides=tuple(rest[1:])))
print(made.env, made.amp.weight, train._PROCESS_ID.value)
"""


def readme_commands() -> list[str]:
  """The commands of the README, a block each."""
  text = (_LAUNCH / "README.md").read_text()
  return re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)


@pytest.fixture
def bench(tmp_path, monkeypatch):
  """A folder where programs that are not here record how they were called."""
  records, programs = tmp_path / "records", tmp_path / "bin"
  records.mkdir()
  programs.mkdir()
  monkeypatch.setenv("RECORDS", str(records))
  monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

  def install(name: str, answer: str = "") -> None:
    path = programs / name
    path.write_text(
      _RECORDER.format(python=sys.executable, name=name, answer=answer)
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)

  def recorded(name: str) -> list[list[str]]:
    calls = [json.loads(path.read_text()) for path in records.iterdir()]
    return sorted(call[1:] for call in calls if call[0] == name)

  return install, recorded


def _shell(command: str, folder: pathlib.Path) -> str:
  result = subprocess.run(
    ["sh", "-ec", command], cwd=folder, capture_output=True, text=True
  )
  assert result.returncode == 0, result.stdout + result.stderr
  return result.stdout


def _in_checkout(command: str, *flags: str) -> str:
  """A Python command of the README, to be run anywhere."""
  (line,) = command.strip().splitlines()
  words = shlex.split(line)
  assert words[0] == "python"
  return shlex.join(
    [
      sys.executable,
      *(str(_ROOT / w) if w.endswith(".py") else w for w in words[1:]),
      *flags,
    ]
  )


@pytest.fixture
def plan_of(commands):
  """Whether `train` would take arguments; env, weight and process."""

  def plan(arguments: list[str]) -> str:
    module = arguments.index("wildrobot_playground.train")
    assert arguments[module - 1] == "-m"
    result = commands.run_code(_PLAN, *arguments[module + 1 :])
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()

  return plan


def _find(start: str) -> str:
  (found,) = (c for c in readme_commands() if c.startswith(start))
  return found


def test_no_command_is_left_out():
  """Every command starts like one that a test here runs."""
  tested = (
    "python -m wildrobot_playground.train",
    "for i in 0 1",
    "python launch/slurm.py --nodes=2 --gpus_per_node",
    "python launch/slurm.py --nodes=2 --local",
    "python launch/sweep.py --grid=amp.weight=0,0.1,0.3,1 --seeds=3 --jobs",
    "python launch/sweep.py --grid=amp.weight=0,0.1,0.3,1 --seeds=3 --slurm",
    "wandb sweep",
    "docker build",
    "kubectl apply",
    "sky launch",
  )
  assert len(readme_commands()) == len(tested)
  for start in tested:
    _find(start)


@pytest.mark.slow
def test_one_machine(tmp_path):
  command = _in_checkout(_find("python -m wildrobot_playground.train"), *_TINY)
  assert "run      " in _shell(command, tmp_path)


def test_processes_by_hand(bench, tmp_path, plan_of):
  """Two true ones are in tests/runs/test_processes.py."""
  install, recorded = bench
  install("python")
  _shell(_find("for i in 0 1"), tmp_path)
  plans = [plan_of(call) for call in recorded("python")]
  assert [p.split()[-1] for p in plans] == ["0", "1"]


@pytest.mark.slow
def test_slurm_here(tmp_path):
  """Two processes, as submitit starts them, train together."""
  flags = ("--ppo.num_envs=8", "--ppo.batch_size=8", *_TINY)
  out = _shell(
    _in_checkout(_find("python launch/slurm.py --nodes=2 --local"), *flags),
    tmp_path,
  )
  assert "started 2 processes" in out
  logs = [p.read_text() for p in tmp_path.rglob("*_log.out")]
  assert sum("in 2 processes" in log for log in logs) == 1
  assert (tmp_path / "runs" / "slurm" / "policy").is_dir()


@pytest.mark.parametrize(
  ("start", "lines"),
  [
    (
      "python launch/slurm.py --nodes=2 --gpus_per_node",
      ("--nodes=2", "--ntasks-per-node=8", "--gpus-per-node=8", "--time=120"),
    ),
    (
      "python launch/sweep.py --grid=amp.weight=0,0.1,0.3,1 --seeds=3 --slurm",
      ("--array=0-11%12", "--gpus-per-node=1", "--time=240"),
    ),
  ],
)
def test_slurm_is_given_a_script(bench, tmp_path, start, lines):
  install, recorded = bench
  install("srun")
  install(
    "sbatch", 'cat "$1" > "$RECORDS/../script"; echo "Submitted batch job 7"'
  )
  out = _shell(_in_checkout(_find(start)), tmp_path)
  assert "submitted" in out
  assert len(recorded("sbatch")) == 1
  script = (tmp_path / "script").read_text()
  directives = {
    line.removeprefix("#SBATCH ")
    for line in script.splitlines()
    if line.startswith("#SBATCH")
  }
  assert {*lines, "--partition=gpu"} <= directives
  assert "srun" in script
  subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_options_that_would_change_nothing_are_refused(tmp_path):
  command = [sys.executable, str(_LAUNCH / "slurm.py"), "--local"]
  result = subprocess.run(
    [*command, "--slurm_options=partition=gpu"],
    cwd=tmp_path,
    capture_output=True,
    text=True,
  )
  assert result.returncode == 2
  assert result.stderr.startswith("error: --slurm_options are for SLURM")


def test_sweep_here(tmp_path, plan_of):
  command = _find(
    "python launch/sweep.py --grid=amp.weight=0,0.1,0.3,1 --seeds=3 --jobs"
  )
  out = _shell(_in_checkout(command, "--dry_run"), tmp_path)
  lines = [shlex.split(line) for line in out.strip().splitlines()]
  assert len(lines) == 12
  assert plan_of(lines[2]) == "WildRobotWalk 0.3 None"


def test_wandb_sweep(tmp_path, plan_of):
  """The agent's command, with one value of every parameter."""
  path = _find("wandb sweep").split()[-1]
  sweep = yaml.safe_load((_ROOT / path).read_text())
  distribution = {
    "anyOf": [
      {"required": ["values"], "properties": {"values": {"type": "array"}}},
      {
        "required": ["distribution", "min", "max"],
        "properties": {
          "distribution": {"enum": ["uniform", "log_uniform_values"]},
          "min": {"type": "number"},
          "max": {"type": "number"},
        },
      },
    ]
  }
  jsonschema.validate(
    sweep,
    _object(
      {
        "name": {"type": "string"},
        "project": {"type": "string"},
        "method": {"enum": ["grid", "random", "bayes"]},
        "metric": _object(
          {
            "name": {"const": "eval/cost"},
            "goal": {"enum": ["minimize", "maximize"]},
          }
        ),
        "parameters": {
          "type": "object",
          "additionalProperties": distribution,
        },
        "early_terminate": _object(
          {"type": {"const": "hyperband"}, "min_iter": {"type": "integer"}}
        ),
        "command": {"type": "array", "items": {"type": "string"}},
      }
    ),
  )
  values = [
    f"--{name}={(p.get('values') or [p.get('min')])[0]}"
    for name, p in sweep["parameters"].items()
  ]
  words: list[str] = []
  for word in sweep["command"]:
    replaced = {"${env}": ["env"], "${args}": values}
    words += replaced.get(word, [word])
  assert words[:2] == ["env", "python"]
  assert plan_of(words) == "WildRobotWalk 0.1 None"


def test_image():
  """What the Dockerfile installs is there to be installed."""
  words = shlex.split(_find("docker build"))
  (path,) = (w.partition("=")[2] for w in words if w.startswith("--file"))
  text = (_ROOT / path).read_text()
  (extras,) = re.findall(r"ARG EXTRAS=(\S+)", text)
  project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
  assert set(extras.split(",")) <= set(project["optional-dependencies"])
  assert ".venv" in (_ROOT / ".dockerignore").read_text().split()


def _object(properties: dict[str, Any]) -> dict[str, Any]:
  """The schema of an object with exactly these properties."""
  return {
    "type": "object",
    "properties": properties,
    "required": list(properties),
    "additionalProperties": False,
  }


def test_jobset(plan_of):
  """Jobs and pods by Kubernetes' own schemas; its command, a process each."""
  path = _find("kubectl apply").strip().partition("--filename=")[2]
  jobset = yaml.safe_load((_ROOT / path).read_text())
  name = {"type": "string", "pattern": "^[a-z0-9-]{1,63}$"}
  jsonschema.validate(
    jobset,
    _object(
      {
        "apiVersion": {"const": "jobset.x-k8s.io/v1alpha2"},
        "kind": {"const": "JobSet"},
        "metadata": _object({"name": name}),
        "spec": _object(
          {
            "failurePolicy": _object({"maxRestarts": {"type": "integer"}}),
            "network": _object(
              {"enableDNSHostnames": {"const": True}, "subdomain": name}
            ),
            "replicatedJobs": {
              "type": "array",
              "items": _object(
                {
                  "name": name,
                  "replicas": {"type": "integer"},
                  "template": {"type": "object"},
                }
              ),
            },
          }
        ),
      }
    ),
  )
  (job,) = jobset["spec"]["replicatedJobs"]
  kubernetes_validate.validate(
    {
      "apiVersion": "batch/v1",
      "kind": "Job",
      "metadata": {"name": "workers"},
      **job["template"],
    },
    "1.30",
    strict=True,
  )
  spec = job["template"]["spec"]
  (container,) = spec["template"]["spec"]["containers"]
  flags = dict(
    word.removeprefix("--").split("=", 1)
    for word in container["command"]
    if word.startswith("--")
  )
  assert spec["parallelism"] == spec["completions"]
  assert int(flags["num_processes"]) == spec["completions"]
  host, _, port = flags["coordinator"].partition(":")
  network = jobset["spec"]["network"]["subdomain"]
  assert host == f"{jobset['metadata']['name']}-{job['name']}-0-0.{network}"
  assert int(port) in [p["containerPort"] for p in container["ports"]]
  (mount,) = container["volumeMounts"]
  assert flags["run_dir"].startswith(mount["mountPath"])
  words = [
    word.replace("$(JOB_COMPLETION_INDEX)", "1")
    for word in container["command"]
  ]
  assert not any("$(" in word for word in words)
  assert plan_of(words) == "WildRobotWalk 0.3 1"


def test_skypilot(bench, tmp_path, plan_of):
  """Its fields, and its scripts with the variables that SkyPilot sets."""
  install, recorded = bench
  words = shlex.split(_find("sky launch"))
  task = yaml.safe_load((_ROOT / words[2]).read_text())
  jsonschema.validate(
    task,
    _object(
      {
        "name": {"type": "string"},
        "workdir": {"type": "string"},
        "num_nodes": {"type": "integer", "minimum": 1},
        "resources": _object({"accelerators": {"type": "string"}}),
        "envs": {
          "type": "object",
          "additionalProperties": {"type": "string"},
        },
        "setup": {"type": "string"},
        "run": {"type": "string"},
      }
    ),
  )
  overridden = words[words.index("--env") + 1].partition("=")[0]
  assert overridden in task["envs"]
  install("make")
  install("python")
  environment = task["envs"] | {
    "SKYPILOT_NODE_IPS": "10.0.0.1\n10.0.0.2",
    "SKYPILOT_NUM_NODES": "2",
    "SKYPILOT_NODE_RANK": "1",
  }
  exports = "".join(
    f"export {key}={shlex.quote(value)}\n" for key, value in environment.items()
  )
  _shell(task["setup"], tmp_path)
  _shell(exports + task["run"].replace(".venv/bin/", ""), tmp_path)
  assert recorded("make") == [["setup"]]
  (call,) = recorded("python")
  assert "--coordinator=10.0.0.1:12355" in call
  assert plan_of(call) == "WildRobotWalk 0.3 1"
