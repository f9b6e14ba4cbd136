"""A run's policy, read for export."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jp
import numpy as np

from wildrobot_playground.envs import walk, walk_config
from wildrobot_playground.policy import rollout
from wildrobot_playground.runs import robot_option, saved_config
from wildrobot_playground.runs.store import checkpoint


class ExportError(ValueError):
  """Why nothing was written."""


@dataclasses.dataclass(frozen=True)
class Trained:
  """A run's policy, read.

  Attributes:
    config: `config.json`.
    params: (normaliser, policy, value).
    network: Brax's description of the networks.
    policy: jitted, (observations,) -> actions, both (B, _).
    env: for the contract, and to roll the policy out.
  """

  config: dict[str, Any]
  params: Any
  network: Any
  policy: Callable[[Any], jax.Array]
  env: walk.Walk

  @property
  def normalizer(self) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and standard deviation of the observations; None without."""
    if not self.network["normalize_observations"]:
      return None
    running, *_ = self.params
    return np.asarray(running.mean["state"]), np.asarray(running.std["state"])


def read(run_dir: pathlib.Path) -> Trained:
  """A run's policy and its environment."""
  config = checkpoint.load_config(run_dir)
  path = run_dir / checkpoint.CONFIG_FILE
  robot, _ = robot_option.of_run(config, path)
  policy = checkpoint.load_policy(run_dir)  # Verifies the folder.
  folder = (run_dir / checkpoint.POLICY_FOLDER).resolve()
  network = checkpoint.load_network(folder)
  env_config = walk_config.default_config(robot)
  saved_config.fill(env_config, config, "env_config", path)
  env = rollout.evaluation_env(env_config, "mujoco", robot)
  sizes, size = network["observation_size"], env.observation_size["state"][0]
  if isinstance(sizes, int) or tuple(sizes["state"]) != (size,):
    raise ExportError(
      f"the policy in {run_dir} takes observations of {sizes}, those of"
      f" {robot.name} are {size}: it is a policy for another robot"
    )
  # The networks read the state alone; the rest of the observation is absent.
  privileged = jp.zeros(env.observation_size["privileged_state"])

  @jax.jit
  def act(rows: jax.Array) -> jax.Array:
    observation = {
      "state": rows,
      "privileged_state": jp.broadcast_to(
        privileged, (rows.shape[0], *privileged.shape)
      ),
    }
    return policy(observation, jax.random.PRNGKey(0))[0]

  params = checkpoint.load_params(folder)
  return Trained(config, params, network, act, env)
