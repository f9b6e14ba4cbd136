"""A trained policy in its environment of Playground, driven by a joystick."""

import pathlib
from typing import Any

import jax
import jax.numpy as jp
import numpy as np

from wildrobot_playground.policy.metrics import joystick
from wildrobot_playground.runs import joystick_evaluation
from wildrobot_playground.runs.store import checkpoint
from wildrobot_playground.system import errors

_PUSH = 0.5  # m/s


class JoystickPlayer:
  """One robot in its environment; see `policy.page.joystick_app.Player`."""

  def __init__(self, run_dir: pathlib.Path):
    """Compiles a reset and a step.

    Args:
      run_dir: of a run in an environment of Playground's own.

    Raises:
      ValueError: for a run folder that cannot be used.
      UsageError: for a run of ours, and a task that is told no speeds.
    """
    config = checkpoint.load_config(run_dir)
    if not joystick_evaluation.is_theirs(config):
      raise errors.UsageError(
        f"{run_dir} is a run of a walking task, whose policy plays without it:"
        f" export it with --checkpoint={run_dir}, then name it with"
        f" --policy={run_dir / 'export'}"
      )
    env = joystick_evaluation.environment(
      joystick_evaluation.plan_of(run_dir, config)
    )
    ends = joystick_evaluation.command_range(env)
    root = joystick_evaluation.root_of(env.mj_model)
    if ends is None or root != 0:
      raise errors.UsageError(
        f"{config['env']} is told no speeds, so that nobody can drive it;"
        f" evaluate --checkpoint={run_dir} --video=FILE.mp4 films it"
      )
    policy = checkpoint.load_policy(run_dir)
    self.low, self.high = ends
    self.model, self.dt = env.mj_model, float(env.dt)
    self.falls, self._resets = 0, 0
    self._rng = np.random.default_rng(0)

    def step(state: Any, command: jax.Array, key: jax.Array) -> Any:
      told = {**state.info, "command": command[None]}
      action, _ = policy(state.obs, key)
      return jax.vmap(env.step)(state.replace(info=told), action)

    self._step = jax.jit(step)
    self._reset = jax.jit(jax.vmap(env.reset))
    self.reset()
    self.step(np.zeros(3))
    self.falls = 0

  def reset(self) -> None:
    """Starts anew."""
    self._resets += 1
    key = jax.random.PRNGKey(self._resets)
    self._state = self._reset(key[None])
    self.qpos = np.asarray(self._state.data.qpos[0], float)
    self.twist = np.zeros(3)

  def step(self, command: np.ndarray) -> None:
    """One control step; one that has fallen starts anew."""
    before = self.qpos
    key = jax.random.PRNGKey(0)  # Of a deterministic policy.
    told = jp.asarray(command, jp.float32)
    self._state = self._step(self._state, told, key)
    self.qpos = np.asarray(self._state.data.qpos[0], float)
    if bool(self._state.done[0]) or not np.isfinite(self.qpos).all():
      self.falls += 1
      self.reset()
      return
    poses = np.stack([before, self.qpos])[:, None, :7]
    self.twist = joystick.twist(poses, self.dt)[0, 0]

  def push(self) -> None:
    """Pushes it in a random direction."""
    angle = self._rng.uniform(0, 2 * np.pi)
    kick = _PUSH * np.array([np.cos(angle), np.sin(angle)])
    data = self._state.data
    qvel = data.qvel.at[0, :2].add(jp.asarray(kick, data.qvel.dtype))
    self._state = self._state.replace(data=data.replace(qvel=qvel))
