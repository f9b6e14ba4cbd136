"""Domain randomisation: friction, masses, servos."""

import jax
import mujoco
from mujoco import mjx

from wildrobot_playground.envs import constants as consts


def domain_randomize(
  model: mjx.Model, rng: jax.Array
) -> tuple[mjx.Model, mjx.Model]:
  """Randomises one model per key.

  Args:
    model: the environment's model.
    rng: (N, 2) keys.

  Returns:
    The model with the randomised fields batched (N, ...), and the matching
    `in_axes` for vmap.
  """
  floor = mjx.name2id(model, mujoco.mjtObj.mjOBJ_GEOM, consts.FLOOR_GEOM)
  root = mjx.name2id(model, mujoco.mjtObj.mjOBJ_BODY, consts.ROOT_BODY)

  @jax.vmap
  def sample(key: jax.Array) -> dict[str, jax.Array]:
    keys = jax.random.split(key, 7)

    def scale(key: jax.Array, shape: tuple[int, ...], low: float, high: float):
      return jax.random.uniform(key, shape, minval=low, maxval=high)

    # Floor friction: =U(0.4, 1.2). The floor's priority makes it the contact's.
    friction = scale(keys[0], (), 0.4, 1.2)
    # Mass and inertia of every link: *U(0.9, 1.1).
    mass = scale(keys[1], (model.nbody,), 0.9, 1.1)
    # Servo gain: *U(0.8, 1.2).
    gain = scale(keys[2], (model.nu,), 0.8, 1.2)
    # Joint friction: *U(0.5, 2.0). Armature: *U(1.0, 1.05).
    frictionloss = scale(keys[3], (model.nu,), 0.5, 2.0)
    armature = scale(keys[4], (model.nu,), 1.0, 1.05)
    # Centre of mass of the pelvis: +U(-0.01, 0.01) m.
    offset = scale(keys[5], (3,), -0.01, 0.01)
    return {
      "geom_friction": model.geom_friction.at[floor, 0].set(friction),
      "body_mass": model.body_mass * mass,
      "body_inertia": model.body_inertia * mass[:, None],
      "body_ipos": model.body_ipos.at[root].add(offset),
      "actuator_gainprm": model.actuator_gainprm.at[:, 0].multiply(gain),
      "actuator_biasprm": model.actuator_biasprm.at[:, 1].multiply(gain),
      "dof_frictionloss": model.dof_frictionloss.at[6:].multiply(frictionloss),
      "dof_armature": model.dof_armature.at[6:].multiply(armature),
    }

  fields = sample(rng)
  in_axes = jax.tree.map(lambda x: None, model).tree_replace(
    dict.fromkeys(fields, 0)
  )
  return model.tree_replace(fields), in_axes
