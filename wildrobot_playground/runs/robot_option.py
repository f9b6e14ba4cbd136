"""`--robot=NAME|FOLDER`: which robot a command, a run or a policy is about."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import flags

from wildrobot_playground.system import errors, reading

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


def find(name: str, called: str | None = None) -> "robots.RobotDescription":
  """A robot by name or folder, its environments registered.

  Args:
    name: of the robot, or path of its folder.
    called: see `catalog.find`.

  Raises:
    UsageError: for an unknown name, or a folder that cannot be used.
  """
  # Imported here: `cli.run` prepares the process for MuJoCo first.
  from wildrobot_playground.envs import registration
  from wildrobot_playground.robots import catalog

  robot = catalog.find(name, called)
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
  from wildrobot_playground.robots import catalog, playground

  env, folder = config.get("env"), config.get("robot")
  if env not in catalog.environments() and folder is not None:
    place = ROBOT.value or folder
    if not playground.brings(place) and not pathlib.Path(place).is_dir():
      raise errors.UsageError(
        f"{where}: the robot's folder {place} is not there; say where it is"
        " with --robot=FOLDER"
      )
    # Wherever it has moved, the run knows it by the name that it had.
    find(place, pathlib.Path(folder).name)
  if env not in catalog.environments():
    raise errors.UsageError(
      f"{where}: {env} is no walking task of a robot that is known here"
    )
  return catalog.of_environment(env)


def of_policy(path: pathlib.Path) -> None:
  """Makes the robot known that an exported policy is for."""
  from wildrobot_playground.robots import catalog
  from wildrobot_playground.runs import saved_config

  folder = path if path.is_dir() else path.parent
  if ROBOT.value is not None:
    contract = folder / "policy.json"
    called = _robot_in(contract) if contract.is_file() else None
    shipped = {robot.name for robot in catalog.SHIPPED}
    find(ROBOT.value, None if called in shipped else called)
    return
  config = folder.parent / saved_config.FILE
  if not config.is_file():
    return
  said = saved_config.load(config)
  if said.get("robot"):
    of_run(said, config)


def _robot_in(path: pathlib.Path) -> str | None:
  """The name of the robot in a contract; None where that cannot be read."""
  try:
    name = json.loads(reading.text(path)).get("robot")
  except (OSError, ValueError, AttributeError):
    return None  # Reading the policy tells what is wrong with it.
  return name if isinstance(name, str) else None
