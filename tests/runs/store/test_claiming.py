"""Who goes on with a run has it to himself, and rewrites nothing there."""

import contextlib
import json
import pathlib
import shutil

import pytest

from tests.runs import tiny
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs import training
from wildrobot_playground.runs.store import checkpoint, claiming, folder, resume
from wildrobot_playground.system import assets, errors, files


@pytest.fixture
def run_dir(tiny_run, tmp_path) -> pathlib.Path:
  """A copy of a finished run."""
  return pathlib.Path(shutil.copytree(tiny_run, tmp_path / "run"))


def _resumed(run_dir, **changes) -> plan_lib.Plan:
  request = plan_lib.Request(run_dir=str(run_dir), **changes)
  return plan_lib.make_plan(request, resume.read_config(run_dir))


def _marks(run_dir) -> dict[str, tuple[int, int]]:
  return {
    path.name: (path.stat().st_ino, path.stat().st_mtime_ns)
    for path in run_dir.iterdir()
  }


@pytest.mark.parametrize("how", ["named", "auto", "checkpoint", "start"])
def test_a_run_that_is_being_written_is_refused_in_one_line(run_dir, how):
  paths = {"named": run_dir, "checkpoint": run_dir / "checkpoints/000000000120"}
  request = (
    tiny.request(run_dir)
    if how == "start"
    else tiny.request(run_dir, resume=str(paths.get(how, how)))
  )
  before = _marks(run_dir)
  with (
    folder.held(run_dir),
    pytest.raises(
      errors.UsageError, match="is being written by process"
    ) as error,
  ):
    training.run(request)
  assert "\n" not in str(error.value)
  assert _marks(run_dir).keys() == before.keys()


def test_going_on_rewrites_neither_configuration_nor_reference(run_dir):
  before = _marks(run_dir)
  claiming.write_down(_resumed(run_dir), reference_lib.of_run(run_dir), True)
  assert _marks(run_dir) == before


def test_other_settings_are_written_down(run_dir):
  plan = _resumed(run_dir, overrides=("--amp.disc_lr=1e-3",))
  claiming.write_down(plan, None, True)
  assert checkpoint.load_config(run_dir)["amp"]["disc_lr"] == 1e-3


def test_a_full_disk_leaves_the_configuration_readable(run_dir, monkeypatch):
  before = checkpoint.load_config(run_dir)

  def full(*_):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(files, "_flush", full)
  plan = _resumed(run_dir, overrides=("--amp.disc_lr=1e-3",))
  with pytest.raises(errors.UsageError, match="No space left"):
    claiming.write_down(plan, None, True)
  assert checkpoint.load_config(run_dir) == before


def test_a_default_name_that_is_taken_is_another_name(tmp_path):
  wanted = tmp_path / "WildRobotWalk-20260101-120000"
  with contextlib.ExitStack() as claims:
    first = claiming.claim_new(wanted, False, claims)
    second = claiming.claim_new(wanted, False, claims)
  assert (first.name, second.name) == (wanted.name, f"{wanted.name}-2")


def test_a_folder_without_checkpoint_or_policy_is_nobodys_run(tmp_path):
  """As a run leaves it that was killed before its first checkpoint."""
  for _ in range(3):
    with contextlib.ExitStack() as claims:
      assert claiming.claim_new(tmp_path, True, claims) == tmp_path
      (tmp_path / "config.json").write_text("{")
      (tmp_path / "metrics.jsonl").write_text("")
      (tmp_path / "checkpoints").mkdir(exist_ok=True)


def _assert_refused_untouched(run_dir, name):
  before = _marks(run_dir)
  with (
    contextlib.ExitStack() as claims,
    pytest.raises(errors.UsageError, match=f"already holds .*{name}") as error,
  ):
    claiming.claim_new(run_dir, True, claims)
  assert "\n" not in str(error.value)
  after = _marks(run_dir)
  assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("name", folder.WRITTEN)
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_not_a_runs_own_is_not_overwritten(tmp_path, name, kind):
  path = tmp_path / name
  if kind == "file":
    path.write_text("mine")
  elif kind == "folder":
    path.mkdir()
  else:
    path.symlink_to(tmp_path / "elsewhere")
    path = path.parent / "elsewhere"
    path.write_text("mine")
  _assert_refused_untouched(tmp_path, name)


def test_the_records_of_a_run_outlive_its_checkpoints(run_dir):
  """Deleted to save the disk, they take nothing else with them."""
  shutil.rmtree(run_dir / "policy")
  shutil.rmtree(run_dir / "checkpoints")
  _assert_refused_untouched(run_dir, "metrics.jsonl")


def test_all_that_a_run_leaves_is_kept_from_the_next_one(run_dir):
  names = {path.name for path in run_dir.iterdir()}
  assert names - set(folder.WRITTEN) <= {"checkpoints", "policy", ".lock"}


@pytest.mark.parametrize("left", ["policy", ".policy.old"])
def test_a_policy_alone_is_a_run(tmp_path, left):
  """Between two renames a killed process leaves it under its other name."""
  (tmp_path / left).mkdir()
  with (
    contextlib.ExitStack() as claims,
    pytest.raises(errors.UsageError, match="already holds a run"),
  ):
    claiming.claim_new(tmp_path, True, claims)


def test_what_was_taken_is_free_after_a_refusal(run_dir):
  for _ in range(2):
    with (
      contextlib.ExitStack() as claims,
      pytest.raises(errors.UsageError, match="already holds a run"),
    ):
      claiming.claim_new(run_dir, True, claims)


def test_a_policy_between_two_renames_comes_back(run_dir, monkeypatch):
  old = run_dir / ".policy.old"
  (run_dir / "policy").rename(old)
  before = json.loads((old / "sha256.json").read_text())

  def full(*_):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(checkpoint.arrays, "check_room", full)
  with pytest.raises(OSError, match="No space left"):
    checkpoint.save_policy(
      run_dir, (), {"state": (38,)}, 9, _resumed(run_dir).ppo
    )
  assert json.loads((run_dir / "policy" / "sha256.json").read_text()) == before
  checkpoint.check_policy(run_dir / "policy")


def test_clips_that_have_changed_are_told(run_dir, tmp_path, capsys):
  clips = tmp_path / "clips"
  clips.mkdir()
  shipped = assets.reference() / "clips"
  shutil.copy(shipped / "human_walk_0p30.npz", clips / "walk.npz")
  key = "env_config.reset_config.reference_clips"
  plan = _resumed(run_dir, overrides=(f"--{key}={clips}",))
  claiming.write_down(plan, None, True)
  claiming.write_down(plan, None, True)
  assert capsys.readouterr().err == ""
  shutil.copy(shipped / "human_walk_0p40.npz", clips / "walk.npz")
  claiming.write_down(_resumed(run_dir), None, True)
  assert capsys.readouterr().err.count("have changed since the run began") == 1
  claiming.write_down(_resumed(run_dir), None, True)
  assert capsys.readouterr().err == ""
