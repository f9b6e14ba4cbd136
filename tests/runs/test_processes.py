"""Several processes train as one: the same bits, written once, resumable."""

import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import numpy as np
import pytest

from tests.runs import every_write, tiny
from wildrobot_playground.runs import training
from wildrobot_playground.runs.store import claiming, snapshots
from wildrobot_playground.system import distributed, errors

_STEPS = 80  # An iteration of 16 robots.
_ITERATIONS = 4
_TO_THE_END = f"--num_timesteps={_ITERATIONS * _STEPS}"
_FLAGS = (
  *tiny.TINY,
  "--ppo.num_envs=16",
  "--ppo.batch_size=16",
  "--amp.replay_size=64",
  "--preset=cpu",
  "--nocheck",
  "--noevaluate",
  "--novideo",
  "--wandb=disabled",
)
_MINUTES = 8 * 60  # s


def _start(
  run_dir: pathlib.Path,
  log: pathlib.Path,
  *flags: str,
  local_devices: int = 1,
) -> subprocess.Popen:
  """Starts one process of a training."""
  devices = f"--xla_force_host_platform_device_count={local_devices}"
  with log.open("w") as output:
    return subprocess.Popen(
      [
        sys.executable,
        "-m",
        "wildrobot_playground.train",
        f"--run_dir={run_dir}",
        *_FLAGS,
        *flags,
      ],
      env={**os.environ, "XLA_FLAGS": devices},
      stdout=output,
      stderr=subprocess.STDOUT,
    )


def _start_two(run_dir: pathlib.Path, *flags: str) -> list[subprocess.Popen]:
  """Starts two processes of a device each that train together."""
  with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
  return [
    _start(
      run_dir,
      run_dir.parent / f"process{i}.log",
      f"--coordinator=localhost:{port}",
      "--num_processes=2",
      f"--process_id={i}",
      *flags,
    )
    for i in range(2)
  ]


def _wait(processes: Sequence[subprocess.Popen], folder: pathlib.Path) -> None:
  codes = [process.wait(_MINUTES) for process in processes]
  logs = [path.read_text()[-1500:] for path in folder.glob("*.log")]
  assert codes == [0] * len(processes), "\n".join(logs)


def _newest(run_dir: pathlib.Path) -> dict[str, np.ndarray]:
  store = snapshots.Snapshots(run_dir)
  return snapshots.read(store.path(store.steps()[-1]))


def _assert_same(one: pathlib.Path, other: pathlib.Path) -> None:
  ours, theirs = _newest(one), _newest(other)
  assert ours.keys() == theirs.keys()
  for name, array in ours.items():
    np.testing.assert_array_equal(array, theirs[name], err_msg=name)


@pytest.fixture(scope="module")
def two_devices(tmp_path_factory) -> pathlib.Path:
  """A run of one process with two devices, on the walking robot."""
  run_dir = tmp_path_factory.mktemp("devices") / "run"
  log = run_dir.parent / "one.log"
  _wait([_start(run_dir, log, _TO_THE_END, local_devices=2)], run_dir.parent)
  return run_dir


@pytest.fixture(scope="module")
def cut_short(two_devices, tmp_path_factory) -> pathlib.Path:
  """The same run as it was an iteration before its end."""
  run_dir = tmp_path_factory.mktemp("cut") / "run"
  store = snapshots.Snapshots(shutil.copytree(two_devices, run_dir))
  assert store.steps()[-1] == _ITERATIONS * _STEPS
  shutil.rmtree(store.path(_ITERATIONS * _STEPS))
  return run_dir


@pytest.mark.slow
def test_two_processes_go_on_to_the_bits_of_two_devices(
  two_devices, cut_short, tmp_path
):
  run_dir = shutil.copytree(cut_short, tmp_path / "run")
  _wait(_start_two(run_dir, "--resume=auto"), tmp_path)
  _assert_same(run_dir, two_devices)
  # Only the first process speaks and writes.
  logs = [(tmp_path / f"process{i}.log").read_text() for i in range(2)]
  assert "cpu x 2 in 2 processes" in logs[0]
  assert str(run_dir) in logs[0]
  assert [line for line in logs[1].splitlines() if "Gloo" not in line] == []
  records = (run_dir / "metrics.jsonl").read_text().splitlines()
  assert len(records) == _ITERATIONS


@pytest.mark.slow
def test_one_device_goes_on_with_what_two_left(cut_short, tmp_path):
  run_dir = shutil.copytree(cut_short, tmp_path / "run")
  before = _newest(run_dir)
  log = tmp_path / "one.log"
  _wait([_start(run_dir, log, "--resume=auto")], tmp_path)
  assert "the learner goes on, the robots start anew" in log.read_text()
  after = _newest(run_dir)
  (count,) = (
    name
    for name in after
    if "prior" not in name
    and name.endswith(".count")
    and "optimizer_state" in name
  )
  assert after[count] * (_ITERATIONS - 1) == before[count] * _ITERATIONS


@pytest.mark.slow
def test_a_signal_to_one_process_stops_both_in_good_order(tmp_path):
  run_dir = tmp_path / "run"
  processes = _start_two(run_dir, "--num_timesteps=1_000_000")
  metrics = run_dir / "metrics.jsonl"
  deadline = time.monotonic() + _MINUTES
  while not (metrics.is_file() and metrics.read_text()):
    assert time.monotonic() < deadline
    assert all(process.poll() is None for process in processes)
    time.sleep(0.5)
  processes[1].send_signal(signal.SIGTERM)
  _wait(processes, tmp_path)
  assert len(snapshots.Snapshots(run_dir).steps()) == 1
  assert (run_dir / "policy").is_dir()
  assert "stopped" in (tmp_path / "process0.log").read_text()


def test_only_the_first_process_writes(tmp_path, monkeypatch):
  """The other layers are real; that the bits agree is in `test_ppo_parity`."""
  every_write.put_stand_ins(monkeypatch.setattr)
  asked = tiny.request(tmp_path / "run", num_timesteps=every_write.STEPS)
  monkeypatch.setattr(claiming, "_for_all", lambda take, run_dir: str(run_dir))
  monkeypatch.setattr(distributed, "is_primary", lambda: False)
  training.run(asked)
  assert list(tmp_path.iterdir()) == []
  monkeypatch.undo()
  every_write.put_stand_ins(monkeypatch.setattr)
  training.run(asked)
  assert (tmp_path / "run" / "metrics.jsonl").is_file()


def test_a_run_that_only_one_process_sees_is_refused(
  tiny_run, tmp_path, monkeypatch
):
  """As on machines that share no file system."""
  monkeypatch.setattr(distributed, "from_primary", lambda value: None)
  request = tiny.request(shutil.copytree(tiny_run, tmp_path / "run"))
  request = dataclasses.replace(request, resume="auto")
  with pytest.raises(errors.UsageError, match="all processes share"):
    training.run(request)


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (("localhost:1", None, None), "--num_processes and --process_id missing"),
    ((None, 2, 0), "--coordinator missing"),
    (("localhost:1", 2, 2), "--process_id=2 must be between 0 and"),
  ],
)
def test_half_a_group_is_refused(arguments, message):
  with pytest.raises(errors.UsageError, match=message):
    distributed.join(*arguments)


def test_a_process_alone_joins_nobody(monkeypatch):
  monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
  distributed.join()
  distributed.join("localhost:1", 1, 0)
  assert distributed.is_primary()
  assert distributed.from_primary({"a": [1, None]}) == {"a": [1, None]}
  vote = distributed.Vote()
  assert [vote(False), vote(True), vote(False)] == [False, True, False]
