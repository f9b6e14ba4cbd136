"""Small discriminators, and windows for them to tell apart."""

import jax
import jax.numpy as jp
import numpy as np

from wildrobot_playground.amp import discriminator
from wildrobot_playground.envs import presets as config_lib

SIZE = 5
MEAN, STD = jp.linspace(-1.0, 1.0, SIZE), jp.linspace(0.5, 2.0, SIZE)
KEY = jax.random.PRNGKey(0)

# Nothing but the adversarial loss.
PLAIN = {
  "disc_hidden_layer_sizes": (8,),
  "disc_grad_penalty": 0.0,
  "disc_input_noise": 0.0,
}

# A step as long as its gradient.
SGD = {"disc_optimizer": "sgd", "disc_lr": 0.1}


def make(**changes):
  config = config_lib.amp_config()
  config.update(PLAIN | changes)
  return discriminator.make_discriminator(config, MEAN, STD)


def linear(**changes):
  """A discriminator whose gradient is the same everywhere."""
  return make(disc_hidden_layer_sizes=(), **changes)


def make_batch():
  """Real and fake windows (32, 5), in physical units."""
  real, fake = jax.random.normal(jax.random.PRNGKey(1), (2, 32, SIZE))
  return MEAN + STD * (real + 0.5), MEAN + STD * (fake - 0.5)


def flat_params(state):
  return np.concatenate(
    [np.ravel(x) for x in jax.tree.leaves(state.variables["params"])]
  )


def updated(disc, batch, steps=1, state=None):
  """The parameters after some updates, flat."""
  state = disc.init(KEY) if state is None else state
  for i in range(steps):
    state, _ = disc.update(state, *batch, jax.random.fold_in(KEY, i))
  return flat_params(state)
