"""Batches of robots in C: shapes, threads, and models kept between calls."""

import concurrent.futures

import numpy as np
import pytest

from tests.envs import rolls
from wildrobot_playground.envs import batch_stepper

SUBSTEPS = 5


@pytest.fixture(scope="module")
def stepper(env):
  return batch_stepper.BatchStepper(env.mj_model)


@pytest.fixture(scope="module")
def batch(env):
  """Six states and their controls, all different."""
  qpos, qvel, ctrl = rolls.sample_starts(env, 0.2)
  return np.tile(qpos, (2, 1)), np.tile(qvel, (2, 1)), np.vstack(ctrl[:2])


def test_any_leading_shape_gives_the_same_robots(stepper, batch):
  flat = stepper(SUBSTEPS, *batch, {})
  folded = stepper(SUBSTEPS, *(x.reshape(2, 3, -1) for x in batch), {})
  alone = stepper(SUBSTEPS, *(x[4] for x in batch), {})
  for one, many, single in zip(flat, folded, alone, strict=True):
    assert one.dtype == np.float32
    np.testing.assert_array_equal(many.reshape(one.shape), one)
    np.testing.assert_array_equal(single, one[4])
  assert len(np.unique(flat[0][:, 7])) == 6


def test_threads_do_not_disturb_each_other(stepper, batch):
  expected = [stepper(n, *batch, {}) for n in range(1, 9)]
  with concurrent.futures.ThreadPoolExecutor(8) as pool:
    jobs = [pool.submit(stepper, n, *batch, {}) for n in range(1, 9)]
    for job, outputs in zip(jobs, expected, strict=True):
      for found, alone in zip(job.result(), outputs, strict=True):
        np.testing.assert_array_equal(found, alone)


def friction_losses(env, factors):
  """A randomised field, one row per robot."""
  nominal = np.asarray(env.mjx_model.dof_frictionloss)
  return {"dof_frictionloss": nominal * np.float32(factors)[:, None]}


def test_models_of_the_same_fields_are_made_once(stepper, env):
  models = stepper._models
  fields = friction_losses(env, [1, 2, 3])
  first = models.get(fields, (3,), 3)
  again = models.get({k: v.copy() for k, v in fields.items()}, (3,), 3)
  assert again is first
  for i in range(3):
    np.testing.assert_array_equal(
      first[i].dof_frictionloss, fields["dof_frictionloss"][i]
    )


def test_number_of_kept_models_is_bounded(stepper, env):
  for factor in range(20):
    stepper._models.get(friction_losses(env, [factor]), (1,), 1)
  assert len(stepper._models._models) <= stepper._models._CAPACITY


def test_without_randomisation_all_robots_share_one_model(stepper, env):
  assert stepper._models.get({}, (3,), 3) == [env.mj_model]


@pytest.mark.parametrize("leading", [(0,), (3, 0)])
def test_no_robots_never_reach_c(stepper, env, leading):
  model = env.mj_model
  qpos, qvel, ctrl = (
    np.zeros((*leading, width)) for width in (model.nq, model.nv, model.nu)
  )
  outputs = stepper(SUBSTEPS, qpos, qvel, ctrl, {})
  widths = (model.nq, model.nv, model.nsensordata)
  assert [x.shape for x in outputs] == [(*leading, w) for w in widths]


def test_no_steps_are_refused(stepper, batch):
  with pytest.raises(ValueError, match="0 steps of physics"):
    stepper(0, *batch, {})
