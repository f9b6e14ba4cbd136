"""What a robot is: descriptions as data, and one compiled view of them.

What needs MuJoCo is imported when it is first asked for: a command line reads
descriptions before it chooses a renderer, which MuJoCo takes as it is imported.
"""

import importlib
from typing import TYPE_CHECKING, Any

from wildrobot_playground.robots.description import (
  SIDES,
  Contact,
  RobotDescription,
  side_of,
)
from wildrobot_playground.robots.wildrobot import WILDROBOT

if TYPE_CHECKING:
  from wildrobot_playground.robots.fingerprint import model_hash
  from wildrobot_playground.robots.robot import Robot, default_robot, of
  from wildrobot_playground.robots.sole import Sole

__all__ = [
  "SIDES",
  "WILDROBOT",
  "Contact",
  "Robot",
  "RobotDescription",
  "Sole",
  "default_robot",
  "model_hash",
  "of",
  "side_of",
]
_MODULES = {
  "Robot": "robot",
  "Sole": "sole",
  "default_robot": "robot",
  "model_hash": "fingerprint",
  "of": "robot",
}


def __getattr__(name: str) -> Any:
  if name not in _MODULES:
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
  module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
  globals()[name] = getattr(module, name)
  return globals()[name]
