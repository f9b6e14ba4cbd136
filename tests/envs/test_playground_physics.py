"""Playground's own environments on plain MuJoCo C, unmodified."""

import copy
import functools

import jax
import jax.numpy as jp
import mujoco
import numpy as np
import pytest
from mujoco import mjx
from mujoco_playground import (
  dm_control_suite,
  locomotion,
  manipulation,
  registry,
  wrapper,
)
from mujoco_playground._src import mjx_env

from tests.envs import menagerie
from wildrobot_playground.envs import batch_stepper, playground_physics
from wildrobot_playground.robots import catalog

ROBOTS = 100
STEPS = 200
INPUTS = (
  *("qpos", "qvel", "act", "ctrl", "qacc_warmstart", "xfrc_applied"),
  *("mocap_pos", "mocap_quat", "time"),
)
# Simple, with contacts, with tendons and a mocap target.
THREE = ("CartpoleBalance", "HopperHop", "FingerSpin")
OTHERS = sorted(
  {*dm_control_suite.ALL_ENVS, *locomotion.ALL_ENVS, *manipulation.ALL_ENVS}
  - {*THREE, *catalog.environments()}
)
EVERY = [*THREE, *(pytest.param(o, marks=pytest.mark.slow) for o in OTHERS)]


@functools.cache
def loaded(name):
  """An environment on C; skips where its robot's files are not at hand."""
  if name not in dm_control_suite.ALL_ENVS:
    menagerie.needed()
  try:
    return registry.load(name, config_overrides={"impl": "mujoco"})
  except ValueError as error:
    if "opening file" not in str(error).lower():
      raise
    pytest.skip(f"not in this menagerie: {error}")
  except (AttributeError, KeyError) as error:
    # Its own do not load with this MuJoCo, or know no engine.
    if "find_body" not in str(error) and "impl" not in str(error):
      raise
    pytest.skip(f"Playground itself: {error}")


def random_states(env):
  """First states of an environment, and what may differ in them."""
  keys = jax.random.split(jax.random.PRNGKey(0), ROBOTS)
  data = jax.jit(jax.vmap(env.reset))(keys).data
  rng = np.random.default_rng(0)
  model = env.mj_model

  def noise(like, scale):
    return jp.asarray(rng.normal(0, scale, like.shape), like.dtype)

  low, high = model.actuator_ctrlrange.T
  limited = model.actuator_ctrllimited.astype(bool)
  low, high = np.where(limited, low, -1.0), np.where(limited, high, 1.0)
  ctrl = rng.uniform(low, high, (ROBOTS, model.nu))
  # Of its weight and inertia: what is light flies to pieces else.
  sizes = np.hstack([model.body_mass[:, None].repeat(3, 1), model.body_inertia])
  return data.replace(
    qvel=data.qvel + noise(data.qvel, 0.3),
    ctrl=jp.asarray(ctrl, data.ctrl.dtype),
    xfrc_applied=noise(data.xfrc_applied, 1.0) * sizes,
    qacc_warmstart=noise(data.qacc_warmstart, 1.0),
  )


@pytest.mark.parametrize("name", EVERY)
def test_a_control_step_is_a_loop_of_mj_step(name):
  env = loaded(name)
  start = random_states(env)
  engine = playground_physics.PlaygroundEngine(env.mj_model, env.mjx_model)
  end = jax.jit(
    jax.vmap(lambda d: engine.advance(env.mjx_model, d, env.n_substeps))
  )(start)
  data = mujoco.MjData(env.mj_model)
  compared = set(start.__dataclass_fields__) - {"_impl", "qfrc_inverse"}
  assert len(compared) > 40
  diverged = 0
  for i in range(ROBOTS):
    mujoco.mj_resetData(env.mj_model, data)
    for field in INPUTS:
      value = np.asarray(getattr(start, field)[i])
      if field == "time":
        data.time = value
      else:
        getattr(data, field)[:] = value.reshape(getattr(data, field).shape)
    mujoco.mj_step(env.mj_model, data, env.n_substeps)
    if any(warning.number for warning in data.warning):
      diverged += 1  # It was started anew; ours says so.
      assert np.isnan(end.qpos[i]).all()
      continue
    for field in compared:
      found = np.asarray(getattr(end, field)[i])
      expected = np.asarray(getattr(data, field), found.dtype)
      np.testing.assert_array_equal(
        found.ravel(), expected.ravel(), f"{field} of robot {i}"
      )
  assert diverged <= ROBOTS / 20


@pytest.mark.parametrize("name", EVERY)
def test_it_trains_as_playground_would_train_it(name):
  """Under the training's wrappers, with its own randomiser where it has one."""
  env = loaded(name)
  robots = 4
  randomizer = None
  if name in locomotion.ALL_ENVS:
    randomizer = registry.get_domain_randomizer(name)
  if randomizer is not None:
    keys = jax.random.split(jax.random.PRNGKey(5), robots)
    randomizer = functools.partial(randomizer, rng=keys)
  wrapped = wrapper.wrap_for_brax_training(
    env, episode_length=1000, action_repeat=1, randomization_fn=randomizer
  )

  def step(state, key):
    shape = (robots, env.action_size)
    action = jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)
    state = wrapped.step(state, action)
    return state, (state.obs, state.reward)

  @jax.jit
  def roll(key):
    first, then = jax.random.split(key)
    state = wrapped.reset(jax.random.split(first, robots))
    return jax.lax.scan(step, state, jax.random.split(then, STEPS))[1]

  for leaf in jax.tree.leaves(roll(jax.random.PRNGKey(0))):
    assert leaf.shape[:2] == (STEPS, robots)
    assert np.isfinite(leaf).all()
    assert np.ptp(leaf) > 0 or leaf.ndim == 2


@pytest.mark.parametrize(
  "name",
  ["CartpoleBalance", pytest.param("HopperHop", marks=pytest.mark.slow)],
)
def test_a_control_step_of_mjx_is_near(name):
  env = loaded(name)
  stock = registry.load(name, config_overrides={"impl": "jax"})
  start = random_states(env)
  engine = playground_physics.PlaygroundEngine(env.mj_model, env.mjx_model)

  @jax.jit
  @jax.vmap
  def both(state):
    ours = engine.advance(env.mjx_model, state, env.n_substeps)
    theirs = mjx.make_data(env.mj_model, impl="jax").replace(
      **{name: getattr(state, name) for name in INPUTS}
    )
    return ours, mjx_env.step(
      stock.mjx_model, theirs, state.ctrl, env.n_substeps
    )

  ours, theirs = both(start)
  apart = [np.abs(ours.qpos - theirs.qpos).max(axis=-1)]
  if env.mj_model.nsensordata:
    difference = np.abs(ours.sensordata - theirs.sensordata)
    apart.append((difference / (1 + np.abs(theirs.sensordata))).max(axis=-1))
  # Where geoms are deep in one another, MJX finds other contacts than C.
  near = (np.stack(apart) < 1e-3).all(axis=0)
  assert near.mean() > 0.9
  assert (near.mean() == 1) == (name == "CartpoleBalance")


def test_any_field_that_a_randomiser_replaces_reaches_c():
  env = loaded("HopperHop")
  own = env.mjx_model
  robots = 3

  def randomize(model):
    fields = {
      "opt.gravity": jp.outer(jp.arange(1.0, 4.0), model.opt.gravity),
      "geom_margin": jp.tile(model.geom_margin, (robots, 1)) + 0.001,
      "body_mass": jp.outer(jp.array([1.0, 1.0, 2.0]), model.body_mass),
    }
    axes = jax.tree.map(lambda _: None, model)
    return model.tree_replace(fields), axes.tree_replace(
      dict.fromkeys(fields, 0)
    )

  wrapped = wrapper.wrap_for_brax_training(env, randomization_fn=randomize)
  keys = jp.tile(jax.random.PRNGKey(0), (robots, 1))
  first = jax.jit(wrapped.reset)(keys)
  action = jp.zeros((robots, env.action_size))
  state = jax.jit(wrapped.step)(first, action)
  data = mujoco.MjData(env.mj_model)
  for i in range(robots):
    model = copy.copy(env.mj_model)
    model.opt.gravity[:] = np.float32((1 + i) * own.opt.gravity)
    model.geom_margin[:] = np.asarray(own.geom_margin + 0.001)
    model.body_mass[:] = np.asarray((2 if i == 2 else 1) * own.body_mass)
    mujoco.mj_setConst(model, data)
    mujoco.mj_resetData(model, data)
    data.qpos[:] = np.asarray(first.data.qpos[i])
    mujoco.mj_step(model, data, env.n_substeps)
    np.testing.assert_array_equal(
      state.data.qpos[i], np.asarray(data.qpos, np.float32)
    )
  assert not np.array_equal(state.data.qpos[0], state.data.qpos[2])


def test_who_does_not_ask_gets_what_playground_makes():
  before = registry.get_default_config("CartpoleBalance").impl
  assert before != "mujoco"
  loaded("CartpoleBalance")
  env = registry.load("CartpoleBalance", config_overrides={"impl": "jax"})
  assert not hasattr(env, "impl")
  assert "step" not in vars(env)
  data = mjx.make_data(env.mj_model, impl="jax")
  step = jax.jit(lambda d: mjx.step(env.mjx_model, d))
  found = jax.jit(lambda d: mjx_env.step(env.mjx_model, d, d.ctrl, 2))(data)
  expected = step(step(data))
  np.testing.assert_allclose(found.qpos, expected.qpos, atol=1e-6)


def test_auto_is_c_on_a_cpu():
  env = registry.load("CartpoleBalance", config_overrides={"impl": "auto"})
  assert env.impl == "mujoco"
  config = registry.get_default_config("CartpoleBalance")
  config.impl = "mujoco"
  assert registry.load("CartpoleBalance", config=config).impl == "mujoco"
  assert config.impl == "mujoco"  # The caller's stays as it is.


def test_vision_is_refused_before_anything_is_made():
  overrides = {"impl": "mujoco", "vision": True}
  with pytest.raises(ValueError, match="CartpoleBalance with vision"):
    registry.load("CartpoleBalance", config_overrides=overrides)


class Reader:
  """An environment that reads what C does not give."""

  def __init__(self, env, read):
    self.mj_model, self.mjx_model = env.mj_model, env.mjx_model
    self._read = read

  def reset(self, rng):
    del rng
    return self._read(mjx.make_data(self.mj_model, impl="cpp"))

  def step(self, state, action):
    del action
    return self._read(state)


@pytest.mark.parametrize(
  ("field", "read"),
  [
    ("contact", lambda data: data._impl.contact.dist),
    ("efc_force", lambda data: data.efc_force),
  ],
)
def test_what_c_does_not_give_is_refused_by_name(field, read):
  env = playground_physics.attach(Reader(loaded("CartpoleBalance"), read))
  with pytest.raises(ValueError, match=f"it reads '{field}'") as error:
    env.reset(jax.random.PRNGKey(0))
  assert "\n" not in str(error.value)


def test_mistakes_of_the_environment_stay_its_own():
  env = playground_physics.attach(
    Reader(loaded("CartpoleBalance"), lambda data: "text".no_such_thing)
  )
  with pytest.raises(AttributeError, match="no_such_thing"):
    env.reset(jax.random.PRNGKey(0))


def test_data_outside_of_its_environment_is_one_line():
  env = loaded("CartpoleBalance")
  data = mjx.make_data(env.mj_model, impl="cpp")
  with pytest.raises(ValueError, match="is stepped by its environment's"):
    mjx_env.step(env.mjx_model, data, data.ctrl, 1)


def test_every_field_of_mjx_is_one_of_c():
  """A field that is new in MJX must be given, kept or left out on purpose."""
  data = mjx.make_data(loaded("FingerSpin").mj_model, impl="cpp")
  fields = set(data.__dataclass_fields__) - {"_impl"}
  assert fields <= batch_stepper.DATA_FIELDS
