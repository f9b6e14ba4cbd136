"""A training that starts from the networks of another."""

import json
import shutil

import jax
import numpy as np
import pytest
from brax.training.acme import running_statistics, specs
from brax.training.agents.ppo import checkpoint as brax_checkpoint

from tests.runs.tiny import TINY, request, train
from wildrobot_playground.envs import presets as config_lib
from wildrobot_playground.runs import training
from wildrobot_playground.runs.store import checkpoint
from wildrobot_playground.system import errors

_STILL = (*TINY, "--ppo.learning_rate=0.0")


@pytest.fixture(scope="module")
def still(tiny_run, tmp_path_factory):
  """A run that starts from the tiny one and learns nothing."""
  folder = tmp_path_factory.mktemp("still") / "run"
  return train(
    request(folder, init_from=str(tiny_run), overrides=_STILL, seed=5)
  )


def test_it_starts_with_the_networks_of_the_other(still, tiny_run):
  _, *ours = checkpoint.load_params(still / "policy")
  _, *theirs = checkpoint.load_params(tiny_run / "policy")
  jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_it_goes_on_counting_what_the_normaliser_has_seen(still, tiny_run):
  ours, *_ = checkpoint.load_params(still / "policy")
  theirs, *_ = checkpoint.load_params(tiny_run / "policy")
  assert int(ours.count.lo) == 2 * int(theirs.count.lo)


def test_the_run_says_where_it_came_from(still, tiny_run):
  config = json.loads((still / "config.json").read_text())
  assert config["init_from"] == str(tiny_run)


@pytest.mark.parametrize(
  ("where", "overrides", "message"),
  [
    ("nowhere", TINY, "is no Brax checkpoint"),
    (
      None,
      (*TINY, "--ppo.network_factory.policy_hidden_layer_sizes=(9,)"),
      r"other networks than this run: policy/params/hidden_0.*\(8,\) there and"
      r" \(9,\) here",
    ),
  ],
)
def test_what_does_not_fit_is_one_line(
  tiny_run, tmp_path, where, overrides, message
):
  asked = request(
    tmp_path / "run", init_from=where or str(tiny_run), overrides=overrides
  )
  with pytest.raises(errors.UsageError, match=message):
    training.run(asked)


def test_a_damaged_policy_is_refused(tiny_run, tmp_path):
  copy = shutil.copytree(tiny_run, tmp_path / "copy")
  file = max(
    (p for p in (copy / "policy").rglob("*") if p.is_file()),
    key=lambda path: path.stat().st_size,
  )
  file.write_bytes(file.read_bytes()[:-1])
  asked = request(tmp_path / "run", init_from=str(copy), overrides=TINY)
  with pytest.raises(errors.UsageError, match="has changed"):
    training.run(asked)


def test_a_checkpoint_that_brax_wrote_itself_is_taken(tmp_path):
  """As `brax.training.agents.ppo.train` saves it, initialisers and all."""
  sizes = {"state": (5,), "privileged_state": (7,)}
  config = config_lib.brax_ppo_config("WildRobotWalk")
  factory = checkpoint.network_factory(config)
  network = factory(sizes, 2)
  key = jax.random.PRNGKey(0)
  shapes = jax.tree.map(
    lambda size: specs.Array(size, np.dtype("float32")),
    sizes,
    is_leaf=lambda x: isinstance(x, tuple),
  )
  params = (
    running_statistics.init_state(shapes),
    network.policy_network.init(key),
    network.value_network.init(key),
  )
  description = brax_checkpoint.network_config(sizes, 2, True, factory)
  brax_checkpoint.save(tmp_path, 40, params, description)
  found = checkpoint.params_to_start_from(
    tmp_path / f"{40:012d}", sizes, 2, config
  )
  jax.tree.map(np.testing.assert_array_equal, found[1:], params[1:])
