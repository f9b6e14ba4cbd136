import contextlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from wildrobot_playground.policy.metrics import scorecard
from wildrobot_playground.runs import evaluation, reporting
from wildrobot_playground.runs.store import checkpoint, claiming
from wildrobot_playground.system import errors

_STOCK = """
import sys
from brax.training.agents.ppo import checkpoint
import jax, numpy as np
policy = checkpoint.load_policy(sys.argv[1])
obs = {"state": np.zeros((1, int(sys.argv[2]))),
       "privileged_state": np.zeros((1, int(sys.argv[3])))}
action, _ = policy(obs, jax.random.PRNGKey(0))
assert action.shape == (1, 9), action.shape
assert not [m for m in sys.modules if m.startswith("wildrobot")]
"""


@pytest.fixture
def copy(tiny_run, tmp_path):
  return shutil.copytree(tiny_run, tmp_path / "run")


def test_stock_brax_loads_the_policy_without_this_package(tiny_run, tmp_path):
  from mujoco_playground import registry

  size = registry.load("WildRobotWalk").observation_size
  subprocess.run(
    [
      sys.executable,
      "-c",
      _STOCK,
      str((tiny_run / "policy").resolve()),
      str(size["state"][0]),
      str(size["privileged_state"][0]),
    ],
    check=True,
    cwd=tmp_path,
  )


def test_missing_folder_and_missing_policy_are_told_apart(copy, tmp_path):
  with pytest.raises(checkpoint.CheckpointError, match="is no run folder"):
    checkpoint.load_config(tmp_path / "none")
  shutil.rmtree(copy / "policy")
  with pytest.raises(checkpoint.CheckpointError, match="no trained policy"):
    checkpoint.load_policy(copy)


def test_damaged_files_are_one_line(copy):
  (copy / "config.json").write_text('{"env": ')
  with pytest.raises(checkpoint.CheckpointError, match="cannot read"):
    checkpoint.load_config(copy)
  (copy / "policy" / "ppo_network_config.json").write_text("{}")
  with pytest.raises(checkpoint.CheckpointError, match="is damaged") as caught:
    checkpoint.load_policy(copy)
  assert "\n" not in str(caught.value)


def test_saving_again_replaces_the_policy(copy):
  from mujoco_playground import registry

  config = checkpoint.load_config(copy)
  environment = registry.load("WildRobotWalk")
  from ml_collections import config_dict

  ppo = config_dict.ConfigDict(config["ppo"])
  import jax
  from brax.training.acme import running_statistics, specs

  networks = checkpoint.network_factory(ppo)(environment.observation_size, 9)
  observation = jax.tree.map(
    lambda shape: specs.Array(shape, np.dtype("float32")),
    environment.observation_size,
    is_leaf=lambda x: isinstance(x, tuple),
  )
  params = (
    running_statistics.init_state(observation),
    networks.policy_network.init(jax.random.PRNGKey(5)),
    networks.value_network.init(jax.random.PRNGKey(6)),
  )
  for _ in range(2):
    checkpoint.save_policy(copy, params, environment.observation_size, 9, ppo)
  obs = {
    name: np.ones((1, *shape), np.float32)
    for name, shape in environment.observation_size.items()
  }
  key = jax.random.PRNGKey(0)
  loaded, _ = checkpoint.load_policy(copy)(obs, key)
  in_memory = checkpoint.make_policy(
    params, environment.observation_size, 9, ppo
  )
  np.testing.assert_array_equal(loaded, in_memory(obs, key)[0])


def test_unknown_physics_names_the_known(tiny_run):
  with pytest.raises(ValueError, match="choose one of mujoco, mjx"):
    evaluation.evaluate(tiny_run, physics="bullet", commands=(0.0,))


def test_table_has_a_row_a_command(tiny_run):
  report = evaluation.evaluate(
    tiny_run, commands=(0.0, 0.5), num_episodes=2, seconds=1.5
  )
  lines = scorecard.table(report).strip().splitlines()
  assert lines[-1] == "2 episodes a command, physics mujoco"
  assert [line.split()[0] for line in lines[-3:-1]] == ["0", "0.5"]


def test_evaluation_is_reproducible(tiny_run):
  def rows():
    report = evaluation.evaluate(
      tiny_run, commands=(0.3,), num_episodes=2, seconds=1.5, seed=3
    )
    return {k: v for k, v in report.rows[0].items() if v == v}

  assert rows() == rows()


def test_episodes_shorter_than_the_settling_time_are_refused(tiny_run):
  with pytest.raises(ValueError, match="too short"):
    evaluation.evaluate(tiny_run, commands=(0.3,), seconds=1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_folder_that_orbax_cannot_open_is_not_called_damaged(copy):
  odd = copy.rename(copy.with_name("run\udcff"))
  policy = odd / checkpoint.POLICY_FOLDER
  for load, path in (
    (checkpoint.load_policy, odd),
    (checkpoint.load_params, policy),
  ):
    with pytest.raises(checkpoint.CheckpointError, match="no UTF-8") as caught:
      load(path)
    assert "damaged" not in str(caught.value)
  # What needs no orbax works; the page shows the name's bytes spelt.
  page = reporting.write(odd).read_text("utf-8")
  assert r"run\udcff" in page


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_run_is_not_begun_where_its_checkpoints_could_not_be(tmp_path):
  with (
    contextlib.ExitStack() as claims,
    pytest.raises(errors.UsageError, match="no UTF-8, and orbax"),
  ):
    claiming.claim_new(tmp_path / "run\udcff", True, claims)
  assert not list(tmp_path.iterdir())
