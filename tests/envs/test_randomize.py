"""Domain randomisation: what it changes, by how much, and what it leaves."""

import jax
import jax.numpy as jp
import mujoco
import numpy as np
import pytest
from mujoco import mjx
from mujoco_playground import registry, wrapper

from wildrobot_playground import features
from wildrobot_playground.envs import batch_stepper, randomize
from wildrobot_playground.robots import scene
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.system import assets

ROBOTS = 64
JOINTS = np.arange(6, 15)  # degrees of freedom
MASS, GAIN = (0.9, 1.1), (0.8, 1.2)
FRICTION_LOSS, ARMATURE = (0.5, 2.0), (1.0, 1.05)
FLOOR_FRICTION, COM_OFFSET = (0.4, 1.2), 0.01


@pytest.fixture(scope="module")
def randomized(env):
  keys = jax.random.split(jax.random.PRNGKey(0), ROBOTS)
  return randomize.domain_randomize(env.mjx_model, rng=keys)


def changed_fields(model, other):
  """Names of the fields that differ between two models."""
  ours = jax.tree.leaves(other)
  theirs = jax.tree_util.tree_leaves_with_path(model)
  return {
    jax.tree_util.keystr(path).removeprefix(".")
    for (path, leaf), own in zip(theirs, ours, strict=True)
    if leaf is not own
  }


def factors(model, nominal, field):
  """A randomised field over its nominal value, where that is not zero."""
  before = np.asarray(getattr(nominal, field))
  after = np.asarray(getattr(model, field))
  np.testing.assert_array_equal(after[:, before == 0], 0)
  return after[:, before != 0] / before[before != 0]


def assert_spans(values, low, high):
  """Uniform enough: within the bounds, and near both of them."""
  margin = 0.1 * (high - low)
  assert np.all((values >= low - 1e-4) & (values <= high + 1e-4))
  assert np.min(values) < low + margin
  assert np.max(values) > high - margin


def test_batched_fields_and_no_others_change(env, randomized):
  model, in_axes = randomized
  batched = changed_fields(model, env.mjx_model)
  axes = {
    jax.tree_util.keystr(path).removeprefix("."): axis
    for path, axis in jax.tree_util.tree_leaves_with_path(
      in_axes, is_leaf=lambda x: x is None
    )
  }
  assert {name for name, axis in axes.items() if axis == 0} == batched
  assert set(axes.values()) == {0, None}
  for name in batched:
    shape = getattr(env.mjx_model, name).shape
    assert getattr(model, name).shape == (ROBOTS, *shape)


def test_every_randomised_field_reaches_c(env, randomized):
  model, _ = randomized
  fields = changed_fields(model, env.mjx_model)
  assert fields <= batch_stepper.MODEL_FIELDS


def test_friction_changes_on_the_floor_alone(env, randomized):
  model, _ = randomized
  floor = env.mj_model.geom(scene.FLOOR).id
  friction = np.asarray(model.geom_friction)
  assert_spans(friction[:, floor, 0], *FLOOR_FRICTION)
  nominal = np.asarray(env.mjx_model.geom_friction)
  expected = np.tile(nominal, (ROBOTS, 1, 1))
  expected[:, floor, 0] = friction[:, floor, 0]
  np.testing.assert_array_equal(friction, expected)


def scene_with_other_things_first():
  """The flat scene, in which neither floor nor pelvis comes first."""
  folder = assets.xmls()
  text = (folder / "scene_flat_terrain.xml").read_text()
  crate = """<worldbody><geom name="wall" size="0.1" pos="9 0 0"/>
    <body name="crate" pos="9 9 0"><geom size="0.1"/></body></worldbody>"""
  include = '<include file="wildrobot.xml"/>'
  assert include in text
  files = {path.name: path.read_bytes() for path in folder.glob("*.xml")}
  return mujoco.MjModel.from_xml_string(
    text.replace(include, crate + include), files
  )


def test_floor_and_pelvis_are_found_by_their_names():
  plain = scene_with_other_things_first()
  floor = plain.geom(scene.FLOOR).id
  root = plain.body(WILDROBOT.root).id
  assert (floor, root) == (1, 2)
  nominal = mjx.put_model(plain, impl="jax")
  keys = jax.random.split(jax.random.PRNGKey(0), 4)
  model, _ = randomize.make(randomize.default_config())(nominal, rng=keys)
  for field, index in (("geom_friction", floor), ("body_ipos", root)):
    differs = getattr(model, field) != getattr(nominal, field)
    changed = np.any(differs, axis=(0, 2))
    np.testing.assert_array_equal(np.flatnonzero(changed), [index])


def test_every_link_keeps_its_shape_of_inertia(env, randomized):
  """Mass and inertia grow together, each link for itself."""
  model, _ = randomized
  mass = factors(model, env.mjx_model, "body_mass")
  assert mass.shape == (ROBOTS, 10)
  assert_spans(mass, *MASS)
  assert np.min(np.std(mass, axis=1)) > 0.01
  inertia = factors(model, env.mjx_model, "body_inertia").reshape(ROBOTS, 10, 3)
  np.testing.assert_allclose(
    inertia, np.tile(mass[..., None], 3), rtol=1e-5, atol=0
  )


def test_centre_of_mass_moves_in_the_pelvis_alone(env, randomized):
  model, _ = randomized
  offset = np.asarray(model.body_ipos) - np.asarray(env.mjx_model.body_ipos)
  root = env.mj_model.body(WILDROBOT.root).id
  assert_spans(offset[:, root], -COM_OFFSET, COM_OFFSET)
  assert not np.any(np.delete(offset, root, axis=1))


def test_servo_stays_a_position_servo(env, randomized):
  """Gain and bias change together: no torque at the target."""
  model, _ = randomized
  gain = np.asarray(model.actuator_gainprm)
  bias = np.asarray(model.actuator_biasprm)
  np.testing.assert_array_equal(gain[..., 0], -bias[..., 1])
  nominal = env.mjx_model
  assert_spans(gain[..., 0] / nominal.actuator_gainprm[:, 0], *GAIN)
  np.testing.assert_array_equal(
    bias[..., 2], np.tile(nominal.actuator_biasprm[:, 2], (ROBOTS, 1))
  )


@pytest.mark.parametrize(
  ("field", "bounds"),
  [("dof_frictionloss", FRICTION_LOSS), ("dof_armature", ARMATURE)],
)
def test_joints_change_and_the_free_pelvis_does_not(
  env, randomized, field, bounds
):
  model, _ = randomized
  values = np.asarray(getattr(model, field))
  nominal = np.asarray(getattr(env.mjx_model, field))
  np.testing.assert_array_equal(values[:, :6], 0)
  assert_spans(values[:, JOINTS] / nominal[JOINTS], *bounds)


def test_same_keys_give_the_same_robots(env, randomized):
  keys = jax.random.split(jax.random.PRNGKey(0), ROBOTS)
  again, _ = randomize.domain_randomize(env.mjx_model, keys)
  np.testing.assert_array_equal(again.body_mass, randomized[0].body_mass)
  assert len(np.unique(again.body_mass[:, 1])) == ROBOTS


@pytest.fixture(scope="module")
def unrolled(env):
  """Features (T, 4, 29) and states (T, 4, 16) under Playground's wrapper."""
  randomizer = registry.get_domain_randomizer("WildRobotWalk")
  keys = jax.random.split(jax.random.PRNGKey(1), 4)
  wrapped = wrapper.wrap_for_brax_training(
    env,
    episode_length=1000,
    randomization_fn=lambda model: randomizer(model, rng=keys),
  )
  # Equal robots, but for what the randomiser did to them.
  same = jp.stack([jax.random.PRNGKey(2)] * 4)

  @jax.jit
  def unroll(rng):
    def advance(state, _):
      state = wrapped.step(state, jp.full((4, 9), 0.3))
      return state, (state.info["amp_features"], state.data.qpos)

    return jax.lax.scan(advance, wrapped.reset(rng), None, 8)[1]

  return [np.asarray(x) for x in unroll(same)]


def test_randomisation_keeps_the_amp_features(unrolled, env):
  """Playground's wrapper steps the unwrapped environment, and finds them."""
  found, qpos = unrolled
  assert np.all(np.any(found != 0, axis=-1))
  for before, after, rows in zip(qpos[:-1], qpos[1:], found[1:], strict=True):
    expected = features.amp_features(
      before, after, env.sole.contacts(after), env.dt, env.velocity_mode
    )
    np.testing.assert_allclose(rows, expected, rtol=0, atol=2e-4)


def test_differently_made_robots_move_differently(unrolled):
  found, _ = unrolled
  assert np.all(np.ptp(found[-1], axis=0)[features.WILDROBOT.joint_pos] > 1e-4)
  assert np.all(np.std(found, axis=0)[:, features.WILDROBOT.joint_vel] > 1e-3)


def test_environment_is_itself_again_afterwards(unrolled, env):
  del unrolled
  assert env._mjx_model is env._engine._mjx_model
  np.testing.assert_allclose(
    env.mjx_model.body_mass, env.mj_model.body_mass, rtol=1e-6
  )


def test_field_that_would_not_reach_c_is_refused(env):
  def randomizer(model):
    value = jp.tile(model.stat.meansize, 4)
    in_axes = jax.tree.map(lambda x: None, model)
    return (
      model.tree_replace({"stat.meansize": value}),
      in_axes.tree_replace({"stat.meansize": 0}),
    )

  wrapped = wrapper.wrap_for_brax_training(env, randomization_fn=randomizer)
  with pytest.raises(
    ValueError, match=r"cannot randomise stat\.meansize"
  ) as error:
    wrapped.reset(jax.random.split(jax.random.PRNGKey(0), 4))
  assert "\n" not in str(error.value)
  assert "choose impl 'jax' or 'warp'" in str(error.value)
