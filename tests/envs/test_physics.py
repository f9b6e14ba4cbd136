"""MuJoCo C inside jit, vmap and scan is plain MuJoCo C."""

import jax
import jax.numpy as jp
import mujoco
import numpy as np
import pytest

from tests.envs import rolls
from wildrobot_playground.envs import base, batch_stepper, physics, walk


@pytest.fixture(scope="module")
def starts(env):
  return rolls.sample_starts(env, 0.2)


@pytest.fixture(scope="module")
def roll(env):
  return rolls.make_roll(env)


def rounded(array):
  """To single precision and back, as between control steps."""
  return array.astype(np.float32).astype(np.float64)


def stepped(env, model, qpos, qvel, ctrl, restart):
  """The same (T, ...) of one robot by a plain loop of `mj_step`.

  Args:
    env: for the number of substeps.
    model: to step.
    qpos: (16,) start.
    qvel: (15,) start.
    ctrl: (T, 9).
    restart: forget the solver's warm start and the digits beyond single
      precision between control steps, which the seam does not carry.
  """
  data = mujoco.MjData(model)
  data.qpos[:], data.qvel[:] = qpos, qvel
  outputs = []
  for target in ctrl:
    if restart:
      qpos, qvel = rounded(data.qpos), rounded(data.qvel)
      mujoco.mj_resetData(model, data)
      data.qpos[:], data.qvel[:] = qpos, qvel
    data.ctrl[:] = target
    for _ in range(env.n_substeps):
      mujoco.mj_step(model, data)
    outputs.append((data.qpos, data.qvel, data.sensordata))
    outputs[-1] = tuple(x.copy() for x in outputs[-1])
  return [np.array(x) for x in zip(*outputs, strict=True)]


def test_c_inside_jit_is_the_plain_loop_to_the_last_bit(env, roll, starts):
  qpos, qvel, ctrl = starts
  found = roll(*starts)
  for i in range(rolls.BATCH):
    expected = stepped(env, env.mj_model, qpos[i], qvel[i], ctrl[:, i], True)
    for name, ours, plain in zip(
      ("qpos", "qvel", "sensordata"), found, expected, strict=True
    ):
      np.testing.assert_array_equal(
        ours[:, i], plain.astype(np.float32), err_msg=name
      )


def test_what_is_not_carried_between_steps_hardly_matters(env, roll, starts):
  """Rounding and a cold solver: 0.12 s apart by at most 0.1 mm and mrad."""
  qpos, qvel, ctrl = starts
  found, *_ = roll(*starts)
  for i in range(rolls.BATCH):
    expected, *_ = stepped(
      env, env.mj_model, qpos[i], qvel[i], ctrl[:, i], False
    )
    np.testing.assert_allclose(found[:, i], expected, rtol=0, atol=1e-4)


def test_one_robot_is_a_batch_of_one(env, roll, starts):
  qpos, qvel, ctrl = (jp.asarray(x) for x in starts)
  engine, model = env._engine, env.mjx_model
  alone = engine.init(model, qpos[1], qvel[1], ctrl[0, 1])
  alone = jax.jit(lambda d, u: engine.step(model, d, u))(alone, ctrl[0, 1])
  together = roll(*starts)[0][0, 1]
  np.testing.assert_array_equal(alone.qpos, together)
  assert alone.time == pytest.approx(env.dt)


def test_init_has_the_sensors_of_its_state(env, starts):
  qpos, qvel, ctrl = starts
  found = env._engine.init(env.mjx_model, qpos[0], qvel[0], ctrl[0, 0])
  plain = mujoco.MjData(env.mj_model)
  plain.qpos[:], plain.qvel[:], plain.ctrl[:] = qpos[0], qvel[0], ctrl[0, 0]
  mujoco.mj_forward(env.mj_model, plain)
  np.testing.assert_array_equal(
    found.sensordata, plain.sensordata.astype(np.float32)
  )
  np.testing.assert_array_equal(found.qpos, qpos[0])


def with_heavier_robots(model, factors):
  """A model with the masses of each robot times its factor, and `in_axes`."""
  masses = model.body_mass * factors[:, None]
  in_axes = jax.tree.map(lambda x: None, model)
  return model.tree_replace({"body_mass": masses}), in_axes.tree_replace(
    {"body_mass": 0}
  )


def test_randomised_models_reach_c(env, roll, starts):
  qpos, qvel, ctrl = starts
  factors = np.array([1.0, 1.5, 0.7], np.float32)
  models, in_axes = with_heavier_robots(env.mjx_model, factors)

  @jax.jit
  def advance(qpos, qvel, ctrl):
    def one(model, qpos, qvel, ctrl):
      data = env._engine.init(model, qpos, qvel, ctrl)
      return env._engine.step(model, data, ctrl).qpos

    return jax.vmap(one, in_axes=(in_axes, 0, 0, 0))(models, qpos, qvel, ctrl)

  found = np.asarray(advance(qpos, qvel, ctrl[0]))
  for i, factor in enumerate(factors):
    model = base.compile_scene(env.robot, "flat", env.config)
    model.body_mass[:] = np.asarray(env.mjx_model.body_mass) * factor
    mujoco.mj_setConst(model, mujoco.MjData(model))
    expected, *_ = stepped(env, model, qpos[i], qvel[i], ctrl[:1, i], True)
    np.testing.assert_array_equal(found[i], expected[0].astype(np.float32))
  # The environment's own model is still what it was.
  np.testing.assert_allclose(np.sum(env.mj_model.body_mass), 3.378, atol=1e-3)
  nominal, *_ = roll(qpos, qvel, ctrl[:1])
  assert np.max(np.abs(found[1] - nominal[0, 1])) > 1e-5


def test_any_field_of_both_models_can_be_randomised(env):
  ours = {
    jax.tree_util.keystr(path).removeprefix("."): np.asarray(leaf)
    for path, leaf in jax.tree_util.tree_leaves_with_path(env.mjx_model)
  }
  shared = ours.keys() & batch_stepper.MODEL_FIELDS
  assert len(shared) > 100
  for name in shared:
    plain = env.mj_model
    for part in name.split("."):
      plain = getattr(plain, part)
    np.testing.assert_allclose(
      ours[name].ravel(), np.ravel(plain), rtol=1e-6, err_msg=name
    )


def test_error_inside_the_callback_surfaces(env, starts):
  """Here: a randomiser that gives masses to three bodies only."""
  qpos, qvel, ctrl = (jp.asarray(x) for x in starts)
  broken = env.mjx_model.tree_replace({"body_mass": jp.ones(3)})
  init = jax.jit(lambda q, v, u: env._engine.init(broken, q, v, u))
  with pytest.raises(Exception, match="cannot reshape"):
    jax.block_until_ready(init(qpos[0], qvel[0], ctrl[0, 0]))
  # The engine goes on afterwards.
  data = env._engine.init(env.mjx_model, qpos[0], qvel[0], ctrl[0, 0])
  assert np.all(np.isfinite(data.sensordata))


def test_unknown_engine_is_one_line_that_lists_the_known():
  with pytest.raises(ValueError, match="impl is 'bullet'; it must be") as error:
    walk.Walk(config_overrides={"impl": "bullet"})
  message = str(error.value)
  assert "\n" not in message
  for impl in physics.IMPLS:
    assert impl in message


def test_auto_is_c_on_a_cpu():
  assert jax.default_backend() == "cpu"
  assert physics.resolve_impl("auto") == "mujoco"
  assert physics.resolve_impl("jax") == "jax"
