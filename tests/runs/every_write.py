"""Kills a run, or takes its disk away, at one of its writes after the other.

A program of its own: `python -m tests.runs.every_write FOLDER EVERY`. The
layer around the training is the real one; the training in it is a small stand
in, so that a run takes no compilation. Every run is a process, forked.
"""

import dataclasses
import json
import os
import pathlib
import resource
import signal
import sys
import threading
import time
import types
from collections.abc import Callable
from typing import Any

import mujoco_playground
import numpy as np
from flax import struct

from tests.runs import tiny
from wildrobot_playground.amp import ppo
from wildrobot_playground.amp.programs import Compiled
from wildrobot_playground.amp.progress import Event
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.runs import preflight, training
from wildrobot_playground.runs.logs import metrics_log
from wildrobot_playground.runs.store import (
  checkpoint,
  folder,
  manifest,
  snapshots,
)
from wildrobot_playground.system import assets, errors

ITERATIONS, STEPS = 5, 40
_OPENS_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_WRITES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate")


@struct.dataclass
class State:
  device_keys: np.ndarray
  iteration: np.ndarray
  weights: np.ndarray


def train(environment, hooks, **other):
  """Has the interface of `ppo.train`, and its order of calls."""
  state, _ = hooks.restore_fn(
    State(np.zeros((1, 2), np.uint32), np.int32(0), np.zeros(1000, np.float32))
  )
  hooks.compiled_fn(Compiled(0.0, None))
  for index in range(int(state.iteration), ITERATIONS):
    if hooks.stop_fn():
      break
    state = State(
      np.asarray(state.device_keys),
      np.int32(index + 1),
      np.asarray(state.weights) * 1.5 + index,
    )
    steps = (index + 1) * STEPS
    hooks.metrics_fn(steps, {"value": float(index)})
    hooks.event_fn(Event(steps, "incident", "something"))
    hooks.state_fn(steps, state, dict)
  return None, _params(state), {}


def _params(state):
  layer = {"kernel": np.asarray(state.weights), "bias": np.zeros(3)}
  normalizer = {"mean": {"state": np.zeros(4)}, "count": np.float32(1)}
  return normalizer, {"params": {"a": layer}}, {"params": {"a": layer}}


def put_stand_ins(replace: Callable[[Any, str, Any], None] = setattr) -> None:
  """Puts them in place, by `replace`; whatever writes is the real thing."""
  reference = dataset_lib.load(assets.reference() / "wildrobot_walk.npz")
  environment = types.SimpleNamespace(
    observation_size={"state": (4,), "privileged_state": (5,)}, action_size=3
  )
  registry = mujoco_playground.registry
  replace(registry, "load", lambda *_, **__: environment)
  replace(preflight, "reference_of", lambda *_: reference)
  replace(preflight, "fit_memory", lambda plan, *_: plan)
  replace(ppo, "train", train)
  replace(training.checkpoint, "make_policy", lambda *_: None)
  replace(training.scorecard, "table", lambda _: "")
  replace(training.evaluation, "evaluate", lambda *_, **__: tiny.judged())


class Hook:
  """Counts the writes below a folder, and acts at one of them."""

  def __init__(self, where: pathlib.Path, at: int, act) -> None:
    self.seen: list[str] = []
    self._where, self._at, self._act = str(where), at, act
    self._lock = threading.RLock()
    sys.addaudithook(self)

  def __call__(self, event: str, arguments: tuple) -> None:
    if not self._is_write(event, arguments):
      return
    with self._lock:
      self.seen.append(f"{event} {arguments[0]}")
      if len(self.seen) - 1 == self._at:
        self._act()

  def _is_write(self, event: str, arguments: tuple) -> bool:
    if event == "open":
      path, _, flags = arguments
      writes = flags & _OPENS_TO_WRITE
      return bool(writes) and str(path).startswith(self._where)
    if event not in _WRITES:
      return False
    # Files of a folder that is being removed are named relative to it.
    is_relative = event == "os.remove" and arguments[1] != -1
    return is_relative or self._where in str(arguments[0])


def _die() -> None:
  os.kill(os.getpid(), signal.SIGKILL)


def _take_the_disk() -> None:
  """No file can grow any more, as under a quota that is used up."""
  resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def _run(run_dir: pathlib.Path, at: int, act, log: pathlib.Path) -> int:
  """Trains in a process of its own, or goes on; the exit code."""
  pid = os.fork()
  if pid:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
  code = 3
  output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
  pipe_out, pipe_in = os.pipe()
  os.set_blocking(pipe_in, False)
  os.dup2(pipe_in, 1)  # A file could not grow either.
  os.dup2(pipe_in, 2)
  try:
    hook = Hook(run_dir, at, act)
    try:
      training.run(
        tiny.request(run_dir, resume="auto", num_timesteps=ITERATIONS * STEPS)
      )
      code = 0
    except (errors.UsageError, errors.RunFailedError) as error:
      os.write(2, f"error: {error}\n".encode())
      code = 1
    resource.setrlimit(
      resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    log.with_suffix(".writes").write_text("\n".join(hook.seen))
  except BaseException as error:
    os.write(2, f"TRACEBACK {type(error).__name__} {error}".encode())
  resource.setrlimit(
    resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
  )
  os.write(2, b"\nend")
  os.write(output, os.read(pipe_out, 60_000))
  os._exit(code)


def _figures(run_dir: pathlib.Path) -> dict:
  """What is to be looked at of a run that has ended."""
  store = snapshots.Snapshots(run_dir)
  arrays = snapshots.read(store.path(store.steps()[-1]))
  checkpoint.load_config(run_dir)
  checkpoint.check_policy(run_dir / checkpoint.POLICY_FOLDER)
  records, others = metrics_log.read(run_dir)
  return {
    "steps": store.steps(),
    "weight": float(arrays[".weights"][0]),
    "records": [record["steps"] for record in records],
    "others": others,
    "names": sorted(
      path.name for path in run_dir.iterdir() if path.name != folder.LOCK_FILE
    ),
  }


def _checkpointed(run_dir: pathlib.Path) -> int:
  """The newest checkpoint that verifies; 0 without one."""
  store = snapshots.Snapshots(run_dir)
  for steps in store.steps()[::-1]:
    try:
      manifest.verified(store.path(steps))
    except manifest.SnapshotError:
      continue
    return steps
  return 0


def _reached(run_dir: pathlib.Path) -> int:
  """Steps of the last iteration that was begun to be saved."""
  path = run_dir / metrics_log.METRICS_FILE
  records = metrics_log.read(run_dir)[0] if path.exists() else []
  return int(records[-1]["steps"]) if records else 0


def main(root: pathlib.Path, every: int) -> None:
  """Prints, as JSON, the list of writes and what came of each disturbance."""
  put_stand_ins()
  dataclasses.replace(tiny.request())  # Its imports are done before any fork.
  whole, log = root / "whole", root / "whole.log"
  assert _run(whole, -1, _die, log) == 0, log.read_text()
  writes = log.with_suffix(".writes").read_text().splitlines()
  found = []
  for name, act in (("kill", _die), ("quota", _take_the_disk)):
    for at in range(0, len(writes), every):
      run_dir, log = root / f"{name}{at}", root / f"{name}{at}.log"
      started = time.monotonic()
      first = _run(run_dir, at, act, log)
      said = log.read_text()
      saved, reached = _checkpointed(run_dir), _reached(run_dir)
      second = _run(run_dir, -1, _die, log)
      result = {
        "disturbance": f"{name} at {at}: {writes[at]}",
        "first": first,
        "said": said[-1500:],
        "saved": saved,
        "reached": reached,
        "second": second,
        "seconds": time.monotonic() - started,
      }
      if second == 0:
        result |= _child_figures(run_dir, root)
      else:
        result["again"] = log.read_text()[-1500:]
      found.append(result)
  print(
    json.dumps(
      {"writes": writes, "whole": _child_figures(whole, root), "found": found}
    )
  )


def _child_figures(run_dir: pathlib.Path, root: pathlib.Path) -> dict:
  """Looked at in a process of its own, for this one must not use jax."""
  path = root / "figures.json"
  pid = os.fork()
  if pid == 0:
    try:
      path.write_text(json.dumps(_figures(run_dir)))
    except BaseException as error:
      path.write_text(json.dumps({"damaged": f"{type(error)} {error}"}))
    os._exit(0)
  os.waitpid(pid, 0)
  return json.loads(path.read_text())


if __name__ == "__main__":
  main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
