"""Domain randomisation: ground, masses, joints and servos of every robot."""

import functools
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import jax
import mujoco
import numpy as np
from ml_collections import config_dict
from mujoco import mjx

from wildrobot_playground.robots import addresses, scene

Randomizer = Callable[..., tuple[mjx.Model, mjx.Model]]

# Of the environments of this process: a model's id to itself and its ranges.
_RANGES: dict[int, tuple[weakref.ref[mjx.Model], dict[str, Any]]] = {}


def default_config() -> config_dict.ConfigDict:
  """Ranges to draw from; both ends equal leave a thing as it is."""
  return config_dict.create(
    friction=(0.4, 1.2),  # of the floor, which decides the contact's
    mass=(0.9, 1.1),  # factor, of every link, with its inertia
    inertia=(1.0, 1.0),  # factor, of every link, beside its mass's
    com=(-0.01, 0.01),  # m, of the pelvis, along each axis
    servo_gain=(0.8, 1.2),  # factor
    torque_limit=(1.0, 1.0),  # factor
    damping=(1.0, 1.0),  # factor, of every joint
    frictionloss=(0.5, 2.0),  # factor, of every joint
    armature=(1.0, 1.05),  # factor, of every joint
    contact_softness=(1.0, 1.0),  # factor on the contacts' time constant
  )


def remember(model: mjx.Model, ranges: Mapping[str, Any]) -> None:
  """Keeps the ranges of an environment, for who has only its model.

  Playground's registry hands out a randomiser by a name, before it is known
  which environment it will be for.

  Args:
    model: the environment's own, this very object.
    ranges: see `default_config`.
  """
  key = id(model)
  forget = weakref.ref(model, lambda _: _RANGES.pop(key, None))
  _RANGES[key] = (forget, dict(ranges))


def ranges_of(model: mjx.Model) -> dict[str, Any]:
  """The ranges of the environment that a model is of.

  A model of none has the default ones, unless that may be a mistake: copies are
  not known, nor is a model that jax traces.

  Raises:
    ValueError: when the model is of no environment, and an environment of this
      process has other ranges than the default ones.
  """
  known = list(_RANGES.values())
  for reference, ranges in known:
    if reference() is model:
      return ranges
  default = default_config().to_dict()
  if any(_tuples(ranges) != _tuples(default) for _, ranges in known):
    raise ValueError(
      "this model is no environment's own, and environments were loaded with"
      " other ranges than the default ones: pass env.mjx_model, or use"
      " randomize.make(env.config.randomize_config)"
    )
  return default


def _tuples(ranges: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
  return {name: tuple(ends) for name, ends in ranges.items()}


def make(ranges: Mapping[str, Any]) -> Randomizer:
  """A randomiser, as Playground wants it, with other ranges.

  Args:
    ranges: see `default_config`.

  Raises:
    ValueError: naming a range that does not rise.
  """
  for name, (low, high) in ranges.items():
    if not low <= high:
      raise ValueError(f"randomize_config.{name} ({low}, {high}) must rise")
  return functools.partial(domain_randomize, ranges=dict(ranges))


def domain_randomize(
  model: mjx.Model, rng: jax.Array, ranges: Mapping[str, Any] | None = None
) -> tuple[mjx.Model, mjx.Model]:
  """Randomises one model per key.

  Args:
    model: the environment's model.
    rng: (N, 2) keys.
    ranges: see `default_config`; None for those of the environment that the
      model is of, see `ranges_of`.

  Returns:
    The model with the randomised fields batched (N, ...), and the matching
    `in_axes` for vmap.
  """
  drawn: dict[str, Any] = (
    ranges_of(model)
    if ranges is None
    else {**default_config().to_dict(), **ranges}
  )
  floor = mjx.name2id(model, mujoco.mjtObj.mjOBJ_GEOM, scene.FLOOR)
  root, dofs = _root_and_dofs(model)

  @jax.vmap
  def sample(key: jax.Array) -> dict[str, jax.Array]:
    split = jax.random.split(key, len(_NAMES))
    keys: dict[str, jax.Array] = dict(zip(_NAMES, split, strict=True))

    def draw(name: str, shape: tuple[int, ...] = ()) -> jax.Array:
      # =U(low, high).
      low, high = drawn[name]
      return jax.random.uniform(keys[name], shape, minval=low, maxval=high)

    def scale_joints(field: str, name: str) -> jax.Array:
      return getattr(model, field).at[dofs].multiply(draw(name, joint))

    joint = (model.nu,)
    mass = draw("mass", (model.nbody,))
    inertia = mass * draw("inertia", (model.nbody,))
    gain = draw("servo_gain", joint)
    fields = {
      "friction": {
        "geom_friction": model.geom_friction.at[floor, 0].set(draw("friction"))
      },
      "mass": {"body_mass": model.body_mass * mass},
      "inertia": {"body_inertia": model.body_inertia * inertia[:, None]},
      "com": {"body_ipos": model.body_ipos.at[root].add(draw("com", (3,)))},
      "servo_gain": {
        "actuator_gainprm": model.actuator_gainprm.at[:, 0].multiply(gain),
        "actuator_biasprm": model.actuator_biasprm.at[:, 1].multiply(gain),
      },
      "torque_limit": {
        "actuator_forcerange": model.actuator_forcerange
        * draw("torque_limit", joint)[:, None]
      },
      "damping": {"dof_damping": scale_joints("dof_damping", "damping")},
      "frictionloss": {
        "dof_frictionloss": scale_joints("dof_frictionloss", "frictionloss")
      },
      "armature": {"dof_armature": scale_joints("dof_armature", "armature")},
      "contact_softness": {
        "geom_solref": model.geom_solref.at[floor, 0].multiply(
          draw("contact_softness")
        )
      },
    }
    return {
      field: value
      for name, changed in fields.items()
      if _varies(name, drawn)
      for field, value in changed.items()
    }

  fields = sample(rng)
  in_axes = jax.tree.map(lambda x: None, model).tree_replace(
    dict.fromkeys(fields, 0)
  )
  return model.tree_replace(fields), in_axes


def _root_and_dofs(model: mjx.Model) -> tuple[int, addresses.Index]:
  """Body of the free joint, and where the servos' joints are in qvel."""
  free = np.asarray(model.jnt_type) == int(mujoco.mjtJoint.mjJNT_FREE)
  root = int(np.asarray(model.jnt_bodyid)[free][0])
  joints = np.asarray(model.actuator_trnid)[:, 0]
  return root, addresses.index(np.asarray(model.jnt_dofadr)[joints].tolist())


_NAMES = (
  "friction",
  "mass",
  "servo_gain",
  "frictionloss",
  "armature",
  "com",
  "inertia",
  "torque_limit",
  "damping",
  "contact_softness",
)


def _varies(name: str, ranges: Mapping[str, Any]) -> bool:
  """Whether a range changes anything; inertia goes with the mass."""
  if name == "inertia" and _varies("mass", ranges):
    return True
  low, high = ranges[name]
  if name == "friction":  # Set, not scaled.
    return True
  return not low == high == (0.0 if name == "com" else 1.0)
