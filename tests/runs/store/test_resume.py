import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.runs import tiny
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import (
  plan_record,
  preflight,
  reference,
  training,
)
from wildrobot_playground.runs.store import folder, resume, snapshots
from wildrobot_playground.system import errors, stopping

_STEPS = 2_000  # Fifty iterations; a checkpoint after every one.


def _newest(run_dir: pathlib.Path) -> dict[str, np.ndarray]:
  """All arrays of the newest checkpoint, by path."""
  store = snapshots.Snapshots(run_dir)
  return snapshots.read(store.folder / f"{store.steps()[-1]:012d}")


def _assert_same_end(one: pathlib.Path, other: pathlib.Path) -> None:
  ours, theirs = _newest(one), _newest(other)
  assert ours.keys() == theirs.keys()
  for name, array in ours.items():
    np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def _resumed(path: pathlib.Path) -> plan_lib.Request:
  return plan_lib.Request(
    resume=str(path), evaluate=False, video=False, wandb=tiny.NO_WANDB
  )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
  """An uninterrupted run."""
  folder = tmp_path_factory.mktemp("whole") / "run"
  return tiny.train(tiny.request(folder, num_timesteps=_STEPS))


def test_resumed_run_ends_in_the_same_bits(whole, tmp_path):
  run_dir = shutil.copytree(whole, tmp_path / "run")
  store = snapshots.Snapshots(run_dir)
  newest = store.steps()[-1]
  assert newest == _STEPS
  shutil.rmtree(store.folder / f"{newest:012d}")
  goes_on_at = store.steps()[-1]
  tiny.train(_resumed(run_dir))
  assert goes_on_at < _STEPS
  _assert_same_end(run_dir, whole)
  records = (run_dir / "metrics.jsonl").read_text().splitlines()
  steps = [json.loads(line)["steps"] for line in records]
  assert steps == sorted(set(steps))
  assert steps[-1] == _STEPS


@pytest.mark.slow
def test_a_damaged_checkpoint_is_skipped_with_a_warning(
  whole, tmp_path, capsys
):
  run_dir = shutil.copytree(whole, tmp_path / "run")
  store = snapshots.Snapshots(run_dir)
  manifest = store.folder / f"{_STEPS:012d}" / "manifest.json"
  manifest.write_text("{")
  tiny.train(_resumed(run_dir))
  assert f"{_STEPS:012d}" in capsys.readouterr().err
  _assert_same_end(run_dir, whole)


@pytest.mark.slow
def test_a_named_earlier_checkpoint_leads_to_the_same_end(whole, tmp_path):
  run_dir = shutil.copytree(whole, tmp_path / "run")
  earlier = snapshots.Snapshots(run_dir).steps()[0]
  named = run_dir / snapshots.FOLDER / f"{earlier:012d}"
  tiny.train(_resumed(named))
  _assert_same_end(run_dir, whole)
  superseded = run_dir / snapshots.FOLDER / f"superseded-{_STEPS:012d}"
  assert superseded.is_dir()


def test_a_resumed_run_keeps_the_reference_that_it_has(whole, monkeypatch):
  def moved(*args):
    raise AssertionError("looked for the source of the reference")

  monkeypatch.setattr(reference, "find", moved)
  plan = plan_lib.make_plan(
    plan_lib.Request(run_dir=str(whole)), resume.read_config(whole)
  )
  kept = preflight.reference_of(plan, None, plan_lib.Request(), goes_on=True)
  assert kept is not None
  assert kept.num_clips > 1


@pytest.mark.slow
def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path):
  run_dir = tmp_path / "run"
  run_dir.mkdir()
  folder.start(run_dir)
  (run_dir / "config.json").write_text("{}")
  tiny.train(tiny.request(run_dir, resume="auto"))
  assert snapshots.Snapshots(run_dir).steps()


def test_other_settings_are_refused_by_name(whole):
  request = plan_lib.Request(
    resume=str(whole), overrides=("--amp.disc_lr=1e-3",)
  )
  with pytest.raises(
    errors.UsageError, match=r"amp.disc_lr \(0.0003 -> 0.001\)"
  ):
    training.run(request)


def test_named_settings_may_differ(whole):
  saved = resume.read_config(whole)
  plan = plan_lib.make_plan(
    plan_lib.Request(overrides=("--amp.disc_lr=1e-3",)), saved
  )
  resume.check(plan, saved, ("amp.disc_lr",))
  with pytest.raises(errors.UsageError, match="not among those that differ"):
    resume.check(plan, saved, ("amp.disc_lr", "ppo.num_envs"))


def test_without_flags_the_saved_settings_hold(whole):
  saved = resume.read_config(whole)
  plan = plan_lib.make_plan(plan_lib.Request(), saved)
  assert plan.ppo.num_envs == 8
  assert plan_record.differences(plan, saved) == {}


def test_a_folder_with_a_run_is_not_overwritten(whole):
  with pytest.raises(errors.UsageError, match="already holds a run"):
    training.run(tiny.request(whole))


@pytest.mark.parametrize(
  ("name", "message"),
  [
    ("none", "has no checkpoints/"),
    ("run/checkpoints/000000000007", "no such checkpoint"),
  ],
)
def test_nothing_to_go_on_with_is_one_line(tmp_path, name, message):
  with pytest.raises(errors.UsageError, match=message):
    resume.find(str(tmp_path / name), None)


def test_auto_starts_afresh_where_there_is_nothing(tmp_path):
  assert resume.find("auto", None, tmp_path) is None
  assert resume.find("auto", str(tmp_path / "run"), tmp_path) is None


def test_auto_finds_the_newest_run(whole):
  assert resume.find("auto", None, whole.parent) == resume.Resume(whole)


def test_first_signal_asks_second_ends():
  code = (
    "import os, signal, time\n"
    "from wildrobot_playground.system import stopping\n"
    "with stopping.StopRequest() as stop:\n"
    "  os.kill(os.getpid(), signal.SIGTERM)\n"
    "  while not stop.requested:\n"
    "    time.sleep(0.01)\n"
    "  print('asked', flush=True)\n"
    "  os.kill(os.getpid(), signal.SIGTERM)\n"
    "  time.sleep(60)\n"
    "  print('never')\n"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=False
  )
  assert done.returncode == 128 + signal.SIGTERM
  assert done.stdout == "asked\n"


def test_signals_are_given_back():
  before = signal.getsignal(signal.SIGTERM)
  with stopping.StopRequest():
    assert signal.getsignal(signal.SIGTERM) != before
  assert signal.getsignal(signal.SIGTERM) == before


def _command(*arguments: str) -> list[str]:
  return [
    sys.executable,
    "-m",
    "wildrobot_playground.train",
    "--novideo",
    "--wandb=disabled",
    "--nocheck",
    *arguments,
  ]


def _start(*arguments: str) -> subprocess.Popen:
  return subprocess.Popen(
    _command(*arguments),
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
    env={**os.environ, "MUJOCO_GL": "disable"},
  )


def _newest_steps(run_dir: pathlib.Path) -> int:
  """Steps of the newest checkpoint; 0 without one."""
  return max(snapshots.Snapshots(run_dir).steps(), default=0)


def _wait_for_checkpoint(
  run_dir: pathlib.Path, process, after: int = 0
) -> None:
  """Until there is one of more than `after` steps, or the process ends."""
  while _newest_steps(run_dir) <= after and process.poll() is None:
    time.sleep(0.01)


def test_sigterm_saves_and_exits_with_0(tmp_path):
  run_dir = tmp_path / "run"
  steps = 40_000
  process = _start(
    f"--run_dir={run_dir}",
    f"--num_timesteps={steps}",
    "--noevaluate",
    *tiny.TINY,
  )
  _wait_for_checkpoint(run_dir, process)
  process.send_signal(signal.SIGTERM)
  assert process.wait(timeout=60) == 0
  assert 0 < _newest_steps(run_dir) < steps
  assert (run_dir / "policy").is_dir()


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_runs_end_in_the_same_bits(whole, tmp_path, kills):
  """SIGKILL at random moments, saves included; then resumed to the end."""
  killed = tmp_path / "killed"
  arguments = [f"--num_timesteps={_STEPS}", "--noevaluate", *tiny.TINY]
  rng = np.random.default_rng(kills)
  for _ in range(kills):
    before = _newest_steps(killed)
    process = _start("--resume=auto", f"--run_dir={killed}", *arguments)
    _wait_for_checkpoint(killed, process, before)
    time.sleep(rng.uniform(0.0, 0.3))
    process.kill()
    process.wait()
  tiny.train(_resumed(killed))
  _assert_same_end(killed, whole)


def _until(condition, process) -> None:
  while not condition() and process.poll() is None:
    time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_last_evaluation_loses_nothing(tmp_path, number):
  run_dir = tmp_path / "run"
  process = subprocess.Popen(
    _command(f"--run_dir={run_dir}", "--num_timesteps=120", *tiny.TINY),
    stderr=subprocess.PIPE,
    text=True,
    env={**os.environ, "MUJOCO_GL": "disable"},
  )
  _until((run_dir / "training.png").is_file, process)
  process.send_signal(number)
  _, said = process.communicate(timeout=60)
  assert process.returncode == 0
  assert said.splitlines()[-1] == (
    f"stopped  checkpoints and policy are saved in {run_dir}"
  )
  assert not (run_dir / "eval.json").exists()
  assert snapshots.Snapshots(run_dir).steps() == [40, 80, 120]
  assert _start(f"--resume={run_dir}").wait() == 0
  assert (run_dir / "eval.json").is_file()
  assert not list(run_dir.glob(".new-*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_an_export_leaves_nothing_half(whole, tmp_path, number):
  out = tmp_path / "out"
  process = subprocess.Popen(
    [
      sys.executable,
      "-m",
      "wildrobot_playground.export",
      f"--checkpoint={whole}",
      f"--output={out}",
    ],
    stderr=subprocess.PIPE,
    text=True,
  )
  _until(lambda: list(out.glob(".new-*/*")), process)
  process.send_signal(number)
  _, said = process.communicate(timeout=60)
  words = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
  assert said == words[number] + "\n"
  assert process.returncode == 128 + number
  assert list(out.iterdir()) == []


@pytest.mark.slow
def test_of_pairs_of_real_trainings_one_has_the_folder(tmp_path):
  """Started, and then resumed, at the same time."""
  run_dir = tmp_path / "run"
  arguments = (f"--run_dir={run_dir}", "--resume=auto", *tiny.TINY)
  for steps in (120, 240):
    more = [f"--num_timesteps={steps}"]
    if steps > 120:
      more.append("--resume_override=ppo.num_timesteps")
    pair = [_start(*arguments, *more) for _ in range(2)]
    assert sorted(process.wait() for process in pair) == [0, 2]
    records = (run_dir / "metrics.jsonl").read_text().splitlines()
    found = [json.loads(line)["steps"] for line in records]
    assert found == list(range(40, steps + 1, 40))


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["stdout", "stderr"])
def test_a_training_that_nobody_hears_goes_on_to_its_end(tmp_path, lost):
  run_dir = tmp_path / "run"
  reading, writing = os.pipe()
  os.close(reading)
  done = subprocess.run(
    _command(f"--run_dir={run_dir}", "--num_timesteps=120", *tiny.TINY),
    check=False,
    env={**os.environ, "MUJOCO_GL": "disable"},
    **{lost: writing},
  )
  assert done.returncode == 0
  assert snapshots.Snapshots(run_dir).steps() == [40, 80, 120]
  for name in ("policy", "eval.json", "report.html"):
    assert (run_dir / name).exists()
