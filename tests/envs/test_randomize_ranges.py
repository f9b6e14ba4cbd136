"""Every range changes what it names, and nothing when its ends are equal."""

import jax
import numpy as np
import pytest

from tests.envs.test_randomize import changed_fields
from wildrobot_playground.envs import (
  batch_stepper,
  presets,
  randomize,
  walk_config,
)

NOTHING = {
  name: (0.0, 0.0) if name == "com" else (1.0, 1.0)
  for name in randomize.default_config()
}
FIELDS = {
  "mass": {"body_mass", "body_inertia"},
  "inertia": {"body_inertia"},
  "com": {"body_ipos"},
  "servo_gain": {"actuator_gainprm", "actuator_biasprm"},
  "torque_limit": {"actuator_forcerange"},
  "damping": {"dof_damping"},
  "frictionloss": {"dof_frictionloss"},
  "armature": {"dof_armature"},
  "contact_softness": {"geom_solref"},
}


def _randomized(env, **ranges):
  keys = jax.random.split(jax.random.PRNGKey(0), 64)
  model, _ = randomize.make({**NOTHING, **ranges})(env.mjx_model, rng=keys)
  return model


def _changed(env, **ranges):
  # The floor's friction is set, not scaled: there is always one.
  return changed_fields(_randomized(env, **ranges), env.mjx_model) - {
    "geom_friction"
  }


def test_ends_that_are_equal_leave_the_model_alone(env):
  assert _changed(env) == set()


@pytest.mark.parametrize("name", FIELDS)
def test_a_range_changes_its_fields_alone(env, name):
  assert _changed(env, **{name: (0.5, 0.9)}) == FIELDS[name]


@pytest.mark.parametrize(
  ("name", "field"),
  [("torque_limit", "actuator_forcerange"), ("damping", "dof_damping")],
)
def test_factors_span_their_range(env, name, field):
  value = np.asarray(getattr(_randomized(env, **{name: (0.5, 0.9)}), field))
  nominal = np.asarray(getattr(env.mjx_model, field))
  factor = value[:, nominal != 0] / nominal[nominal != 0]
  assert factor.min() == pytest.approx(0.5, abs=0.02)
  assert factor.max() == pytest.approx(0.9, abs=0.02)


def test_softness_is_the_floors(env):
  value = np.asarray(_randomized(env, contact_softness=(2.0, 2.0)).geom_solref)
  nominal = np.asarray(env.mjx_model.geom_solref)
  floor = env.mj_model.geom("floor").id
  assert value[:, floor, 0] == pytest.approx(2 * nominal[floor, 0])
  others = np.delete(value, floor, axis=1)
  assert np.array_equal(others[0], np.delete(nominal, floor, axis=0))


def test_a_range_that_falls_is_named():
  with pytest.raises(ValueError, match=r"randomize_config\.mass .* must rise"):
    randomize.make({**NOTHING, "mass": (1.1, 0.9)})


@pytest.mark.parametrize("name", presets.RANDOMIZATIONS)
def test_presets_are_keys_of_the_task(name):
  settings = walk_config.default_config()
  settings.update_from_flattened_dict(presets.RANDOMIZATIONS[name])
  randomize.make(settings.randomize_config)


def test_strong_is_wider_than_mild_in_everything():
  mild, strong = (presets.RANDOMIZATIONS[name] for name in ("mild", "strong"))
  for key in mild.keys() & strong.keys():
    if key.startswith("randomize_config."):
      assert strong[key][0] <= mild[key][0]
      assert strong[key][1] >= mild[key][1]


def test_all_of_it_reaches_c():
  fields = {field for fields in FIELDS.values() for field in fields}
  assert fields <= batch_stepper.MODEL_FIELDS
