"""The robot, compiled once, and what its shipped policy was agreed on."""

import pytest

from wildrobot_playground import robots
from wildrobot_playground.policy.sim import sim_to_sim
from wildrobot_playground.system import assets


@pytest.fixture(scope="session")
def robot():
  return robots.default_robot()


@pytest.fixture(scope="session")
def agreed():
  policy = sim_to_sim.load(assets.policies() / "walk")
  return policy.controller.contract
