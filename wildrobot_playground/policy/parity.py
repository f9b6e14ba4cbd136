"""Whether the control loop does what the environment did: step by step."""

from collections.abc import Callable

import jax
import jax.numpy as jp
import numpy as np

from wildrobot_playground.envs import walk
from wildrobot_playground.policy.controller import (
  ContractError,
  Policy,
  Readings,
)

_ROBOTS, _STEPS = 20, 50  # 1,000 observations
_MAX_DIFFERENCE = 1e-5


def check_contract(
  env: walk.Walk,
  act: Callable[[jax.Array], jax.Array],
  policy: Policy,
) -> list[str]:
  """Replays a rollout through the exported policy and its contract.

  Args:
    env: that the policy was trained in.
    act: the original policy, (B, N) observations to (B, J) actions.
    policy: the exported one.

  Returns:
    What was compared, in a line.

  Raises:
    ContractError: when observations, actions or servo targets differ by more
      than 1e-5.
  """
  record = _record(
    walk.Walk(
      env.config,
      {"noise_config.level": 0.0},
      robot=env.robot,
      terrain=env.terrain,
    ),
    act,
  )
  differences = {"observations": 0.0, "actions": 0.0, "servo targets": 0.0}
  loop = policy.controller
  policy.reset(record["orientation"][0], record["phase"][0])
  loop.heading_target = record["heading_target"]
  loop.command = record["command"]  # The environment changes it at once.
  for t in range(_STEPS):
    readings = Readings(
      record["orientation"][t],
      record["gyro"][t],
      record["joint_pos"][t],
      record["joint_vel"][t],
    )
    observation = policy.observe(readings, record["command"])
    action = policy.infer(record["observation"][t])
    targets = loop.act(record["action"][t])
    for name, ours, theirs in (
      ("observations", observation, record["observation"][t]),
      ("actions", action, record["action"][t]),
      ("servo targets", targets, record["targets"][t]),
    ):
      gap = np.abs(ours - theirs)[record["alive"][t]]
      differences[name] = max(differences[name], float(gap.max(initial=0.0)))
  for name, difference in differences.items():
    if not difference <= _MAX_DIFFERENCE:
      raise ContractError(
        f"{name} of the contract and of the environment differ by"
        f" {difference:.2g}, more than {_MAX_DIFFERENCE:g}: nothing was written"
      )
  text = ", ".join(f"{name} {gap:.1g}" for name, gap in differences.items())
  return [f"contract within {text} on {_ROBOTS * _STEPS:,} steps of a rollout"]


def _record(
  env: walk.Walk, act: Callable[[jax.Array], jax.Array]
) -> dict[str, np.ndarray]:
  """What robots measured and did, (T, N, ...), over the range of commands."""

  def start(key: jax.Array, command: jax.Array):
    return env.set_command(env.reset(key), command[None])

  def step(carry, _):
    state, alive = carry
    action = act(state.obs["state"])
    after = jax.vmap(env.step)(state, action)
    alive = alive & (after.done == 0)
    data = state.data
    return (after, alive), {
      "observation": state.obs["state"],
      "orientation": jax.vmap(env.get_orientation)(data),
      "gyro": jax.vmap(env.get_gyro)(data),
      "joint_pos": data.qpos[:, env.at.joints],
      "joint_vel": data.qvel[:, env.at.dofs],
      "phase": state.info["phase"],
      "action": action,
      "targets": after.info["motor_targets"],
      "alive": alive,
    }

  lower, upper = env.config.command_config.lin_vel_x
  commands = jp.linspace(lower, upper, _ROBOTS)
  # What the dead band would stand still is no command of the environment's.
  commands = jp.where(
    commands < env.config.command_config.dead_band, 0.0, commands
  )
  state = jax.vmap(start)(
    jax.random.split(jax.random.PRNGKey(0), _ROBOTS), commands
  )
  _, record = jax.jit(
    lambda state: jax.lax.scan(
      step, (state, jp.ones(_ROBOTS, bool)), None, _STEPS
    )
  )(state)
  return {
    **{name: np.asarray(value) for name, value in record.items()},
    "command": np.asarray(commands),
    "heading_target": np.asarray(state.info["heading_target"]),
  }
