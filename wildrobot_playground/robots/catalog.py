"""All robots that are known: ours, and those that a user has brought."""

import os
import pathlib

from wildrobot_playground.robots import playground
from wildrobot_playground.robots.description import RobotDescription
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.robots.wildrobot_v2 import WILDROBOT_V2
from wildrobot_playground.system import cli, errors

SHIPPED = (WILDROBOT, WILDROBOT_V2)

_known: dict[str, RobotDescription] = {robot.name: robot for robot in SHIPPED}


def add(robot: RobotDescription) -> None:
  """Makes a robot known by its name and by its environments' names.

  Raises:
    UsageError: when another robot has the name, or an environment of it.
  """
  for other in _known.values():
    same = other.name == robot.name or other.title == robot.title
    if same and other != robot:
      raise errors.UsageError(
        f"{robot.model}: there is a robot '{other.name}' ({other.title}Walk)"
        " already; give yours another name in its robot.toml"
      )
  _known[robot.name] = robot


def find(name: str, called: str | None = None) -> RobotDescription:
  """A robot by its name, Playground's own among them, or a folder's.

  Args:
    name: of the robot, or path of the folder.
    called: what a folder's robot is called, unless its `robot.toml` says.

  Raises:
    UsageError: naming the nearest robot, or what is wrong with the folder.
  """
  path = pathlib.Path(name)
  renamed = called not in (None, name) and path.is_dir()
  if name in _known and not renamed:
    return _known[name]
  if os.sep not in name and not os.path.exists(name):
    cli.choose("robot", name, names())
  if playground.brings(name):
    robot = playground.find(name)
  else:
    # It imports MuJoCo, for which a command line chooses a renderer first.
    from wildrobot_playground.robots import folder

    robot = folder.load(path, called)
  add(robot)
  return robot


def get(name: str) -> RobotDescription | None:
  """A known robot by its name."""
  return _known.get(name)


def names() -> tuple[str, ...]:
  """Of all known robots, and of those that Playground brings when asked."""
  return tuple(dict.fromkeys((*_known, *playground.ENVIRONMENTS)))


def environments() -> tuple[str, ...]:
  """Names of all walking tasks."""
  return tuple(n for robot in _known.values() for n in robot.environments)


def of_environment(name: str) -> tuple[RobotDescription, str]:
  """The robot of a walking task, and its terrain.

  Raises:
    KeyError: for a name that is none of `environments`.
  """
  for robot in _known.values():
    flat, rough = robot.environments
    if name in (flat, rough):
      return robot, "flat" if name == flat else "rough"
  raise KeyError(name)
