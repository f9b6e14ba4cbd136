"""Playground's own robots, described by what is found in their environments."""

import dataclasses
import pathlib
from typing import Any

from wildrobot_playground.robots.description import RobotDescription
from wildrobot_playground.system import assets, errors

# Name of a robot to an environment of Playground that it walks in.
ENVIRONMENTS = {
  "apollo": "ApolloJoystickFlatTerrain",
  "berkeley_humanoid": "BerkeleyHumanoidJoystickFlatTerrain",
  "g1": "G1JoystickFlatTerrain",
  "h1": "H1JoystickGaitTracking",
  "op3": "Op3Joystick",
  "t1": "T1JoystickFlatTerrain",
}


def find(name: str) -> RobotDescription:
  """One of Playground's robots; its files are Playground's to bring.

  Args:
    name: one of `ENVIRONMENTS`.

  Raises:
    UsageError: when its files are not at hand.
  """
  # Imported here: it imports jax.
  from mujoco_playground import registry

  try:
    env = registry.load(ENVIRONMENTS[name], config_overrides={"impl": "jax"})
  except (OSError, ValueError) as error:
    raise errors.UsageError(
      f"robot '{name}' needs Playground's files, which it could not bring:"
      f" {str(error).splitlines()[0]}"
    ) from error
  return describe(env, name)


def describe(env: Any, name: str) -> RobotDescription:
  """The robot of an environment of Playground, by the structure of its model.

  Args:
    env: an `MjxEnv` that has `model_assets`.
    name: what to call it.

  Raises:
    RobotError: naming what its model lacks: a free joint, servos, two feet.
  """
  from wildrobot_playground.robots import folder

  path = pathlib.Path(str(env.xml_path))
  described = folder.describe({"name": name}, path, dict(env.model_assets))
  reference = assets.made_reference(name)
  return dataclasses.replace(described, reference=reference)
