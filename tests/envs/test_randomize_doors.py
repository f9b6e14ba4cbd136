"""The ranges of the environment that was loaded are drawn, at every door."""

import gc
import json

import jax
import numpy as np
import pytest
from mujoco_playground import registry, wrapper

from tests.envs.test_randomize_ranges import FIELDS, NOTHING
from wildrobot_playground.envs import randomize, walk
from wildrobot_playground.runs import plan, session

ROBOTS = 4
WIDE = {
  name: (-0.01, 0.01) if name == "com" else (0.5, 0.9)
  for name in randomize.default_config()
}
ALL_FIELDS = {**FIELDS, "friction": {"geom_friction"}}
ENGINES = ["mujoco", "jax"]


def _flat(ranges, impl):
  found = {f"randomize_config.{name}": v for name, v in ranges.items()}
  return {**found, "impl": impl, "reset_config.reference_probability": 0.0}


def _ours(ranges, impl):
  """Our trainer."""
  texts = [f"--env_config.{k}={v}" for k, v in _flat(ranges, impl).items()]
  made = plan.make_plan(plan.Request(overrides=tuple(texts)))
  environment = registry.load(made.env, config=made.env_config)
  return environment, session.randomizer(made)


def _registry(ranges, impl):
  """`get_domain_randomizer` before the environment is loaded."""
  randomizer = registry.get_domain_randomizer("WildRobotWalk")
  config = registry.get_default_config("WildRobotWalk")
  config.update_from_flattened_dict(_flat(ranges, impl))
  return registry.load("WildRobotWalk", config=config), randomizer


def _script(ranges, impl):
  """Playground's script: overrides in JSON, and a second environment after."""
  overrides = json.loads(json.dumps(_flat(ranges, impl)))
  config = registry.get_default_config("WildRobotWalk")
  environment = registry.load("WildRobotWalk", config, overrides)
  randomizer = registry.get_domain_randomizer("WildRobotWalk")
  registry.load("WildRobotWalk", config_overrides={"impl": impl})
  return environment, randomizer


DOORS = {"our trainer": _ours, "registry": _registry, "script": _script}


def _robots(environment, randomizer):
  """What physics steps: fields of its models, (ROBOTS, ...) each."""
  keys = jax.random.split(jax.random.PRNGKey(0), ROBOTS)
  wrapped = wrapper.wrap_for_brax_training(
    environment, randomization_fn=lambda model: randomizer(model, rng=keys)
  )
  names = sorted(set().union(*ALL_FIELDS.values()))
  if environment.impl == "mujoco":
    wrapped.reset(keys)
    (idle,) = environment._engine._batch._idle.values()
    batch = idle.get_nowait()._batch
    models = [batch.get_model(i) for i in range(ROBOTS)]
    return {
      name: np.array([getattr(model, name) for model in models])
      for name in names
    }
  found = {}

  def init(model, *args):
    for name in names:
      jax.debug.callback(
        lambda x, name=name: found.setdefault(name, []).append(x),
        getattr(model, name),
      )
    raise InterruptedError  # Stepping would cost a minute of compiling.

  environment._engine.init = init
  with pytest.raises(InterruptedError):
    wrapped.reset(keys)
  jax.effects_barrier()
  return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize("impl", ENGINES)
@pytest.mark.parametrize("door", DOORS)
def test_wide_ranges_differ_and_points_do_not_in_physics(door, impl):
  for ranges, differs in (
    (WIDE, True),
    ({**NOTHING, "friction": (0.7, 0.7)}, False),
  ):
    seen = _robots(*DOORS[door](ranges, impl))
    for name, fields in ALL_FIELDS.items():
      for field in fields:
        values = seen[field]
        assert len(values) in (1, ROBOTS)  # 1: the same for all.
        assert (np.ptp(values, axis=0).max() > 0) == differs, (name, field)


@pytest.mark.parametrize("name", ALL_FIELDS)
@pytest.mark.parametrize("door", DOORS)
def test_every_range_is_drawn_for_itself(door, name):
  ranges = {**NOTHING, "friction": (0.7, 0.7), name: WIDE[name]}
  environment, randomizer = DOORS[door](ranges, "mujoco")
  keys = jax.random.split(jax.random.PRNGKey(0), ROBOTS)
  model, _ = randomizer(environment.mjx_model, rng=keys)
  nominal = environment.mjx_model
  differing = {
    field
    for field in set().union(*ALL_FIELDS.values())
    if getattr(model, field) is not getattr(nominal, field)
    and np.ptp(np.asarray(getattr(model, field)), axis=0).max() > 0
  }
  assert differing == ALL_FIELDS[name]


def test_environments_of_one_process_keep_their_own():
  one, other = (
    walk.Walk(config_overrides=_flat({"mass": ends}, "mujoco"))
    for ends in ((0.9, 1.1), (2.0, 2.0))
  )
  keys = jax.random.split(jax.random.PRNGKey(0), ROBOTS)
  plain, _ = randomize.domain_randomize(one.mjx_model, keys)
  heavy, _ = randomize.domain_randomize(other.mjx_model, keys)
  nominal = np.asarray(one.mjx_model.body_mass)
  np.testing.assert_allclose(heavy.body_mass, np.tile(2 * nominal, (4, 1)))
  assert np.asarray(plain.body_mass).max() <= 1.1 * nominal.max()


def test_a_model_of_unknown_ranges_is_refused():
  other = walk.Walk(config_overrides=_flat(WIDE, "mujoco"))
  keys = jax.random.split(jax.random.PRNGKey(0), ROBOTS)
  copied = jax.tree.map(lambda x: x, other.mjx_model)
  with pytest.raises(ValueError, match=r"randomize\.make") as error:
    randomize.domain_randomize(copied, keys)
  assert "\n" not in str(error.value)


def test_an_environment_that_is_gone_is_forgotten():
  environment = walk.Walk(config_overrides=_flat(WIDE, "mujoco"))
  key = id(environment.mjx_model)
  assert key in randomize._RANGES
  del environment
  gc.collect()
  assert key not in randomize._RANGES
