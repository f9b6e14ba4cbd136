"""Rolling a batch of robots forward through the physics seam alone."""

import jax
import jax.numpy as jp
import numpy as np

from wildrobot_playground import robots

BATCH, STEPS = 3, 6


def sample_starts(env, reach):
  """States (B, 16), (B, 15) and controls (T, B, 9) up to `reach` rad off."""
  rng = np.random.default_rng(0)
  default = robots.of(env.robot).default_qpos
  qpos = np.tile(default, (BATCH, 1))
  qpos[:, 7:] += rng.uniform(-0.05, 0.05, (BATCH, 9))
  qpos[:, 2] -= np.min(env.sole.heights(qpos), axis=1)
  qvel = rng.uniform(-0.2, 0.2, (BATCH, 15))
  ctrl = default[7:] + rng.uniform(-reach, reach, (STEPS, BATCH, 9))
  return tuple(np.asarray(x, np.float32) for x in (qpos, qvel, ctrl))


def make_roll(env):
  """Steps of a batch: jit around scan around vmap, as in training.

  Returns:
    A function of (B, 16) qpos, (B, 15) qvel and (T, B, 9) controls to (T, B,
    ...) qpos, qvel and sensor readings.
  """
  engine, model = env._engine, env.mjx_model

  @jax.jit
  def roll(qpos, qvel, ctrl):
    init = jax.vmap(lambda q, v, u: engine.init(model, q, v, u))

    def advance(data, ctrl):
      data = jax.vmap(lambda d, u: engine.step(model, d, u))(data, ctrl)
      return data, (data.qpos, data.qvel, data.sensordata)

    return jax.lax.scan(advance, init(qpos, qvel, ctrl[0]), ctrl)[1]

  return lambda *args: [np.asarray(x) for x in roll(*map(jp.asarray, args))]
