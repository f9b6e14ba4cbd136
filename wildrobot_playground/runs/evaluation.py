"""Judging a trained policy: the command grid in full-accuracy physics."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import mujoco
from ml_collections import config_dict

from wildrobot_playground.amp import dataset as dataset_lib
from wildrobot_playground.envs import walk
from wildrobot_playground.policy import gait
from wildrobot_playground.policy import rollout as rollout_lib
from wildrobot_playground.runs import checkpoint
from wildrobot_playground.runs import reference as reference_lib

COMMANDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # m/s
NUM_EPISODES = 32
SECONDS = 10.0

_COLUMNS = (
  ("command", "m/s", ".1f"),
  ("speed", "m/s", ".3f"),
  ("velocity_error", "m/s", ".3f"),
  ("falls", "", "d"),
  ("drift", "m", ".2f"),
  ("lateral_drift", "m", ".2f"),
  ("yaw_drift", "rad", ".2f"),
  ("foot_slip", "m/s", ".3f"),
  ("foot_lift", "m", ".3f"),
  ("duty_factor", "", ".2f"),
  ("cadence", "Hz", ".2f"),
  ("symmetry", "", ".2f"),
  ("torque_rms", "N·m", ".2f"),
  ("power", "W", ".1f"),
  ("cost_of_transport", "", ".2f"),
  ("style_distance", "", ".2f"),
  ("cycle_distance", "rad", ".3f"),
)


@dataclasses.dataclass(frozen=True)
class Report:
  """An evaluation.

  Attributes:
    rows: a row of `gait.summarize` for each command.
    physics: what it ran in.
    rollouts: the episodes behind the rows.
    model: the robot and its scene.
  """

  rows: list[dict[str, float]]
  physics: str
  rollouts: list[rollout_lib.Rollout]
  model: mujoco.MjModel


def evaluate(
  run_dir: pathlib.Path,
  physics: str = "mujoco",
  commands: Sequence[float] = COMMANDS,
  num_episodes: int = NUM_EPISODES,
  seconds: float = SECONDS,
  reference: pathlib.Path | None = None,
  seed: int = 0,
) -> Report:
  """Evaluates the policy of a run folder over a grid of commands.

  Args:
    run_dir: run folder.
    physics: `mujoco` (plain MuJoCo at full accuracy) or `mjx`.
    commands: forward speeds [m/s].
    num_episodes: episodes a command.
    seconds: length of an episode [s].
    reference: what style is measured against; the run's own when None.
    seed: of start poses and sensor noise.

  Raises:
    ValueError: for a run folder, reference or physics that cannot be used, and
      for episodes that end before the gait has settled.
  """
  if seconds <= gait.SETTLING_TIME:
    raise ValueError(
      f"episodes of {seconds:g} s are too short: the first"
      f" {gait.SETTLING_TIME:g} s do not count"
    )
  config = checkpoint.load_config(run_dir)
  policy = checkpoint.load_policy(run_dir)
  dataset = (
    dataset_lib.load(reference) if reference else reference_lib.of_run(run_dir)
  )
  env_config = walk.default_config()
  env_config.update(config_dict.ConfigDict(config["env_config"]))
  env_config.velocity_mode = dataset.velocity_mode
  env = rollout_lib.evaluation_env(env_config, physics)
  rollouts = rollout_lib.rollout_commands(
    env, policy, commands, num_episodes, round(seconds / env.dt), seed
  )
  rows = [
    gait.summarize(rollout, dataset, env.mj_model) for rollout in rollouts
  ]
  return Report(rows, physics, rollouts, env.mj_model)


class QuickEvaluation:
  """A short evaluation of parameters in training, compiled once.

  Eight episodes of five seconds at 0.2, 0.4 and 0.6 m/s, at full accuracy.
  """

  _COMMANDS = (0.2, 0.4, 0.6)  # m/s
  _EPISODES = 8
  _SECONDS = 5.0

  def __init__(
    self,
    env_config: config_dict.ConfigDict,
    make_policy: Callable[[Any], rollout_lib.Policy],
    dataset: dataset_lib.ReferenceDataset,
  ):
    """Compiles nothing yet.

    Args:
      env_config: that the policy is trained with.
      make_policy: parameters to a deterministic policy.
      dataset: what style is measured against.
    """
    env_config = env_config.copy_and_resolve_references()
    env = rollout_lib.evaluation_env(env_config, "mujoco")
    self._model, self._dataset = env.mj_model, dataset
    self._roll = rollout_lib.Roller(
      env,
      make_policy,
      self._COMMANDS,
      self._EPISODES,
      round(self._SECONDS / env.dt),
    )

  def __call__(self, params: Any) -> dict[str, float]:
    """Means over the commands: `eval/velocity_error`, `eval/falls` and others.

    `eval/falls` is the share of episodes; `eval/cost`, the less the better, is
    velocity error [m/s] plus falls.
    """
    rows = [
      gait.summarize(rollout, self._dataset, self._model)
      for rollout in self._roll(params)
    ]
    means = {
      f"eval/{name}": sum(row[name] for row in rows) / len(rows)
      for name in ("velocity_error", "falls", "style_distance")
    }
    means["eval/falls"] /= self._EPISODES
    means["eval/cost"] = means["eval/velocity_error"] + means["eval/falls"]
    return means


def table(report: Report) -> str:
  """The report as a text table, a row a command."""
  header = [name.replace("_", " ") for name, _, _ in _COLUMNS]
  units = [f"[{unit}]" if unit else "" for _, unit, _ in _COLUMNS]
  body = [
    [_cell(row[name], form) for name, _, form in _COLUMNS]
    for row in report.rows
  ]
  # Two-word headings take two lines.
  upper = [h.rpartition(" ")[0] for h in header]
  lower = [h.rpartition(" ")[2] for h in header]
  lines = [upper, lower, units, *body]
  widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
  text = "\n".join(
    "  ".join(
      cell.rjust(width) for cell, width in zip(line, widths, strict=True)
    )
    for line in lines
  )
  episodes = int(report.rows[0]["episodes"]) if report.rows else 0
  return f"\n{text}\n{episodes} episodes a command, physics {report.physics}\n"


def save(report: Report, path: pathlib.Path) -> None:
  """Writes the rows as JSON; null for what could not be measured."""
  rows = [
    {k: v if math.isfinite(v) else None for k, v in row.items()}
    for row in report.rows
  ]
  text = json.dumps({"physics": report.physics, "commands": rows}, indent=2)
  path.write_text(text + "\n")


def _cell(value: Any, form: str) -> str:
  return "-" if math.isnan(value) else format(value, form)
