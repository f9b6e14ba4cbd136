"""Playground answers for our environments, and as before for all others."""

import json
import os
import subprocess
import sys
import types

import jax
import pytest
from mujoco_playground import locomotion, registry
from mujoco_playground._src import mjx_env
from mujoco_playground.config import locomotion_params

import wildrobot_playground
from wildrobot_playground.envs import presets as config_lib
from wildrobot_playground.envs import randomize, registration, walk, walk_config
from wildrobot_playground.robots import catalog

OURS = catalog.environments()
OTHER = "Go1JoystickFlatTerrain"

IMPORT_ALONE = """
import json, os, sys
before = dict(os.environ)
import wildrobot_playground
heavy = ("jax", "mujoco", "mujoco_playground", "brax", "flax", "ml_collections")
print(json.dumps({
  "imported": [name for name in heavy if name in sys.modules],
  "environment": dict(os.environ) == before,
}))
"""

USE = """
{imports}
from mujoco_playground._src import mjx_env
def clone():
  raise RuntimeError("tried to clone")
mjx_env.ensure_menagerie_exists = clone
from mujoco_playground import registry
env = registry.load("WildRobotWalk")
from mujoco_playground.config import locomotion_params
params = locomotion_params.brax_ppo_config("WildRobotWalk")
print(env.action_size, params.num_timesteps > 0)
"""


def python(script):
  """Output of a script in a process of its own."""
  result = subprocess.run(
    [sys.executable, "-c", script],
    capture_output=True,
    text=True,
    timeout=400,
    env={**os.environ, "JAX_PLATFORMS": "cpu"},
  )
  assert result.returncode == 0, result.stderr
  return result.stdout


@pytest.fixture
def offline(monkeypatch):
  """Where cloning the menagerie is an error."""

  def clone():
    raise RuntimeError("tried to clone")

  monkeypatch.setattr(mjx_env, "ensure_menagerie_exists", clone)


def test_import_alone_is_light_and_changes_no_variable():
  found = json.loads(python(IMPORT_ALONE))
  assert found == {"imported": [], "environment": True}


@pytest.mark.parametrize(
  "imports",
  [
    "import wildrobot_playground\nimport mujoco_playground",
    # Names taken from the modules before ours is imported.
    "from mujoco_playground import registry\n"
    "from mujoco_playground.config import locomotion_params\n"
    "import wildrobot_playground",
    # Ours first, which itself imports Playground.
    "import wildrobot_playground.envs.walk",
  ],
  ids=["ours first", "playground first", "environment first"],
)
def test_order_of_imports_does_not_matter(imports):
  assert python(USE.format(imports=imports)).split() == ["9", "True"]


@pytest.mark.parametrize("name", OURS)
def test_our_names_are_listed(name):
  assert name in locomotion.ALL_ENVS
  assert name in registry.ALL_ENVS


def test_names_are_listed_once():
  assert len(set(registry.ALL_ENVS)) == len(registry.ALL_ENVS)
  assert len(set(locomotion.ALL_ENVS)) == len(locomotion.ALL_ENVS)


@pytest.mark.parametrize("name", OURS)
def test_our_environments_load_without_cloning(name, offline):
  env = registry.load(
    name,
    config_overrides={
      "episode_length": 7,
      # Not every robot comes with a reference.
      "reset_config.reference_probability": 0.0,
    },
  )
  assert isinstance(env, walk.Walk)
  assert env.config.episode_length == 7
  assert env.terrain == ("rough" if "Rough" in name else "flat")
  assert env.mj_model.nhfield == ("Rough" in name)
  assert name in env.robot.environments


def test_load_takes_a_config_and_leaves_it_alone(offline):
  config = registry.get_default_config("WildRobotWalk")
  config.action_scale = 0.25
  env = locomotion.load("WildRobotWalk", config, {"action_filter": 0.0})
  assert env.config.action_scale == 0.25
  assert env.config.action_filter == 0.0
  assert config.action_filter == walk_config.default_config().action_filter
  config.action_scale = 0.5  # Not locked, either.


@pytest.mark.parametrize("name", OURS)
def test_default_config_is_fresh_every_time(name):
  robot, _ = catalog.of_environment(name)
  config = registry.get_default_config(name)
  assert config == walk_config.default_config(robot)
  config.ctrl_dt = 1.0
  assert registry.get_default_config(name) == walk_config.default_config(robot)


@pytest.fixture(scope="module")
def mjx_model():
  return registry.load("WildRobotWalk").mjx_model


@pytest.mark.parametrize("name", OURS)
def test_domain_randomizer_is_ours(name, mjx_model):
  randomizer = registry.get_domain_randomizer(name)
  assert randomizer is not None

  def fields(keys):
    # Brax passes the keys by name.
    return jax.tree.leaves(randomizer(mjx_model, rng=keys)[0])

  def expected(keys):
    return jax.tree.leaves(randomize.domain_randomize(mjx_model, keys)[0])

  keys = jax.random.split(jax.random.key(0), 2)
  assert jax.eval_shape(fields, keys) == jax.eval_shape(expected, keys)
  before = [leaf.shape for leaf in jax.tree.leaves(mjx_model)]
  after = [leaf.shape for leaf in jax.eval_shape(fields, keys)]
  assert before != after


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("impl", [None, "jax", "warp"])
def test_ppo_params_are_ours(name, impl):
  params = locomotion_params.brax_ppo_config(name, impl)
  assert params == config_lib.brax_ppo_config(name, impl)
  assert params.network_factory.value_obs_key == "privileged_state"


def test_other_environments_reach_playgrounds_own_load(offline):
  with pytest.raises(RuntimeError, match="tried to clone"):
    registry.load(OTHER)


def test_other_environments_get_playgrounds_own_answers():
  upstream = locomotion_params.brax_ppo_config.__wrapped__
  assert locomotion_params.brax_ppo_config(OTHER, "jax") == upstream(
    OTHER, "jax"
  )
  module = sys.modules[locomotion._cfgs[OTHER].__module__]
  assert not module.__name__.startswith("wildrobot_playground")
  assert registry.get_domain_randomizer(OTHER) is locomotion._randomizer[OTHER]


def test_unknown_environment_is_playgrounds_own_error():
  with pytest.raises(ValueError, match="Env 'WildRobotFly' not found"):
    registry.load("WildRobotFly")
  with pytest.raises(ValueError, match="Env 'WildRobotFly' not found"):
    locomotion_params.brax_ppo_config("WildRobotFly")


def test_registering_again_changes_nothing():
  before = (locomotion.load, registry.ALL_ENVS, dict(locomotion._envs))
  params = locomotion_params.brax_ppo_config
  wildrobot_playground.register()
  wildrobot_playground.register()
  after = (locomotion.load, registry.ALL_ENVS, dict(locomotion._envs))
  assert before == after
  assert locomotion_params.brax_ppo_config is params


def test_playground_of_another_series_is_named_in_the_error():
  moved = types.SimpleNamespace(locomotion=types.SimpleNamespace(load=None))
  with pytest.raises(
    ImportError, match=r"needs playground>=0\.2,<0\.3"
  ) as error:
    registration._register_environments(moved)
  assert "_envs, _cfgs, _randomizer" in str(error.value)
