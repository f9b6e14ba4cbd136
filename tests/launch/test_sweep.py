"""A sweep: every run once, and figures with honest intervals."""

import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import slurm
import sweep
import sweep_figures
import sweep_runs
import train_flags

from tests.runs.tiny import TINY
from wildrobot_playground.system import errors

_SCRIPT = pathlib.Path(__file__).parents[2] / "launch" / "sweep.py"


def test_grids_multiply_and_seeds_come_last(tmp_path):
  grids = ["amp.weight=0,0.3", "ppo.network_factory.x=(8,8),(16,)"]
  found = list(sweep_runs.runs(grids, 2, tmp_path))
  assert len(found) == 2 * 2 * 2
  assert len({run.folder for run in found}) == len(found)
  assert [run.seed for run in found] == [0] * 4 + [1] * 4
  assert found[0].name == "amp.weight=0 ppo.network_factory.x=(8,8)"
  assert "--amp.weight=0" in found[0].command(["--video=false"])
  assert found[0].command(["--video=false"])[-1] == "--video=false"


def test_no_grid_is_the_default_over_seeds(tmp_path):
  assert [run.name for run in sweep_runs.runs([], 3, tmp_path)] == [
    "default"
  ] * 3


@pytest.mark.parametrize(
  "grid",
  ["amp.weight", "=1,2", "amp.weight=", "amp.weight=0,,1", "--amp.weight=1"],
)
def test_grids_that_are_none_are_refused(tmp_path, grid):
  with pytest.raises(errors.UsageError, match="--grid"):
    list(sweep_runs.runs([grid], 1, tmp_path))


SEEDS = ",".join(map(str, range(4000)))


@pytest.mark.parametrize(
  ("grids", "said"),
  [
    (["amp.weight=0,0.3,0"], "amp.weight=0 is given twice"),
    (["amp.weight=0", "amp.weight=1"], "amp.weight is given twice"),
    (["ppo.num_envs=64,0"], "ppo.num_envs is 0; it must be"),
    (["env_config.sim_dt=1e999"], "env_config.sim_dt is inf"),
    ([f"{k}=0.{'0' * 99}1" for k in ("amp.weight", "amp.disc_lr")], "too long"),
    ([f"ppo.num_timesteps={SEEDS[2:]}"], "make 11,997 runs"),
    (["seed=1,2"], "--seed is set here; every setting"),
    (["run_dir=a,b"], "--run_dir is set here"),
    (["resume=a"], "--resume is set here"),
  ],
)
def test_grids_that_no_sweep_can_run_are_one_line(tmp_path, grids, said):
  with pytest.raises(errors.UsageError) as error:
    list(sweep_runs.runs(grids, 3, tmp_path))
  assert said in str(error.value)
  assert "\n" not in str(error.value)


def test_a_path_as_a_value_is_one_folder(tmp_path):
  [run] = sweep_runs.runs(["reference=/some/where"], 1, tmp_path)
  assert run.folder.parent.parent == tmp_path
  assert "--reference=/some/where" in run.command([])


def test_intervals_are_students():
  found = sweep_figures.Statistic.of([1.0, 2.0, 3.0])
  assert found.mean == 2.0
  assert found.half_width == pytest.approx(4.30 * 1.0 / math.sqrt(3))
  assert math.isnan(sweep_figures.Statistic.of([1.0]).half_width)
  assert sweep_figures.Statistic.of([]).show(".2f") == "-"
  assert sweep_figures.Statistic.of([1.0]).show(".2f") == "1.00"


def _evaluation(folder, error, falls):
  folder.mkdir(parents=True)
  rows = [
    {
      "command": command,
      "velocity_error": error,
      "falls": falls,
      "episodes": 10,
      "style_distance": 0.3,
      "cost_of_transport": None if command == 0.2 else 1.0,
    }
    for command in (0.0, 0.2, 0.4)
  ]
  (folder / "eval.json").write_text(json.dumps({"commands": rows}))


def test_the_table_has_a_row_a_setting(tmp_path):
  everything = list(sweep_runs.runs(["amp.weight=0,0.3"], 2, tmp_path))
  for run in everything:
    _evaluation(run.folder, 0.01 * (run.seed + 1), falls=1)
  figures = sweep_figures.collect(everything, [0.2, 0.4])
  assert figures["amp.weight=0"]["velocity_error"].mean == pytest.approx(0.015)
  assert figures["amp.weight=0"]["falls"].mean == pytest.approx(10.0)
  assert figures["amp.weight=0"]["cost_of_transport"].mean == 1.0
  text = sweep_figures.table(figures, 2)
  assert text.count("| amp.weight=") == 2
  sweep_figures.plot(figures, tmp_path / "plot.png")
  assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["table.md", "plot.png"])
def test_a_users_file_in_the_folder_is_kept(tmp_path, name):
  (tmp_path / name).write_text("my own")
  refused = _sweep(f"--folder={tmp_path}", "--dry_run")
  assert refused.returncode == 2
  assert f"{name} is there and is no sweep's" in refused.stderr
  assert (tmp_path / name).read_text() == "my own"


def test_the_files_of_another_sweep_are_known(tmp_path):
  everything = list(sweep_runs.runs([], 1, tmp_path))
  _evaluation(everything[0].folder, 0.01, falls=0)
  figures = sweep_figures.collect(everything, [0.2])
  table, plot = tmp_path / "table.md", tmp_path / "plot.png"
  table.write_text(sweep_figures.table(figures, 1))
  sweep_figures.plot(figures, plot)
  assert sweep_figures.is_ours(table)
  assert sweep_figures.is_ours(plot)


def test_slurm_options_are_submitits():
  found = slurm.parameters("partition=gpu,gpus_per_node=2")
  assert found["partition"] == "gpu"
  assert found["gpus_per_node"] == 2
  with pytest.raises(errors.UsageError, match="no key=value"):
    slurm.parameters("partition")


@pytest.mark.slow
def test_submitted_runs_are_run(tmp_path):
  """By submitit, as an array, but in processes of this machine."""
  todo = list(sweep_runs.runs(["ppo.num_envs=7"], 2, tmp_path))
  jobs = sweep.submit(todo, "", ["--wandb=disabled"], cluster="local")
  assert len(jobs) == 2
  for job in jobs:  # Each of them got as far as reading its settings.
    assert "must be a multiple of num_envs 7" in str(job.exception())


def test_without_slurm_it_is_one_line(tmp_path, monkeypatch):
  monkeypatch.setenv("PATH", "")
  todo = list(sweep_runs.runs([], 1, tmp_path))
  with pytest.raises(errors.UsageError, match="--slurm: "):
    sweep.submit(todo, "", [])


def _sweep(*arguments):
  return subprocess.run(
    [sys.executable, str(_SCRIPT), *arguments],
    capture_output=True,
    text=True,
    check=False,
  )


def test_a_dry_run_prints_commands(tmp_path):
  done = _sweep(
    "--grid=amp.weight=0,1", "--seeds=2", "--dry_run", f"--folder={tmp_path}"
  )
  assert done.returncode == 0
  assert done.stdout.count("wildrobot_playground.train") == 4


@pytest.mark.slow
def test_a_sweep_ends_in_a_table_and_goes_on_where_it_stopped(tmp_path):
  arguments = [
    "--grid=amp.weight=0,0.3",
    "--seeds=1",
    f"--folder={tmp_path}",
    "--num_timesteps=120",
    "--novideo",
    "--nocheck",
    "--noevaluate",
    "--wandb=disabled",
    *TINY,
  ]
  first = _sweep(*arguments)
  assert first.returncode == 0, first.stderr + first.stdout
  assert first.stdout.count("done ") == 2
  assert (tmp_path / "table.md").read_text().count("| amp.weight=") == 2
  second = _sweep(*arguments)
  assert second.returncode == 0
  assert "start" not in second.stdout.split("table")[0]


@pytest.mark.parametrize(
  "flag",
  ["--seed=5", "-seed=5", "--run_dir=x", "--resume=auto", "--noresume"],
)
def test_what_the_sweep_sets_itself_is_refused(flag):
  with pytest.raises(errors.UsageError, match="is set here"):
    train_flags.refuse(["--amp.weight=0", flag], sweep_runs.OWN)
  with pytest.raises(errors.UsageError, match="is set here"):
    train_flags.refuse([flag.partition("=")[0], "5"], sweep_runs.OWN)


# In a process of its own: other programs have flags of the same names.
_CHECK = """
import json, sys
from absl import flags
import sweep, train_flags
flags.FLAGS(["sweep"])
found = []
for arguments in json.loads(sys.argv[1]):
  try:
    found.append(["", train_flags.check(arguments)])
  except Exception as error:
    found.append([type(error).__name__, str(error)])
print(json.dumps(found))
"""


def _checked(*trainings):
  """What each would train, or the error's class and message."""
  done = subprocess.run(
    [sys.executable, "-c", _CHECK, json.dumps(trainings)],
    env={
      **os.environ,
      "PYTHONPATH": f"{_SCRIPT.parent}:{_SCRIPT.parents[1]}",
    },
    stdout=subprocess.PIPE,
    text=True,
    check=True,
  )
  return json.loads(done.stdout.splitlines()[-1])


def test_what_train_would_refuse_is_refused_first(tmp_path):
  [run] = sweep_runs.runs([], 1, tmp_path)
  refusals = {
    "--amp.weight=nan": "amp.weight=nan: expected a number",
    "--../../x=1": "unknown section of ''",
    "--jobs=1": "unknown flag '--jobs'",
    "--amp.wait=1": "unknown key 'amp.wait'",
    "--env=Walk": "unknown environment",
    "--seed=x": "flag --seed=x",
    "--ppo.num_envs=0": "ppo.num_envs is 0",
  }
  found = _checked(*(run.arguments([argument]) for argument in refusals))
  for said, (kind, message) in zip(refusals.values(), found, strict=True):
    assert kind in ("UsageError", "IllegalFlagValueError"), message
    assert said in message


def test_equal_trainings_have_equal_keys():
  others = ["--amp.weight=0", "--noevaluate", "--impl=jax", "--seed=1"]
  found = _checked(
    ["--amp_weight=0.5"],
    ["--amp.weight=0.5"],
    ["--amp_weight=1", "--amp.weight=0.50"],
    *(["--amp_weight=0.5", other] for other in others),
  )
  assert [kind for kind, _ in found] == [""] * len(found)
  keys = [key for _, key in found]
  assert keys[0] == keys[1] == keys[2]
  assert len(set(keys)) == 1 + len(others)


def test_one_training_under_two_names_is_refused(tmp_path):
  todo = list(sweep_runs.runs(["amp_weight=0,1"], 2, tmp_path))
  with pytest.raises(errors.UsageError, match="are the same training"):
    sweep.check(todo, ["--amp.weight=0.5"])


@pytest.mark.parametrize(
  ("content", "said"),
  [
    ('{"commands": [{"comm', "is no evaluation"),
    ("[]", "it is no table of keys"),
    ("{}", "it has no commands"),
    ('{"commands": [1]}', "a row of it is no table of keys"),
    ('{"commands": [{"command": 0.2}]}', "it has no episodes"),
    ("[" * 100_000, "nested too deeply"),
  ],
)
def test_a_damaged_evaluation_is_one_line(tmp_path, content, said):
  [run] = sweep_runs.runs([], 1, tmp_path)
  run.folder.mkdir(parents=True)
  (run.folder / "eval.json").write_text(content)
  with pytest.raises(errors.UsageError, match=said) as error:
    sweep_figures.collect([run], [0.2])
  assert str(run.folder / "eval.json") in str(error.value)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize(
  ("key", "value"),
  [("velocity_error", "x"), ("falls", [1]), ("episodes", 0), ("command", None)],
)
def test_a_damaged_row_is_one_line(tmp_path, key, value):
  _evaluation(tmp_path / "run", 0.1, 1)
  path = tmp_path / "run" / "eval.json"
  found = json.loads(path.read_text())
  found["commands"][1][key] = value
  path.write_text(json.dumps(found))
  with pytest.raises(errors.UsageError, match="is no evaluation"):
    sweep_figures.evaluation(path, [0.2])
  del found["commands"][1][key]
  path.write_text(json.dumps(found))
  with pytest.raises(errors.UsageError, match=f"it has no {key}"):
    sweep_figures.evaluation(path, [0.2])


# A sweep whose trainings wait for a signal, and take a while to save. What
# checks their flags is left out: it takes seconds.
_STAND_IN = """
import sys, pathlib
import slurm, sweep
from wildrobot_playground.system import cli
sweep.check = lambda *_: None
slurm.TRAIN = (sys.executable, "-c", '''
import pathlib, sys, time
from wildrobot_playground.system import stopping
folder = pathlib.Path(sys.argv[1].partition("=")[2])
with stopping.StopRequest() as stop:
  (folder / "begun").touch()
  while not stop.requested:
    time.sleep(0.01)
  time.sleep(SAVES)
  (folder / "saved").touch()
''')
cli.run(sweep.main, takes_rest=True)
"""


def _interrupted(folder, number, saves, times):
  """Exit code and output of a sweep whose process group gets a signal."""
  process = subprocess.Popen(
    [
      sys.executable,
      "-c",
      _STAND_IN.replace("SAVES", str(saves)),
      "--jobs=2",
      f"--folder={folder}",
    ],
    env={**os.environ, "PYTHONPATH": f"{_SCRIPT.parent}:{_SCRIPT.parents[1]}"},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    start_new_session=True,
    # Under nohup it would be deaf to what the test sends.
    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
  )
  while len(list(folder.glob("default/*/begun"))) < 2:
    assert process.poll() is None, process.communicate()
    time.sleep(0.05)
  for _ in range(times):
    os.killpg(process.pid, number)
    time.sleep(0.6)
  out, err = process.communicate(timeout=60)
  return process.returncode, out, err


@pytest.mark.parametrize(
  "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
)
def test_a_signal_to_all_lets_every_training_save(tmp_path, number):
  code, out, err = _interrupted(tmp_path, number, 1.0, times=1)
  assert len(list(tmp_path.glob("default/*/saved"))) == 2
  is_ctrl_c = number == signal.SIGINT
  assert err == ("interrupted\n" if is_ctrl_c else "terminated\n")
  assert code == 128 + (signal.SIGINT if is_ctrl_c else signal.SIGTERM)
  assert out.count("stopped  ") == 2
  assert "FAILED" not in out
  assert len(list(tmp_path.glob("default/*"))) == 2  # The third never began.


def test_a_second_signal_waits_for_nothing(tmp_path):
  started = time.monotonic()
  code, _, _ = _interrupted(tmp_path, signal.SIGINT, 50.0, times=2)
  assert time.monotonic() - started < 40
  assert code == 128 + signal.SIGINT
  assert not list(tmp_path.glob("default/*/saved"))


def test_a_folder_that_cannot_be_one_is_one_line(tmp_path):
  (tmp_path / "file").write_text("")
  for folder in (tmp_path / "file" / "..", tmp_path / "file" / "x"):
    done = subprocess.run(
      [sys.executable, "-c", _STAND_IN, f"--folder={folder}"],
      env={
        **os.environ,
        "PYTHONPATH": f"{_SCRIPT.parent}:{_SCRIPT.parents[1]}",
      },
      capture_output=True,
      text=True,
      check=False,
    )
    assert done.returncode == 2
    assert "cannot be written: Not a directory" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_run_that_fails_is_named(tmp_path):
  done = _sweep("--grid=reference=none", "--seeds=1", f"--folder={tmp_path}")
  assert done.returncode == 1
  assert "FAILED" in done.stdout
  assert "none: no such file" in done.stdout
