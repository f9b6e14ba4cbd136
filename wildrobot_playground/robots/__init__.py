"""What a robot is: descriptions as data, and one compiled view of them."""

from wildrobot_playground.robots.description import (
  SIDES,
  Contact,
  RobotDescription,
  side_of,
)
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
from wildrobot_playground.robots.wildrobot import WILDROBOT

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
