"""The command lines that make a run again, or go on with it."""

import pathlib
import shlex
from collections.abc import Mapping
from typing import Any

from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import plan_record, robot_option, saved_config
from wildrobot_playground.runs import reference as reference_lib

_TRAIN = "python -m wildrobot_playground.train"
# Keys that have a flag of their own.
_FLAGS = {
  "amp.weight": "amp_weight",
  "ppo.num_timesteps": "num_timesteps",
  "env_config.impl": "impl",
}


def reproduce(config: Mapping[str, Any], folder: str) -> tuple[str, list[str]]:
  """The command that trains with the same settings from the beginning.

  It is made from the configuration, so it does not matter how the run was
  started, or how often it went on.

  Args:
    config: `config.json`.
    folder: the run folder, as it is to be written.

  Returns:
    The command, and the keys that this version of the package does not know.

  Raises:
    ValueError: when the configuration cannot be turned into a command.
  """
  arguments, unknown = settings(config)
  if config.get("reference"):
    arguments.append(f"--reference={folder}/{reference_lib.FILE}")
  named = [f"--{name}={config[name]}" for name in ("env", "preset", "seed")]
  if config.get("robot"):
    named.append(f"--robot={robot_option.ROBOT.value or config['robot']}")
  return shlex.join([*_TRAIN.split(), *named, *arguments]), unknown


def settings(config: Mapping[str, Any]) -> tuple[list[str], list[str]]:
  """What a run does otherwise than its preset, as arguments of `train`.

  Environment, preset, seed and reference are left out.

  Args:
    config: `config.json`.

  Returns:
    The arguments, and the keys that this version of the package does not know.

  Raises:
    ValueError: when the configuration cannot be turned into arguments.
  """
  try:
    if config.get("robot"):
      robot_option.of_run(config, saved_config.FILE)
    request = plan_lib.Request(env=config["env"], preset=config["preset"])
    defaults = plan_record.describe(plan_lib.make_plan(request))
    _ = config["seed"]
    arguments = []
    if config.get("domain_randomization"):
      arguments.append("--domain_randomization")
    if config.get("init_from"):
      arguments.append(f"--init_from={config['init_from']}")
    ours, theirs = _settings(defaults), _settings(config)
  except (KeyError, TypeError, AttributeError) as error:
    raise ValueError(f"{type(error).__name__} {error}") from error
  arguments += [
    f"--{_FLAGS.get(key, key)}={_written(value)}"
    for key, value in theirs.items()
    if key in ours and plan_record.plain(ours[key]) != value
  ]
  unknown = [key for key in theirs if key not in ours]
  return arguments, unknown


def given(config: Mapping[str, Any]) -> str | None:
  """The command that started the run; None if it is not known."""
  command = config.get("command")
  if not isinstance(command, list) or not command:
    return None
  program, *arguments = map(str, command)
  name = pathlib.PurePath(program.replace("\\", "/")).name
  words = _TRAIN.split() if name == "train.py" else [name]
  return shlex.join([*words, *arguments])


def go_on(folder: str, longer: int | None = None) -> str:
  """The command that goes on with a run.

  Args:
    folder: the run folder, as it is to be written.
    longer: new budget [environment steps]; None for what is left of the old.
  """
  arguments = [f"--resume={folder}"]
  if longer is not None:
    arguments += [
      f"--num_timesteps={longer}",
      "--resume_override=ppo.num_timesteps",
    ]
  return shlex.join([*_TRAIN.split(), *arguments])


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
  """Dotted keys of the three sections to values."""
  return {k: v for k, v in plan_record.flat(config).items() if "." in k}


def _written(value: Any) -> str:
  """A value as `overrides.parse` reads it."""
  if isinstance(value, bool):
    return str(value).lower()
  if isinstance(value, (list, tuple)):
    return f"({','.join(map(str, value))},)"
  return str(value)
