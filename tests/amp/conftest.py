"""A point mass that compiles in a second and emits 29 features."""

import functools
from typing import Any

import jax
import jax.numpy as jp
import numpy as np
import pytest
from brax import envs
from brax.training.agents.ppo import networks

from wildrobot_playground import features
from wildrobot_playground.amp import ppo
from wildrobot_playground.envs import presets as config_lib
from wildrobot_playground.features import dataset


class PointMass(envs.Env):
  """A point on a line; the action, low-pass filtered, is its speed.

  The first feature is the speed, the second the action, the others are zero.
  """

  def __init__(
    self,
    num_features: int = features.WILDROBOT.size,
    dt: float = 0.02,
    gate: bool = False,
  ):
    """Chooses what `info` holds.

    Args:
      num_features: length of `amp_features`; 0 for none.
      dt: control step [s].
      gate: emit an `amp_gate` that is 1 right of the origin.
    """
    self._num_features = num_features
    self.dt = dt
    self._gate = gate
    self.sys = jp.ones(1)  # What a domain randomiser changes: the gain.

  @property
  def max_task_reward(self) -> float:
    return 5.0

  @property
  def observation_size(self) -> int:
    return 2

  @property
  def action_size(self) -> int:
    return 1

  @property
  def backend(self) -> str:
    return "none"

  def reset(self, rng: jax.Array) -> envs.State:
    position = jax.random.uniform(rng, minval=-0.5, maxval=0.5)
    physics = jp.stack([position, jp.zeros(())])
    zero = jp.zeros(())
    return envs.State(
      pipeline_state=physics,  # pyright: ignore
      obs=physics,
      reward=zero,
      done=zero,
      metrics={"speed": zero},
      info=self._info(physics, zero),
    )

  def step(self, state: envs.State, action: jax.Array) -> envs.State:
    position, speed = state.pipeline_state  # pyright: ignore
    speed = 0.5 * speed + 0.5 * self.sys[0] * action[0]
    position = position + 0.1 * speed
    physics = jp.stack([position, speed])
    return state.replace(  # pyright: ignore
      pipeline_state=physics,
      obs=physics,
      reward=self.dt * 5.0 * jp.exp(-jp.square(position)),
      done=(jp.abs(position) > 1.0).astype(jp.float32),
      metrics={**state.metrics, "speed": speed},
      info={**state.info, **self._info(physics, action[0])},
    )

  def _info(self, physics: jax.Array, action: jax.Array) -> dict[str, Any]:
    info = {}
    if self._num_features:
      vector = jp.zeros(self._num_features)
      info["amp_features"] = vector.at[0].set(physics[1]).at[1].set(action)
    if self._gate:
      info["amp_gate"] = (physics[0] > 0).astype(jp.float32)
    return info


def make_reference(
  speed: float = 0.8, spread: float = 0.05, dt: float = 0.02
) -> dataset.ReferenceDataset:
  """Two clips of points that move steadily at about `speed`."""
  rng = np.random.default_rng(0)
  rows = np.zeros((400, features.WILDROBOT.size), np.float32)
  rows[:, :2] = speed + spread * rng.normal(size=(400, 2))
  return dataset.make(
    features.WILDROBOT,
    [rows[:300], rows[300:]],
    ("long", "short"),
    np.array([speed, speed]),
    np.array([1.0, 1.0]),
    "raw",
    dt,
    "",
    {},
  )


def make_amp(**changes: Any) -> Any:
  """A motion prior that is small enough for tests."""
  config = config_lib.amp_config()
  config.update(
    {
      "disc_hidden_layer_sizes": (16,),
      "disc_batch_size": 32,
      "disc_updates": 2,
    }
    | changes
  )
  return config


PPO = {
  "num_envs": 8,
  "episode_length": 12,
  "unroll_length": 5,
  "batch_size": 8,
  "num_minibatches": 2,
  "num_updates_per_batch": 2,
  "normalize_observations": True,
  "learning_rate": 1e-3,
  "max_grad_norm": 1.0,
  "network_factory": functools.partial(
    networks.make_ppo_networks,
    policy_hidden_layer_sizes=(8, 8),
    value_hidden_layer_sizes=(8, 8),
  ),
}


@pytest.fixture(scope="session")
def point_mass():
  """The class of the tiny environment."""
  return PointMass


@pytest.fixture(scope="session")
def reference():
  return make_reference()


@pytest.fixture(scope="session", name="make_reference")
def make_reference_fixture():
  """Makes a reference of another speed or spread."""
  return make_reference


@pytest.fixture(scope="session")
def amp():
  """Makes a small `amp` configuration with changes."""
  return make_amp


@pytest.fixture(scope="session")
def ppo_settings():
  """Arguments of a training run whose iterations are 80 steps."""
  return {**PPO, "run_evals": False}


@pytest.fixture(scope="session")
def train(point_mass, reference, amp, ppo_settings):
  """Trains the tiny environment with a prior; keywords change that.

  Those of `amp_changes` change the prior's configuration.
  """

  def run(num_timesteps, environment=None, amp_changes=None, **changes):
    arguments = {
      "amp": amp(**(amp_changes or {})),
      "reference": reference,
      **ppo_settings,
      **changes,
    }
    return ppo.train(environment or point_mass(), num_timesteps, **arguments)

  return run


@pytest.fixture(scope="session")
def assert_equal_trees():
  """Compares two trees of arrays to the last bit."""

  def compare(one: Any, other: Any) -> None:
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, one, other)

  return compare


@pytest.fixture(scope="module")
def users_compiler():
  """XLA with all the optimisations that a user's process has."""
  before = jax.config.read("jax_disable_most_optimizations")
  jax.config.update("jax_disable_most_optimizations", False)
  yield
  jax.config.update("jax_disable_most_optimizations", before)
