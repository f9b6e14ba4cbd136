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
  from wildrobot_playground.robots.robot import (
    HIP_FLEXION_SIGN,
    HIP_PITCH_COLUMNS,
    LEG_COLUMNS,
    PitchTask,
    PointTask,
    Robot,
    Task,
    default_robot,
    model_hash,
    of,
  )
  from wildrobot_playground.robots.sole import Sole

__all__ = [
  "HIP_FLEXION_SIGN",
  "HIP_PITCH_COLUMNS",
  "LEG_COLUMNS",
  "SIDES",
  "WILDROBOT",
  "Contact",
  "PitchTask",
  "PointTask",
  "Robot",
  "RobotDescription",
  "Sole",
  "Task",
  "default_robot",
  "model_hash",
  "of",
  "side_of",
]


def __getattr__(name: str) -> Any:
  if name not in __all__:
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
  where = "sole" if name == "Sole" else "robot"
  module = importlib.import_module(f"{__name__}.{where}")
  globals()[name] = getattr(module, name)
  return globals()[name]
