"""Hashes of what must stay the same when code is moved, one a line.

    python -m tests.golden > before.txt
    python -m tests.golden | diff before.txt -

Bits of floating-point programs are a machine's own: compare on one machine. All
of it goes through command lines and Playground's registry, so that modules may
move beneath.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

_ROOT = pathlib.Path(__file__).parents[1]
_REFERENCE = _ROOT / "reference"


def digest(*values: Any) -> str:
  """Sixteen hex digits over arrays, texts and plain values."""
  found = hashlib.sha256()
  for value in values:
    if isinstance(value, np.ndarray):
      found.update(f"{value.dtype}{value.shape}".encode())
      found.update(np.ascontiguousarray(value).tobytes())
    else:
      found.update(json.dumps(value, sort_keys=True).encode())
  return found.hexdigest()[:16]


def run(program: str, *arguments: object) -> str:
  """What a command line of ours prints."""
  command = [sys.executable, "-m", f"wildrobot_playground.{program}"]
  return subprocess.run(
    [*command, *map(str, arguments)],
    stdout=subprocess.PIPE,
    text=True,
    check=True,
    cwd=_ROOT,
  ).stdout


def arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
  """The numbers of an `.npz`, without its texts."""
  with np.load(path) as stored:
    return {name: a for name, a in stored.items() if a.dtype.kind in "fiub"}


def of_files(paths: list[pathlib.Path]) -> str:
  """Over the numbers of several `.npz`."""
  parts: list[Any] = []
  for path in sorted(paths):
    parts.append(path.name)
    for name, array in sorted(arrays(path).items()):
      parts += [name, array]
  return digest(*parts)


def steps() -> str:
  """50 steps of four robots on flat and on rough ground."""
  import jax
  from mujoco_playground import registry

  import wildrobot_playground  # noqa: F401  registers ours

  parts = []
  for name in ("WildRobotWalk", "WildRobotWalkRough"):
    env = registry.load(name)
    state = jax.jit(jax.vmap(env.reset))(
      jax.random.split(jax.random.PRNGKey(0), 4)
    )
    step = jax.jit(jax.vmap(env.step))
    for i in range(50):
      actions = jax.random.uniform(
        jax.random.PRNGKey(i), (4, env.action_size), minval=-1.0
      )
      state = step(state, actions)
      parts += [
        np.asarray(state.data.qpos),
        np.asarray(state.obs["state"]),
        np.asarray(state.obs["privileged_state"]),
        np.asarray(state.reward),
        np.asarray(state.info["amp_features"]),
      ]
  return digest(*parts)


def training(run_dir: pathlib.Path) -> str:
  """Three iterations with style: metrics, and the policy's parameters."""
  import jax
  from brax.training.agents.ppo import checkpoint

  from tests.runs import tiny

  run(
    "train",
    *tiny.TINY,
    "--num_timesteps=120",
    f"--run_dir={run_dir}",
    "--novideo",
    "--nocheck",
    "--noevaluate",
    "--wandb=disabled",
  )
  lines = (run_dir / "metrics.jsonl").read_text().splitlines()
  records = [
    {k: v for k, v in json.loads(line).items() if "second" not in k}
    for line in lines
  ]
  for record in records:
    for name in [n for n in record if n.startswith(("time", "training/"))]:
      del record[name]
  leaves = jax.tree.leaves(checkpoint.load(str(run_dir / "policy")))
  return digest(records, *map(np.asarray, leaves))


def contract(run_dir: pathlib.Path) -> str:
  """What an export says of the robot and its policy."""
  run("export", f"--checkpoint={run_dir}")
  found = json.loads((run_dir / "export" / "policy.json").read_text())
  del found["versions"]
  return digest(found)


def hashes(folder: pathlib.Path) -> Iterator[tuple[str, str]]:
  """Name and hash of everything; `folder` is for what is made on the way."""
  clips = sorted((_REFERENCE / "clips").glob("*.npz"))
  yield "reference", of_files([*clips, *_REFERENCE.glob("*.npz")])
  run("motion", "build", *clips, "--output", folder / "features.npz")
  yield "features", of_files([folder / "features.npz"])
  run("motion", "generate", "--speed", 0, 0.3, "--output", folder / "made")
  yield "generate", of_files(list((folder / "made").glob("*.npz")))
  source = _REFERENCE / "sources" / "humanoid3d_walk.txt"
  run("motion", "import", source, "--speed", 0.2, "--output", folder / "taken")
  yield "import", of_files(list((folder / "taken").glob("*.npz")))
  yield "steps", steps()
  yield "training", training(folder / "run")
  yield "contract", contract(folder / "run")
  said = run(
    *("evaluate", "--policy=walk", "--commands=0,0.4", "--episodes=2"),
    "--seconds=5",
  )
  yield "simulation", digest(said)


if __name__ == "__main__":
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
  with tempfile.TemporaryDirectory() as made:
    for name, value in hashes(pathlib.Path(made)):
      print(f"{name:<12} {value}", flush=True)
