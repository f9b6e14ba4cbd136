"""What a robot is: descriptions as data, and one compiled view of them."""

from wildrobot_playground.robots.description import (
  SIDES,
  Contact,
  RobotDescription,
  side_of,
)
from wildrobot_playground.robots.fingerprint import model_hash
from wildrobot_playground.robots.robot import Robot, default_robot, of
from wildrobot_playground.robots.sole import Sole
from wildrobot_playground.robots.wildrobot import WILDROBOT

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
