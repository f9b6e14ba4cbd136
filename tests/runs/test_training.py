import json
import math
import pathlib
import shutil
import subprocess
import sys

import jax.numpy as jp
import mujoco_playground
import numpy as np
import pytest

from tests import planted
from tests.runs.tiny import TINY, request, train
from wildrobot_playground.amp import guard
from wildrobot_playground.envs import presets as config_lib
from wildrobot_playground.envs import rewards
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs import training
from wildrobot_playground.runs.logs import events, metrics_log
from wildrobot_playground.runs.store import snapshots
from wildrobot_playground.system import assets, backend, errors


def test_a_run_leaves_everything_behind(tiny_run):
  names = {path.name for path in tiny_run.iterdir()}
  assert names == {
    ".lock",
    "checkpoints",
    "config.json",
    "eval.json",
    "metrics.jsonl",
    "policy",
    "reference.npz",
    "report.html",
    "tensorboard",
    "training.png",
  }


def test_config_says_what_was_asked_for(tiny_run):
  config = json.loads((tiny_run / "config.json").read_text())
  assert config["env"] == "WildRobotWalk"
  assert config["seed"] == 0
  assert config["ppo"]["num_envs"] == 8
  assert config["amp"]["disc_updates"] == 2
  assert config["env_config"]["episode_length"] == 500
  assert {"jax", "brax", "mujoco", "playground"} <= config["versions"].keys()
  assert "unknown" not in config["versions"].values()


def test_every_metric_is_recorded(tiny_run):
  records = metrics_log.load_records(tiny_run)
  assert records[-1]["steps"] == 120
  for name in (
    "disc_acc",
    "disc_real_mean",
    "disc_fake_std",
    "disc_penalty",
    "style_reward",
    "style_reward_std",
    "style_distance",
  ):
    assert math.isfinite(records[-1][f"amp/{name}"])


def test_evaluation_covers_the_commands(tiny_run):
  report = json.loads((tiny_run / "eval.json").read_text())
  assert report["physics"] == "mujoco"
  commands = [row["command"] for row in report["commands"]]
  assert commands == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
  assert all(row["episodes"] == 32 for row in report["commands"])


@pytest.mark.slow
def test_same_seed_same_policy_other_seed_other_policy(tiny_run, tmp_path):
  again = train(request(tmp_path / "again"))
  other = train(request(tmp_path / "other", seed=1))

  def last(run):
    record = metrics_log.load_records(run)[-1]
    return {
      k: v for k, v in record.items() if k not in ("seconds", "training/sps")
    }

  assert last(again) == last(tiny_run)
  assert last(other) != last(tiny_run)


def test_plan_takes_preset_then_flags_then_overrides():
  plan = plan_lib.make_plan(
    request(
      preset="original_v030",
      amp_weight=0.5,
      overrides=("--amp.disc_lr=1e-3", "--ppo.num_envs=64"),
      num_timesteps=None,
    )
  )
  assert plan.amp.mixing == "sum"  # preset
  assert plan.ppo.num_timesteps == 131_072_000  # preset
  assert plan.amp.weight == 0.5  # flag
  assert plan.amp.disc_lr == 1e-3  # override
  assert plan.ppo.num_envs == 64  # override


def test_auto_preset_follows_the_backend():
  assert plan_lib.make_plan(request(preset="auto")).preset == "cpu"
  assert backend.choices("gpu").preset == "gpu"


@pytest.mark.parametrize("preset", sorted(config_lib.PRESETS))
def test_every_preset_names_only_known_keys(preset):
  plan_lib.make_plan(request(preset=preset))


def test_checkpoints_are_judged_on_the_way(tmp_path):
  run_dir = train(request(tmp_path / "run", evaluate=True, num_timesteps=400))
  records = metrics_log.load_records(run_dir)
  judged = [record for record in records if "eval/cost" in record]
  assert [record["steps"] for record in judged] == [80, 160, 240, 320, 400]
  for record in judged:
    assert record["eval/cost"] == pytest.approx(
      record["eval/velocity_error"] + record["eval/falls"]
    )
    assert 0 <= record["eval/falls"] <= 1
  best = min(judged, key=lambda record: record["eval/cost"])
  assert snapshots.Snapshots(run_dir).best() == best["steps"]


@pytest.mark.slow
@pytest.mark.parametrize("preset", sorted(config_lib.PRESETS))
def test_every_preset_trains_three_iterations(tmp_path, preset):
  run_dir = train(request(tmp_path / "run", preset=preset, impl="mujoco"))
  record = metrics_log.load_records(run_dir)[-1]
  assert record["steps"] == 120
  assert math.isfinite(record["training/total_loss"])
  assert math.isfinite(record["amp/disc_acc"])


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"env": "WildRobotWlak"}, "unknown environment 'WildRobotWlak'; did you"),
    ({"preset": "cup"}, "unknown preset 'cup'; did you mean cpu"),
    ({"amp_weight": 1.5}, "amp_weight 1.5 must be between 0"),
    ({"impl": "bullet"}, "impl is 'bullet'; it must be"),
    ({"reference": "none.npz"}, "none.npz: no such file"),
    ({"overrides": ("--amp.disc_rl=1",)}, "unknown key 'amp.disc_rl'; did you"),
    ({"overrides": ("--amp.disc_lr=low",)}, "expected a number"),
    ({"overrides": ("--ppo.num_envs=2.5",)}, "expected a whole number"),
    ({"overrides": ("--pop.num_envs=2",)}, "unknown section of 'pop'"),
    (
      {"overrides": ("--amp.loss=hinge",)},
      "amp.loss is 'hinge'; it must be one of",
    ),
    ({"overrides": ("--ppo.num_envs=7",)}, "must be a multiple of num_envs 7"),
  ],
)
def test_bad_requests_are_one_line(tmp_path, changes, message):
  overrides = TINY + changes.pop("overrides", ())
  asked = request(tmp_path / "run", overrides=overrides, **changes)
  with pytest.raises(errors.UsageError, match=message) as caught:
    training.run(asked)
  assert "\n" not in str(caught.value)


def test_what_is_no_robot_has_no_motion_prior(tmp_path):
  asked = request(
    tmp_path / "run", env="CartpoleBalance", amp_weight=0.3, overrides=()
  )
  with pytest.raises(errors.UsageError) as caught:
    training.run(asked)
  assert "CartpoleBalance can have no motion prior" in str(caught.value)
  assert "0 free joints" in str(caught.value)
  assert "\n" not in str(caught.value)


def test_refusals_come_before_jax():
  code = (
    "import sys\n"
    "from absl import flags\n"
    "from wildrobot_playground import train\n"
    "from wildrobot_playground.system import errors\n"
    "flags.FLAGS(['train', '--num_timesteps=0'])\n"
    "try:\n"
    "  train.main([])\n"
    "except errors.UsageError as error:\n"
    "  print(error, 'jax' in sys.modules)\n"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  assert done.stdout.startswith("ppo.num_timesteps is 0; it must be")
  assert done.stdout.endswith("False\n")


@pytest.mark.slow
def test_a_run_without_style_trains(tmp_path):
  run_dir = train(request(tmp_path / "run", amp_weight=0.0))
  record = metrics_log.load_records(run_dir)[-1]
  assert not [name for name in record if name.startswith("amp/")]


@pytest.mark.slow
def test_other_velocity_modes_get_a_reference_of_their_own(tmp_path):
  overrides = (*TINY, "--env_config.velocity_mode=raw")
  run_dir = train(request(tmp_path / "run", overrides=overrides))
  assert reference_lib.of_run(run_dir).velocity_mode == "raw"


def test_a_folder_of_clips_is_a_reference(tmp_path):
  clips = tmp_path / "clips"
  clips.mkdir()
  name = "human_walk_0p30.npz"
  (clips / name).write_bytes((assets.reference() / "clips" / name).read_bytes())
  environment = mujoco_playground.registry.load("WildRobotWalk")
  dataset = reference_lib.find(str(clips), environment)
  assert dataset.clip_names == ("human_walk_0p30",)
  np.testing.assert_allclose(dataset.weights.sum(), 1.0)


def test_existing_files_are_not_folders(tmp_path):
  (tmp_path / "run").write_text("")
  with pytest.raises(errors.UsageError, match="run"):
    training.run(request(pathlib.Path(tmp_path / "run")))


def test_a_leak_is_refused_by_name_before_training(tmp_path):
  """Contacts zeroed, as the original project's policy once saw them."""
  found = dataset_lib.load(assets.reference() / "wildrobot_walk.npz")

  def zero_contacts(rows):
    rows[:, 25:29] = 0.0

  leaky = planted.dataset(found, zero_contacts)
  path = tmp_path / "leaky.npz"
  dataset_lib.save(path, leaky)
  run_dir = tmp_path / "run"
  with pytest.raises(errors.UsageError, match="foot contacts: "):
    training.run(request(run_dir, reference=str(path), check=True))
  assert not run_dir.exists()


def test_a_run_of_ones_own_clips_starts_in_them(tmp_path):
  clip = assets.reference() / "clips" / "human_walk_0p30.npz"
  folder = tmp_path / "clips"
  folder.mkdir()
  shutil.copy(clip, folder)
  plan = plan_lib.make_plan(request(tmp_path / "run", reference=str(folder)))
  assert plan.env_config.reset_config.reference_clips == str(folder)
  named = plan_lib.make_plan(
    request(
      tmp_path / "run",
      reference=str(folder),
      overrides=("--env_config.reset_config.reference_clips=/other",),
    )
  )
  assert named.env_config.reset_config.reference_clips == "/other"


def test_a_run_that_only_fails_ends_with_a_diagnosis(tmp_path, monkeypatch):
  monkeypatch.setattr(guard, "PATIENCE", 3)
  monkeypatch.setattr(rewards, "termination", lambda fallen: jp.nan)
  run_dir = tmp_path / "run"
  with pytest.raises(
    errors.RunFailedError, match="3 iterations in a row"
  ) as error:
    training.run(request(run_dir, num_timesteps=400))
  assert "its last checkpoint is of" in str(error.value)
  told = events.load(run_dir)
  assert [event.kind for event in told] == ["incident"] * 3
  assert told[0].steps == 40


@pytest.mark.slow
def test_a_disk_that_is_full_at_the_end_is_one_line(tmp_path, monkeypatch):
  def full(*args):
    raise OSError(28, "No space left on device", "training.png")

  monkeypatch.setattr(training.curves, "training_curves", full)
  with pytest.raises(errors.RunFailedError, match="No space left") as error:
    training.run(request(tmp_path / "run"))
  assert "its last checkpoint is of 120 steps" in str(error.value)
