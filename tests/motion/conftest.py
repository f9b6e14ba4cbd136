import pytest

from wildrobot_playground import assets
from wildrobot_playground.motion import default, gait, kinematics, retarget
from wildrobot_playground.motion.importers import deepmimic


@pytest.fixture(scope="session")
def robot():
  return kinematics.default_robot()


@pytest.fixture(scope="session")
def human_walk():
  return deepmimic.load(assets.reference() / default.SOURCE)


@pytest.fixture(scope="session")
def human_clip(human_walk, robot):
  return retarget.retarget(human_walk, 0.3, "human", robot)


@pytest.fixture(scope="session")
def generated_clip(robot):
  return gait.generate(0.2, "generated", robot)
