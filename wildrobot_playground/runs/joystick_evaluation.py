"""Judging a policy in an environment of Playground: its own commands, held."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jp
import mujoco
import numpy as np
from ml_collections import config_dict

from wildrobot_playground.envs import playground_amp, registration
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy import rollout as rollout_lib
from wildrobot_playground.policy.metrics import episodes, joystick
from wildrobot_playground.robots import catalog, playground
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs import video
from wildrobot_playground.runs.plan import Plan, Request, make_plan
from wildrobot_playground.runs.store import checkpoint

_DRAWS = 1024  # of commands, to learn their range
_FILMED = 3  # commands
_COMMAND = "command"  # In `info`: forward and left [m/s], turn [rad/s].


@dataclasses.dataclass(frozen=True)
class Judged:
  """An evaluation and what it was of.

  Attributes:
    report: its figures.
    model: of its poses.
  """

  report: joystick.Report
  model: mujoco.MjModel

  def film(self, path: pathlib.Path) -> str | None:
    """Writes one robot of three commands side by side; see `video.render`.

    The first that move: their robots have many triangles, and a machine without
    a GPU draws some four pictures of them a second.
    """
    shots = []
    moving = [r for r in self.report.rollouts if np.any(r.command)]
    for rollout in (moving or self.report.rollouts)[:_FILMED]:
      count = round(video.SECONDS / rollout.dt)
      steps, column = video.last_steps(rollout.alive, count)
      qpos = rollout.qpos[steps, column].astype(np.float64)
      caption = joystick.caption(rollout.command)
      shots.append(video.Shot(qpos, self.model, caption))
    return video.render_shots(shots, self.report.rollouts[0].dt, path)


def evaluate(
  run_dir: pathlib.Path,
  commands: Sequence[float] | None = None,
  num_episodes: int = episodes.NUM_EPISODES,
  seconds: float = episodes.SECONDS,
  reference: pathlib.Path | None = None,
  seed: int = 0,
) -> Judged:
  """Evaluates the policy of a run folder; see `judge`.

  Args:
    run_dir: run folder.
    commands: forward speeds [m/s]; the environment's own grid when None.
    num_episodes: episodes a command.
    seconds: length of an episode [s].
    reference: dataset or folder of clips that style is measured against, also
      of a run without a prior; the run's own when None.
    seed: of starts and noise.

  Raises:
    ValueError: for a run folder or reference that cannot be used, and for
      episodes that end before the gait has settled.
    UsageError: for an environment whose robot can have no style.
  """
  plan = plan_of(run_dir, checkpoint.load_config(run_dir))
  policy = checkpoint.load_policy(run_dir)
  env, dataset = environment(plan, styled=reference is not None), None
  if reference is not None:
    dataset = reference_lib.find(str(reference), env)
  elif (run_dir / reference_lib.FILE).is_file():
    dataset = reference_lib.of_run(run_dir)
  return judge(env, policy, dataset, commands, num_episodes, seconds, seed)


def is_theirs(config: Mapping[str, Any]) -> bool:
  """Whether a `config.json` is of an environment of Playground's own."""
  known = catalog.environments()
  return config.get("robot") is None and config.get("env") not in known


def plan_of(run_dir: pathlib.Path, config: Mapping[str, Any]) -> Plan:
  """The plan of a run that is done."""
  return make_plan(Request(run_dir=str(run_dir)), config)


def judge(
  env: Any,
  policy: rollout_lib.Policy,
  dataset: dataset_lib.ReferenceDataset | None,
  commands: Sequence[float] | None = None,
  num_episodes: int = episodes.NUM_EPISODES,
  seconds: float = episodes.SECONDS,
  seed: int = 0,
) -> Judged:
  """Rolls a policy out over its task's commands, each held for an episode.

  Args:
    env: see `environment`.
    policy: deterministic.
    dataset: what style is measured against, if anything.
    commands: see `evaluate`.
    num_episodes: robots a command.
    seconds: length of an episode [s].
    seed: of starts and noise.

  Raises:
    ValueError: see `episodes.check_length`, `episodes.check_grid`, and for
      commands where the environment takes none.
  """
  episodes.check_length(seconds, env.dt)
  given = _grid(env) if commands is None else _forward(env, commands)
  speeds = [0.0] if given is None else [float(row[0]) for row in given]
  steps = round(seconds / env.dt)
  episodes.check_grid(speeds, num_episodes, steps)
  rollouts = _roll_out(env, policy, given, num_episodes, steps, seed)
  physics = getattr(env, "impl", env.mjx_model.impl.value)
  return Judged(joystick.score(rollouts, dataset, physics), env.mj_model)


def environment(plan: Plan, styled: bool = False) -> Any:
  """The environment of an evaluation: as trained in, but that nothing pushes.

  No start is one of the reference's. On a CPU the physics is MuJoCo C.

  Args:
    plan: of the training.
    styled: emit AMP features, also where the training had no prior.

  Raises:
    UsageError: for a robot that can have no style, but must.
  """
  quiet = config_dict.ConfigDict(plan.env_config)
  if "push_config" in quiet and "enable" in quiet.push_config:
    quiet.push_config.enable = False
  if quiet.get("impl") == "jax":
    quiet.impl = "auto"  # On a CPU, MJX takes minutes to compile.
  env = playground.load(plan.env, config=quiet)
  if plan.amp.weight == 0 and not styled:
    return env
  robot = playground_amp.robot_of(env, plan.env)
  return registration.with_features(env, robot, plan.amp.playground)


def command_range(env: Any) -> tuple[np.ndarray, np.ndarray] | None:
  """(3,) the least and the most that a task draws; None without commands."""
  keys = jax.random.split(jax.random.PRNGKey(0), _DRAWS)
  size = jax.eval_shape(env.reset, keys[0]).info.get(_COMMAND)
  if size is None or size.shape != (3,):
    return None
  # Nothing else of the reset is asked for, and so it is not computed.
  drawn = jax.jit(jax.vmap(lambda key: env.reset(key).info[_COMMAND]))(keys)
  drawn = np.asarray(drawn, float)
  return np.round(drawn.min(axis=0), 1), np.round(drawn.max(axis=0), 1)


def _grid(env: Any) -> np.ndarray | None:
  ends = command_range(env)
  return None if ends is None else joystick.grid(*ends)


def root_of(model: mujoco.MjModel) -> int | None:
  """Where the first free joint is in `qpos`; None without one."""
  free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE.value)
  return int(model.jnt_qposadr[free[0]]) if len(free) else None


def _forward(env: Any, speeds: Sequence[float]) -> np.ndarray:
  if command_range(env) is None:
    raise ValueError("this environment takes no commands: leave --commands out")
  return np.array([[speed, 0.0, 0.0] for speed in speeds])


def _roll_out(
  env: Any,
  policy: rollout_lib.Policy,
  commands: np.ndarray | None,
  num_episodes: int,
  num_steps: int,
  seed: int,
) -> list[joystick.Rollout]:
  """One rollout a command, all at once."""
  rows = 1 if commands is None else len(commands)
  key_reset, key_policy = jax.random.split(jax.random.PRNGKey(seed))
  told = None
  if commands is not None:
    told = jp.repeat(jp.asarray(commands, jp.float32), num_episodes, axis=0)

  def hold(state: Any) -> Any:
    if told is None:
      return state
    return state.replace(info={**state.info, _COMMAND: told})

  def step(carry: Any, key: jax.Array) -> Any:
    state, alive = carry
    action, _ = policy(state.obs, key)
    state = jax.vmap(env.step)(hold(state), action)
    alive = alive & (state.done == 0)
    kept = {"alive": alive, "reward": state.reward, "qpos": state.data.qpos}
    if "amp_features" in state.info:
      kept["features"] = state.info["amp_features"]
    return (state, alive), kept

  @jax.jit
  def unroll(reset_keys: jax.Array, step_keys: jax.Array) -> Any:
    state = jax.vmap(env.reset)(reset_keys)
    alive = jp.ones(len(reset_keys), bool)
    return jax.lax.scan(step, (state, alive), step_keys)[1]

  records = jax.device_get(
    unroll(
      jax.random.split(key_reset, rows * num_episodes),
      jax.random.split(key_policy, num_steps),
    )
  )
  root = root_of(env.mj_model)
  found = []
  for i in range(rows):
    part = slice(i * num_episodes, (i + 1) * num_episodes)
    arrays = {name: value[:, part] for name, value in records.items()}
    command = None if commands is None else commands[i]
    found.append(joystick.Rollout(env.dt, command, root=root, **arrays))
  return found
