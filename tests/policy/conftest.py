import pytest

from wildrobot_playground.policy.sim import plant, sim_to_sim
from wildrobot_playground.system import assets


@pytest.fixture(scope="session")
def walk_folder():
  """The shipped walking policy; not to be changed."""
  return assets.policies() / "walk"


@pytest.fixture
def walk(walk_folder):
  return sim_to_sim.load(walk_folder)


@pytest.fixture
def agreed(walk):
  return walk.controller.contract


@pytest.fixture
def robot(agreed):
  return plant.load(agreed)
