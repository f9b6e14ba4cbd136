"""Batches of robots in C: shapes, threads, and models kept between calls."""

import concurrent.futures
import copy

import mujoco
import numpy as np
import pytest

from tests.envs import rolls
from wildrobot_playground.envs import batch_stepper

SUBSTEPS = 5


@pytest.fixture(scope="module")
def stepper(env):
  return batch_stepper.BatchStepper(env.mj_model)


@pytest.fixture(scope="module")
def state(env):
  """Six states and their controls, all different."""
  qpos, qvel, ctrl = rolls.sample_starts(env, 0.2)
  return {
    "qpos": np.tile(qpos, (2, 1)),
    "qvel": np.tile(qvel, (2, 1)),
    "ctrl": np.vstack(ctrl[:2]),
  }


def looped(model, state, n_substeps, outputs):
  """What a plain loop of `mj_step` comes to, one robot after another."""
  found = {name: [] for name in outputs}
  for i in range(len(state["qpos"])):
    data = mujoco.MjData(model)
    for name, value in state.items():
      getattr(data, name)[:] = value[i]
    mujoco.mj_step(model, data, n_substeps)
    for name in outputs:
      found[name].append(np.ravel(getattr(data, name)).astype(np.float32))
  return found


def test_any_output_is_that_of_a_plain_loop(env, state):
  outputs = ("qpos", "sensordata", "site_xpos", "xmat", "qacc", "time")
  step = batch_stepper.BatchStepper(env.mj_model, outputs)
  found = step(SUBSTEPS, state)
  expected = looped(env.mj_model, state, SUBSTEPS, outputs)
  for name in outputs:
    np.testing.assert_array_equal(
      found[name].reshape(len(state["qpos"]), -1), expected[name], name
    )


def test_an_output_that_there_is_not_is_named(env):
  with pytest.raises(ValueError, match="efc_force"):
    batch_stepper.BatchStepper(env.mj_model, ("qpos", "efc_force"))


def test_any_leading_shape_gives_the_same_robots(stepper, state):
  flat = stepper(SUBSTEPS, state)
  folded = stepper(
    SUBSTEPS, {name: x.reshape(2, 3, -1) for name, x in state.items()}
  )
  alone = stepper(SUBSTEPS, {name: x[4] for name, x in state.items()})
  for name, one in flat.items():
    assert one.dtype == np.float32
    np.testing.assert_array_equal(folded[name].reshape(one.shape), one)
    np.testing.assert_array_equal(alone[name], one[4])
  assert len(np.unique(flat["qpos"][:, 7])) == 6


def test_nothing_is_left_of_an_earlier_call(stepper, state):
  alone = stepper(SUBSTEPS, state)
  pushed = {
    **state,
    "xfrc_applied": np.full((6, stepper._mj_model.nbody, 6), 3.0),
    "qacc_warmstart": np.full(state["qvel"].shape, 2.0),
  }
  assert np.any(stepper(SUBSTEPS, pushed)["qpos"] != alone["qpos"])
  np.testing.assert_array_equal(stepper(SUBSTEPS, state)["qpos"], alone["qpos"])


def test_no_steps_are_derived_fields_alone(stepper, state):
  here = stepper(0, state)
  np.testing.assert_array_equal(here["qpos"], np.float32(state["qpos"]))
  one = stepper(1, state)
  np.testing.assert_array_equal(here["sensordata"], one["sensordata"])


def test_threads_do_not_disturb_each_other(stepper, state):
  expected = [stepper(n, state) for n in range(1, 9)]
  with concurrent.futures.ThreadPoolExecutor(8) as pool:
    jobs = [pool.submit(stepper, n, state) for n in range(1, 9)]
    for job, outputs in zip(jobs, expected, strict=True):
      for name, found in job.result().items():
        np.testing.assert_array_equal(found, outputs[name])


@pytest.mark.parametrize(
  ("name", "changed"),
  [
    ("dof_frictionloss", lambda model, i: model.dof_frictionloss * (1 + i)),
    ("body_mass", lambda model, i: model.body_mass * (1 + 0.1 * i)),
    ("geom_size", lambda model, i: model.geom_size * (1 + 0.01 * i)),
    ("opt.gravity", lambda model, i: model.opt.gravity * (1 - 0.1 * i)),
  ],
)
def test_randomised_fields_and_what_follows_from_them_reach_c(
  env, stepper, state, name, changed
):
  models = [copy.copy(env.mj_model) for _ in range(6)]
  values = []
  for i, model in enumerate(models):
    owner, _, field = name.rpartition(".")
    owner = getattr(model, owner) if owner else model
    values.append(np.float32(changed(env.mj_model, i)))
    getattr(owner, field)[:] = values[-1]
    mujoco.mj_setConst(model, mujoco.MjData(model))
  nominal = stepper(SUBSTEPS, state)["qpos"]
  for _ in range(2):  # The second time with models that are there.
    found = stepper(SUBSTEPS, state, {name: np.stack(values)})["qpos"]
    for i, model in enumerate(models):
      one = {key: value[i : i + 1] for key, value in state.items()}
      expected = looped(model, one, SUBSTEPS, ("qpos",))["qpos"][0]
      np.testing.assert_array_equal(found[i], expected)
  assert np.any(found[5] != nominal[5])
  np.testing.assert_array_equal(stepper(SUBSTEPS, state)["qpos"], nominal)


def test_a_robot_that_diverges_is_nan_and_the_others_go_on(stepper, state):
  alone = stepper(SUBSTEPS, state)
  for name, value in (("qpos", np.nan), ("qvel", 1e30), ("ctrl", np.nan)):
    broken = {key: value.copy() for key, value in state.items()}
    broken[name][2, 0] = value
    found = stepper(SUBSTEPS, broken)
    for key, values in found.items():
      assert np.isnan(values[2]).all(), (name, key)
      np.testing.assert_array_equal(
        np.delete(values, 2, 0), np.delete(alone[key], 2, 0)
      )


@pytest.mark.parametrize("leading", [(0,), (3, 0)])
def test_no_robots_never_reach_c(stepper, env, leading):
  model = env.mj_model
  found = stepper(SUBSTEPS, {"qpos": np.zeros((*leading, model.nq))})
  assert [x.shape for x in found.values()] == [
    (*leading, w) for w in (model.nq, model.nv, model.nsensordata)
  ]


def test_negative_steps_are_refused(stepper, state):
  with pytest.raises(ValueError, match="-1 steps of physics"):
    stepper(-1, state)
