"""The robot, compiled once, and what its shipped policy was agreed on."""

import pytest

from tests.robots import biped as biped_lib
from wildrobot_playground import robots
from wildrobot_playground.policy.sim import sim_to_sim
from wildrobot_playground.robots import folder as folder_lib
from wildrobot_playground.system import assets


@pytest.fixture(scope="session")
def robot():
  return robots.default_robot()


@pytest.fixture(scope="session")
def agreed():
  policy = sim_to_sim.load(assets.policies() / "walk")
  return policy.controller.contract


@pytest.fixture(scope="session", params=biped_lib.FEET)
def biped(request, tmp_path_factory):
  """Twelve hinges, turned frames, another order in qpos."""
  folder = tmp_path_factory.mktemp("robots") / f"biped_{request.param}"
  return robots.of(folder_lib.load(biped_lib.write(folder, request.param)))
