"""Playground's own robots, described by what is found in their environments."""

import dataclasses
import pathlib
import subprocess
from typing import Any

from wildrobot_playground.robots.description import RobotDescription
from wildrobot_playground.system import assets, echo, errors

# Name of a robot to an environment of Playground that it walks in.
ENVIRONMENTS = {
  "apollo": "ApolloJoystickFlatTerrain",
  "berkeley_humanoid": "BerkeleyHumanoidJoystickFlatTerrain",
  "g1": "G1JoystickFlatTerrain",
  "h1": "H1JoystickGaitTracking",
  "op3": "Op3Joystick",
  "t1": "T1JoystickFlatTerrain",
}


def brings(name: str) -> bool:
  """Whether a name is of one of these, and of no folder that is here."""
  return name in ENVIRONMENTS and not pathlib.Path(name).exists()


def find(name: str) -> RobotDescription:
  """One of Playground's robots; its files are Playground's to bring.

  Args:
    name: one of `ENVIRONMENTS`.

  Raises:
    UsageError: when its files are not at hand.
  """
  return describe(load(ENVIRONMENTS[name], {"impl": "jax"}), name)


def load(
  name: str, overrides: dict[str, Any] | None = None, config: Any = None
) -> Any:
  """An environment by its name in Playground's registry.

  Args:
    name: of the environment.
    overrides: flattened keys of its configuration to values.
    config: the configuration; its own when None.

  Raises:
    UsageError: when its robot's files are not at hand, or it cannot be made.
  """
  # Imported here: it imports jax.
  from mujoco_playground import registry

  try:
    return registry.load(name, config=config, config_overrides=overrides)
  except (OSError, subprocess.SubprocessError) as error:
    raise errors.UsageError(
      f"{name} needs its robot's files from MuJoCo's menagerie, which"
      f" Playground could not bring ({echo.line(error)}); they need a network,"
      " once"
    ) from error
  except ValueError as error:
    raise errors.UsageError(f"{name}: {echo.line(error)}") from error


def describe(env: Any, name: str) -> RobotDescription:
  """The robot of an environment of Playground, by the structure of its model.

  Args:
    env: an `MjxEnv`.
    name: what to call it.

  Raises:
    RobotError: naming what its model lacks: a free joint, servos, two feet.
  """
  from wildrobot_playground.robots import folder

  try:
    files = dict(env.model_assets)
  except NotImplementedError:  # They are beside its MJCF.
    files = {}
  path = pathlib.Path(str(env.xml_path))
  described = folder.describe({"name": name}, path, files)
  reference = assets.made_reference(name)
  return dataclasses.replace(described, reference=reference)
