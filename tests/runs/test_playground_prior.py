"""A motion prior for one of Playground's own environments, to the end."""

import math

import pytest

from tests.envs import menagerie
from tests.robots import users_biped
from tests.runs.tiny import TINY, request
from wildrobot_playground.robots import catalog, playground
from wildrobot_playground.runs import plan, reference, training
from wildrobot_playground.runs.logs import metrics_log

_SMALL = (*TINY, "--ppo.num_evals=2", "--ppo.episode_length=50")


@pytest.mark.slow
def test_it_trains_and_goes_on(tmp_path, monkeypatch, capsys):
  menagerie.needed()
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
  folder = tmp_path / "run"
  training.run(
    request(
      folder,
      env="Op3Joystick",
      amp_weight=0.3,
      num_timesteps=200,
      impl="auto",
      overrides=_SMALL,
    )
  )
  said = capsys.readouterr().out
  assert "robot    op3: 20 joints, left_foot" in said
  assert "physics  MuJoCo C" in said
  assert "motion   op3 has no reference yet" in said
  assert len(list((tmp_path / "cache").rglob("*.npz"))) > 2
  dataset = reference.of_run(folder)
  assert len(dataset.layout.joints) == 20
  last = metrics_log.load_records(folder)[-1]
  assert last["steps"] >= 200
  assert math.isfinite(last["amp/style_distance"])
  assert last["amp/style_distance"] > 0
  assert (folder / "report.html").is_file()
  # The cache may go: a run keeps what it learns from.
  training.run(
    request(
      env=None,
      preset=None,
      resume=str(folder),
      num_timesteps=400,
      resume_override=("ppo.num_timesteps",),
      overrides=(),
    )
  )
  assert metrics_log.load_records(folder)[-1]["steps"] >= 400


def test_a_folder_is_kept_by_its_whole_path_and_a_name_by_itself(
  tmp_path, monkeypatch
):
  """Also once the folder's robot is known by the same name."""
  users_biped.write(tmp_path / "walker")
  monkeypatch.setattr(catalog, "_known", dict(catalog._known))
  monkeypatch.chdir(tmp_path)
  made = plan.make_plan(request(env=None, robot="walker"))
  assert made.robot == str(tmp_path / "walker")
  assert playground.brings("g1")
  users_biped.write(tmp_path / "g1")
  assert not playground.brings("g1")
