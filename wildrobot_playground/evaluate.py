"""Evaluates a policy over a grid of commanded speeds.

  python -m wildrobot_playground.evaluate --checkpoint=runs/WildRobotWalk-...
  python -m wildrobot_playground.evaluate --policy=policy.onnx
  python -m wildrobot_playground.evaluate --policy=DIR --suite=robustness

A run's policy is judged in its training's environment; an exported file as on
the robot, through its contract alone, in plain MuJoCo and without jax.
"""

import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from wildrobot_playground.config import typed_flags
from wildrobot_playground.policy.metrics import episodes
from wildrobot_playground.runs import robot_option
from wildrobot_playground.system import assets, cli, errors, files

if TYPE_CHECKING:
  from wildrobot_playground.policy.metrics import scorecard

flags.adopt_module_key_flags(robot_option)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Run folder.")
_POLICY = flags.DEFINE_string(
  "policy", None, "Exported policy (file or folder), or a shipped one's name."
)
_SUITE = flags.DEFINE_enum(
  "suite",
  "commands",
  ["commands", "robustness"],
  "The grid of commands, or a policy under other conditions than trained.",
)
_MODEL = flags.DEFINE_string(
  "model", None, "Another MJCF of the robot, for --policy."
)
_PHYSICS = flags.DEFINE_string(
  "physics", "mujoco", "mujoco (plain MuJoCo, full accuracy) or mjx."
)
_COMMANDS = flags.DEFINE_flag(
  typed_flags.numbers(
    "commands",
    "Forward speeds [m/s].",
    episodes.COMMAND,
    episodes.COMMANDS,
  )
)
_EPISODES = flags.DEFINE_integer(
  "episodes", episodes.NUM_EPISODES, "Episodes a command.", lower_bound=1
)
_SECONDS = flags.DEFINE_float(
  "seconds", episodes.SECONDS, "Length of an episode [s]."
)
_SEED = flags.DEFINE_integer(
  "seed",
  0,
  "Seed of start poses and noise.",
  lower_bound=0,
  upper_bound=2**31 - 1,
)
_REFERENCE = flags.DEFINE_string(
  "reference",
  None,
  "Dataset to measure style against; by default the run's, or the shipped one.",
)
_JSON = flags.DEFINE_string("json", None, "File to write the figures to.")
_VIDEO = flags.DEFINE_string("video", None, "MP4 or GIF to render.")


@errors.of_input()
def main() -> int:
  """Prints the table; see `runs.evaluation` and `policy.sim.sim_to_sim`."""
  if (_CHECKPOINT.value is None) == (_POLICY.value is None):
    raise errors.UsageError(
      "give one of --checkpoint=RUN_FOLDER and --policy=policy.onnx"
    )
  _check_flags()
  path = cli.file_to_write("json", _JSON.value)
  film = cli.file_to_write("video", _VIDEO.value, (".mp4", ".gif"))
  commands = list(_COMMANDS.value)
  if _SUITE.value == "robustness":
    return _robustness(commands, path)
  if _CHECKPOINT.value and _is_theirs(pathlib.Path(_CHECKPOINT.value)):
    return _of_playground(path, film)
  report = _of_policy(commands) if _POLICY.value else _of_run(commands)
  # Imported late: MuJoCo must not be there before `cli.run` chose a renderer.
  from wildrobot_playground.policy.metrics import scorecard

  try:
    print(scorecard.table(report))
  finally:  # Also where nobody reads the table.
    if path is not None:
      _save(path, lambda: scorecard.save(report, path))
  if film is not None:
    from wildrobot_playground.runs import video

    _say_filmed(film, video.render(report.rollouts, report.robot, film))
  if _POLICY.value:
    cli.say_next(("play", f"--policy={_POLICY.value}"))
  else:
    cli.say_next(("export", f"--checkpoint={_CHECKPOINT.value}"))
  return 0


def _check_flags() -> None:
  """Refuses flags that would do nothing."""
  if _POLICY.value is None:
    for flag in (_MODEL, _SUITE):
      if flag.present:
        raise errors.UsageError(f"--{flag.name} needs --policy=policy.onnx")
  elif _PHYSICS.value != "mujoco":
    raise errors.UsageError("--policy runs in plain MuJoCo: --physics=mujoco")
  for flag in (_VIDEO, _REFERENCE):
    if _SUITE.value == "robustness" and flag.present:
      raise errors.UsageError(
        f"--suite=robustness has no use for --{flag.name}"
      )


def _say_filmed(film: pathlib.Path, problem: str | None) -> None:
  if problem:
    raise errors.RunFailedError(f"no film: {problem.removeprefix('none: ')}")
  print(f"video    {film}")


def _save(path: pathlib.Path, write: Callable[[], None]) -> None:
  try:
    write()
  except OSError as error:
    raise errors.RunFailedError(
      f"{path} cannot be written: {error.strerror}"
    ) from error


def _of_run(commands: Sequence[float]) -> "scorecard.Report":
  # Imported here: `cli.run` prepares the process for jax first.
  from wildrobot_playground.runs import evaluation

  run_dir = pathlib.Path(_CHECKPOINT.value or "")
  return evaluation.evaluate(
    run_dir, physics=_PHYSICS.value, **_grid_options(commands)
  )


def _is_theirs(run_dir: pathlib.Path) -> bool:
  from wildrobot_playground.runs import joystick_evaluation
  from wildrobot_playground.runs.store import checkpoint

  return joystick_evaluation.is_theirs(checkpoint.load_config(run_dir))


def _of_playground(path: pathlib.Path | None, film: pathlib.Path | None) -> int:
  """Prints the table of an environment's own commands."""
  from wildrobot_playground.policy.metrics import joystick
  from wildrobot_playground.runs import joystick_evaluation

  if _PHYSICS.present:
    raise errors.UsageError(
      "an environment of Playground is judged in its own physics: leave"
      " --physics out"
    )
  options = _grid_options(list(_COMMANDS.value))
  if not _COMMANDS.present:
    options["commands"] = None
  judged = joystick_evaluation.evaluate(
    pathlib.Path(_CHECKPOINT.value or ""), **options
  )
  try:
    print(joystick.table(judged.report))
  finally:
    if path is not None:
      _save(path, lambda: joystick.save(judged.report, path))
  if film is not None:
    _say_filmed(film, judged.film(film))
  cli.say_next(("export", f"--checkpoint={_CHECKPOINT.value}"))
  return 0


def _of_policy(commands: Sequence[float]) -> "scorecard.Report":
  from wildrobot_playground.policy.sim import sim_to_sim

  policy = sim_to_sim.load(_policy_path())
  return sim_to_sim.evaluate(
    policy, model=_MODEL.value, **_grid_options(commands)
  )


def _policy_path() -> pathlib.Path:
  """Where the policy is; its robot is known from now on."""
  path = assets.find_policy(_POLICY.value or "")
  robot_option.of_policy(path)
  return path


def _grid_options(commands: Sequence[float]) -> dict[str, Any]:
  """What both evaluations over a grid of commands take."""
  return {
    "commands": commands,
    "num_episodes": _EPISODES.value,
    "seconds": _SECONDS.value,
    "reference": pathlib.Path(_REFERENCE.value) if _REFERENCE.value else None,
    "seed": _SEED.value,
  }


def _robustness(commands: Sequence[float], path: pathlib.Path | None) -> int:
  """Prints the table of the suite as it grows."""
  import dataclasses

  from wildrobot_playground.policy.sim import robustness, sim_to_sim

  options: dict[str, Any] = {"commands": commands, "seed": _SEED.value}
  # The suite's own defaults are others than the grid's.
  if _EPISODES.present:
    options["num_episodes"] = _EPISODES.value
  if _SECONDS.present:
    options["seconds"] = _SECONDS.value
  policy = sim_to_sim.load(_policy_path())
  suite = robustness.run(policy, _MODEL.value, **options)
  print(robustness.heading(commands))
  rows = []
  for row in suite:
    rows.append(row)
    print(robustness.line(row), flush=True)
  if path is not None:
    records = [dataclasses.asdict(row) for row in rows]
    _save(path, lambda: files.write_json(path, records))
  cli.say_next(("play", f"--policy={_POLICY.value}"))
  return 0


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
