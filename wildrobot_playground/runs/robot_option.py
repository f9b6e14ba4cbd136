"""`--robot=NAME|FOLDER`: which robot a command, a run or a policy is about."""

import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import flags

from wildrobot_playground.system import errors

if TYPE_CHECKING:
  from wildrobot_playground import robots

ROBOT = flags.DEFINE_string(
  "robot",
  None,
  "A robot by its name, or the folder of yours (with a robot.toml); by default"
  " the run's or the policy's, else wildrobot.",
)


def chosen() -> "robots.RobotDescription | None":
  """The robot that the flag names, known from now on; None without the flag.

  Raises:
    UsageError: for an unknown name, or a folder that cannot be used.
  """
  return None if ROBOT.value is None else find(ROBOT.value)


def find(name: str) -> "robots.RobotDescription":
  """A robot by name or folder, its environments registered.

  Raises:
    UsageError: for an unknown name, or a folder that cannot be used.
  """
  # Imported here: `cli.run` prepares the process for MuJoCo first.
  from wildrobot_playground.envs import registration
  from wildrobot_playground.robots import catalog

  robot = catalog.find(name)
  registration.register_robot(robot)
  return robot


def of_run(
  config: Mapping[str, Any], where: str | os.PathLike[str]
) -> "tuple[robots.RobotDescription, str]":
  """The robot that a run is of, and its terrain.

  Args:
    config: what its `config.json` holds.
    where: its path, for the error.

  Raises:
    UsageError: for a run of no robot of ours, or of a folder that is gone.
  """
  from wildrobot_playground.robots import catalog

  env, folder = config.get("env"), config.get("robot")
  if env not in catalog.environments() and folder is not None:
    if not pathlib.Path(folder).is_dir():
      raise errors.UsageError(
        f"{where}: the robot's folder {folder} is not there; say where it is"
        " with --robot=FOLDER"
      )
    find(folder)
  if env not in catalog.environments():
    raise errors.UsageError(
      f"{where}: {env} is no walking task of a robot that is known here"
    )
  return catalog.of_environment(env)


def of_policy(path: pathlib.Path) -> None:
  """Makes the robot known that an exported policy's run was trained with."""
  from wildrobot_playground.runs import saved_config

  if ROBOT.value is not None:
    chosen()
    return
  folder = path if path.is_dir() else path.parent
  config = folder.parent / saved_config.FILE
  if not config.is_file():
    return
  said = saved_config.load(config)
  if said.get("robot"):
    of_run(said, config)
