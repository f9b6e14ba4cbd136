"""Judging a trained policy: the command grid in full-accuracy physics."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from ml_collections import config_dict

from wildrobot_playground import robots
from wildrobot_playground.envs import walk_config
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy import rollout as rollout_lib
from wildrobot_playground.policy.metrics import episodes, measures, scorecard
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs import robot_option, saved_config
from wildrobot_playground.runs.store import checkpoint


def evaluate(
  run_dir: pathlib.Path,
  physics: str = "mujoco",
  commands: Sequence[float] = episodes.COMMANDS,
  num_episodes: int = episodes.NUM_EPISODES,
  seconds: float = episodes.SECONDS,
  reference: pathlib.Path | None = None,
  seed: int = 0,
  policy: rollout_lib.Policy | None = None,
) -> scorecard.Report:
  """Evaluates the policy of a run folder over a grid of commands.

  Args:
    run_dir: run folder.
    physics: `mujoco` (plain MuJoCo at full accuracy) or `mjx`.
    commands: forward speeds [m/s].
    num_episodes: episodes a command.
    seconds: length of an episode [s].
    reference: what style is measured against; the run's own when None.
    seed: of start poses and sensor noise.
    policy: judged instead of the run folder's.

  Raises:
    ValueError: for a run folder, reference or physics that cannot be used, and
      for episodes that end before the gait has settled.
  """
  episodes.check_length(seconds)
  config = checkpoint.load_config(run_dir)
  judged = policy if policy is not None else checkpoint.load_policy(run_dir)
  dataset = (
    dataset_lib.load(reference) if reference else reference_lib.of_run(run_dir)
  )
  path = run_dir / checkpoint.CONFIG_FILE
  robot, _ = robot_option.of_run(config, path)
  env_config = walk_config.default_config(robot)
  saved_config.fill(env_config, config, "env_config", path)
  env_config.velocity_mode = dataset.velocity_mode
  env = rollout_lib.evaluation_env(env_config, physics, robot)
  episodes.check_length(seconds, env.dt)
  rollouts = rollout_lib.rollout_commands(
    env, judged, commands, num_episodes, round(seconds / env.dt), seed
  )
  return scorecard.score(rollouts, dataset, robots.of(robot), physics)


class QuickEvaluation:
  """A short evaluation of parameters in training, compiled once.

  Eight episodes of five seconds at 1/5, 2/5 and 3/5 of the fastest command, at
  full accuracy.
  """

  _EPISODES = 8
  _SECONDS = 5.0

  def __init__(
    self,
    env_config: config_dict.ConfigDict,
    make_policy: Callable[[Any], rollout_lib.Policy],
    dataset: dataset_lib.ReferenceDataset,
    robot: robots.RobotDescription,
  ):
    """Compiles nothing yet.

    Args:
      env_config: that the policy is trained with.
      make_policy: parameters to a deterministic policy.
      dataset: what style is measured against.
      robot: that walks.
    """
    env_config = env_config.copy_and_resolve_references()
    env = rollout_lib.evaluation_env(env_config, "mujoco", robot)
    self._robot, self._dataset = robots.of(robot), dataset
    self._roll = rollout_lib.Roller(
      env,
      make_policy,
      episodes.grid(float(env_config.command_config.lin_vel_x[1]))[1:4],
      self._EPISODES,
      round(self._SECONDS / env.dt),
    )

  def __call__(self, params: Any) -> dict[str, float]:
    """Means over the commands: `eval/velocity_error`, `eval/falls` and others.

    `eval/falls` is the share of episodes; `eval/cost`, the less the better, is
    velocity error [m/s] plus falls.
    """
    rows = [
      measures.summarize(rollout, self._dataset, self._robot)
      for rollout in self._roll(params)
    ]
    means = {
      f"eval/{name}": sum(row[name] for row in rows) / len(rows)
      for name in ("velocity_error", "falls", "style_distance")
    }
    means["eval/falls"] /= self._EPISODES
    means["eval/cost"] = means["eval/velocity_error"] + means["eval/falls"]
    return means
