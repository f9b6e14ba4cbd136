"""Rolling a policy out over a grid of commands, one robot an episode."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jp

from wildrobot_playground import robots
from wildrobot_playground.envs import walk
from wildrobot_playground.policy.metrics import episodes

# Full accuracy: what every policy is judged by, whatever it was trained in.
FULL_ACCURACY = {
  "sim_dt": 0.002,
  "solver.iterations": 100,
  "solver.ls_iterations": 50,
  "solver.cone": "elliptic",
}
PHYSICS = {"mujoco": "mujoco", "mjx": "jax"}

Policy = Callable[[Any, jax.Array], tuple[jax.Array, Any]]


def evaluation_env(
  config: Any, physics: str, robot: robots.RobotDescription = robots.WILDROBOT
) -> walk.Walk:
  """The environment of an evaluation: no command changes, full accuracy.

  Nothing pushes, delays or distorts, whatever the policy was trained with; the
  servos' torque-speed limit stays, for it is the robot's.

  Args:
    config: the task's configuration that the policy was trained with.
    physics: `mujoco` (plain MuJoCo) or `mjx`.
    robot: that the policy is for.

  Raises:
    ValueError: for an unknown `physics`.
  """
  if physics not in PHYSICS:
    raise ValueError(
      f"physics '{physics}' is unknown; choose one of {', '.join(PHYSICS)}"
    )
  overrides = FULL_ACCURACY if physics == "mujoco" else {}
  return walk.Walk(
    config,
    config_overrides={
      **overrides,
      "impl": PHYSICS[physics],
      "command_config.resampling_time": 1e9,
      "command_config.curriculum.enable": False,
      "push_config.enable": False,
      "latency_config.enable": False,
      "signal_config.enable": False,
      "reset_config.reference_probability": 0.0,
    },
    robot=robot,
  )


class Roller:
  """Rolls policies out over a grid of commands, compiled once.

  Every robot has an episode of its own, all at once.
  """

  def __init__(
    self,
    env: walk.Walk,
    make_policy: Callable[[Any], Policy],
    commands: Sequence[float],
    num_episodes: int,
    num_steps: int,
  ):
    """Compiles nothing yet.

    Args:
      env: see `evaluation_env`.
      make_policy: parameters to (observations, key) -> (actions, extras).
      commands: forward speeds [m/s].
      num_episodes: robots a command.
      num_steps: control steps.

    Raises:
      ValueError: see `episodes.check_grid`.
    """
    episodes.check_grid(commands, num_episodes, num_steps)
    self._env = env
    self._make_policy = make_policy
    self._commands = commands
    self._num_episodes = num_episodes
    self._num_steps = num_steps
    self._run = jax.jit(self._unroll)

  def __call__(self, params: Any, seed: int = 0) -> list[episodes.Rollout]:
    """One `Rollout` a command, in their order.

    Args:
      params: of the policy.
      seed: of start poses and sensor noise.
    """
    key_reset, key_policy = jax.random.split(jax.random.PRNGKey(seed))
    size = len(self._commands) * self._num_episodes
    records = jax.device_get(
      self._run(
        params,
        jax.random.split(key_reset, size),
        jax.random.split(key_policy, self._num_steps),
      )
    )
    return episodes.split(
      records,
      self._env.dt,
      [float(command) for command in self._commands],
      self._num_episodes,
      self._env.layout,
    )

  def _unroll(
    self, params: Any, keys: jax.Array, step_keys: jax.Array
  ) -> dict[str, jax.Array]:
    """What `Rollout` keeps, with leading (T, N), N over all commands."""
    env, policy = self._env, self._make_policy(params)
    grid = jp.repeat(jp.asarray(self._commands, jp.float32), self._num_episodes)

    def start(key: jax.Array, command: jax.Array) -> Any:
      state = env.reset(key)
      return env.set_command(state, command[None])

    def step(carry: Any, key: jax.Array) -> Any:
      state, alive = carry
      action, _ = policy(state.obs, key)
      state = jax.vmap(env.step)(state, action)
      alive = alive & (state.done == 0)
      return (state, alive), jax.vmap(_record, in_axes=(None, 0, 0))(
        env, state, alive
      )

    state = jax.vmap(start)(keys, grid)
    first = jax.vmap(_position)(
      env.at.pose(state.data.qpos), state.info["heading_target"]
    )
    _, records = jax.lax.scan(
      step, (state, jp.ones(len(grid), bool)), step_keys
    )
    records["position"] -= first
    return records


def rollout_commands(
  env: walk.Walk,
  policy: Policy,
  commands: Sequence[float],
  num_episodes: int,
  num_steps: int,
  seed: int = 0,
) -> list[episodes.Rollout]:
  """Rolls one policy out once; see `Roller`."""
  roller = Roller(env, lambda _: policy, commands, num_episodes, num_steps)
  return roller((), seed)


def _record(
  env: walk.Walk, state: Any, alive: jax.Array
) -> dict[str, jax.Array]:
  """What `Rollout` keeps of one robot's step."""
  data, heading = state.data, state.info["heading_target"]
  return {
    "alive": alive,
    "position": _position(env.at.pose(data.qpos), heading),
    "velocity": env.heading_velocity(data, heading),
    "heading_error": env.heading_error(data, heading),
    "qpos": env.at.pose(data.qpos),
    "features": state.info["amp_features"],
    "torque": env.get_torques(data),
    "joint_vel": data.qvel[env.at.dofs],
  }


def _position(qpos: jax.Array, heading: jax.Array) -> jax.Array:
  """(2,) pelvis position [m] forward and left along `heading` [rad]."""
  cos, sin = jp.cos(heading), jp.sin(heading)
  return jp.array(
    [cos * qpos[0] + sin * qpos[1], cos * qpos[1] - sin * qpos[0]]
  )
