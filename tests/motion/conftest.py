import os
import pathlib

import pytest

from tests.robots import biped as biped_lib
from wildrobot_playground import robots
from wildrobot_playground.motion import walk_generator
from wildrobot_playground.motion.datasets import shipped
from wildrobot_playground.motion.importers import deepmimic
from wildrobot_playground.motion.retargeting import recording as follow
from wildrobot_playground.motion.retargeting import unroll
from wildrobot_playground.robots import folder as folder_lib
from wildrobot_playground.system import assets

_BESIDE = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def robot():
  return robots.default_robot()


@pytest.fixture(scope="session")
def human_walk():
  return deepmimic.load(assets.reference() / shipped.SOURCE)


@pytest.fixture(scope="session")
def human_clip(human_walk, robot):
  return follow.follow(human_walk, "human", robot, 0.3)


@pytest.fixture(scope="session")
def generated_clip(robot):
  return walk_generator.generate(0.2, "generated", robot)


@pytest.fixture(scope="session")
def recording(human_walk):
  """An open motion: six cycles of the human walk."""
  return unroll.unroll(human_walk, 6)


@pytest.fixture(scope="session")
def recorded_clip(recording, robot):
  return follow.follow(recording, "recorded", robot, 0.3)


@pytest.fixture(scope="session")
def mocap():
  """The folder with motion capture that is not part of the project."""
  folder = pathlib.Path(os.environ.get("WILDROBOT_MOCAP", _BESIDE))
  if not folder.is_dir():
    pytest.skip("no motion capture files; WILDROBOT_MOCAP names their folder")
  return folder


@pytest.fixture(scope="session", params=biped_lib.FEET)
def biped(request, tmp_path_factory):
  """Twice as large, six hinges a leg, turned frames, another order in qpos."""
  folder = tmp_path_factory.mktemp("robots") / f"walker_{request.param}"
  return robots.of(folder_lib.load(biped_lib.write(folder, request.param)))
