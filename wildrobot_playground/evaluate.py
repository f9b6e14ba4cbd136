"""Evaluates a trained policy over a grid of commanded speeds.

python -m wildrobot_playground.evaluate --checkpoint=runs/WildRobotWalk-...
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from wildrobot_playground import cli

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Run folder.")
_PHYSICS = flags.DEFINE_string(
  "physics", "mujoco", "mujoco (plain MuJoCo, full accuracy) or mjx."
)
_COMMANDS = flags.DEFINE_list(
  "commands", "0,0.2,0.4,0.6,0.8,1.0", "Forward speeds [m/s]."
)
_EPISODES = flags.DEFINE_integer("episodes", 32, "Episodes a command.")
_SECONDS = flags.DEFINE_float("seconds", 10.0, "Length of an episode [s].")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of start poses and noise.")
_REFERENCE = flags.DEFINE_string(
  "reference", None, "Dataset to measure style against; the run's by default."
)
_JSON = flags.DEFINE_string("json", None, "File to write the figures to.")
_VIDEO = flags.DEFINE_string("video", None, "MP4 or GIF to render.")


def main(rest: Sequence[str]) -> int:
  """Prints the table; see `runs.evaluation`."""
  if rest:
    raise cli.UsageError(f"unknown argument '{rest[0]}'")
  if _CHECKPOINT.value is None:
    raise cli.UsageError("--checkpoint=RUN_FOLDER is required")
  try:
    commands = [float(text) for text in _COMMANDS.value]
  except ValueError as error:
    raise cli.UsageError(f"--commands takes numbers: {error}") from error
  # Imported here: `cli.run` prepares the process for jax first.
  from wildrobot_playground.runs import evaluation, video

  reference = pathlib.Path(_REFERENCE.value) if _REFERENCE.value else None
  try:
    report = evaluation.evaluate(
      pathlib.Path(_CHECKPOINT.value),
      physics=_PHYSICS.value,
      commands=commands,
      num_episodes=_EPISODES.value,
      seconds=_SECONDS.value,
      reference=reference,
      seed=_SEED.value,
    )
  except ValueError as error:
    raise cli.UsageError(str(error)) from error
  print(evaluation.table(report))
  if _JSON.value:
    evaluation.save(report, pathlib.Path(_JSON.value))
  if _VIDEO.value:
    path = pathlib.Path(_VIDEO.value)
    problem = video.render(report.rollouts, report.model, path)
    print(f"video    {problem or path}")
  return 0


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
