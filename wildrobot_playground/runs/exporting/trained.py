"""A run's policy, read for export."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jp
import numpy as np

from wildrobot_playground.envs import walk, walk_config
from wildrobot_playground.policy import rollout
from wildrobot_playground.runs import (
  joystick_evaluation,
  robot_option,
  saved_config,
)
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
    env: for the contract, and to roll the policy out; a `walk.Walk`, or an
      environment of Playground.
    observation_size: how many numbers the policy observes.
  """

  config: dict[str, Any]
  params: Any
  network: Any
  policy: Callable[[Any], jax.Array]
  env: Any
  observation_size: int

  @property
  def normalizer(self) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and standard deviation of the observations; None without."""
    if not self.network["normalize_observations"]:
      return None
    running, *_ = self.params
    mean, std = running.mean, running.std
    if isinstance(mean, Mapping):
      mean, std = mean[self.observed], std[self.observed]
    return np.asarray(mean), np.asarray(std)

  @property
  def is_ours(self) -> bool:
    """Whether it is of a walking task, which a contract describes."""
    return isinstance(self.env, walk.Walk)

  @property
  def observed(self) -> str:
    """Name of the observation that the policy reads."""
    return _observed(self.network)


def read(run_dir: pathlib.Path) -> Trained:
  """A run's policy and its environment."""
  config = checkpoint.load_config(run_dir)
  policy = checkpoint.load_policy(run_dir)  # Verifies the folder.
  folder = (run_dir / checkpoint.POLICY_FOLDER).resolve()
  network = checkpoint.load_network(folder)
  if joystick_evaluation.is_theirs(config):
    plan = joystick_evaluation.plan_of(run_dir, config)
    env = joystick_evaluation.environment(plan)
  else:
    env = _walking(run_dir, config, network)
  size, act = _act(policy, env.observation_size, _observed(network))
  params = checkpoint.load_params(folder)
  return Trained(config, params, network, act, env, size)


def _walking(
  run_dir: pathlib.Path, config: dict[str, Any], network: Any
) -> walk.Walk:
  """The walking task of a run, for which its policy must be."""
  path = run_dir / checkpoint.CONFIG_FILE
  robot, _ = robot_option.of_run(config, path)
  env_config = walk_config.default_config(robot)
  saved_config.fill(env_config, config, "env_config", path)
  env = rollout.evaluation_env(env_config, "mujoco", robot)
  sizes, size = network["observation_size"], env.observation_size["state"][0]
  if isinstance(sizes, int) or tuple(sizes["state"]) != (size,):
    raise ExportError(
      f"the policy in {run_dir} takes observations of {sizes}, those of"
      f" {robot.name} are {size}: it is a policy for another robot"
    )
  return env


def _observed(network: Any) -> str:
  return network["network_factory_kwargs"].get("policy_obs_key", "state")


def _act(policy: Any, sizes: Any, key: str) -> tuple[int, Any]:
  """How many numbers are observed, and rows of them to actions, jitted."""
  if not isinstance(sizes, Mapping):
    size = int(np.prod(sizes))
    return size, jax.jit(lambda rows: policy(rows, jax.random.PRNGKey(0))[0])
  # The policy reads this observation alone; of the others there are zeros.
  blank = {
    name: jp.zeros(size if isinstance(size, tuple) else (size,))
    for name, size in sizes.items()
  }

  @jax.jit
  def act(rows: jax.Array) -> jax.Array:
    observation = {
      name: jp.broadcast_to(zeros, (rows.shape[0], *zeros.shape))
      for name, zeros in blank.items()
    }
    return policy({**observation, key: rows}, jax.random.PRNGKey(0))[0]

  return blank[key].shape[0], act
