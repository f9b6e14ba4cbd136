import pytest

from wildrobot_playground import assets
from wildrobot_playground.policy import plant, sim_to_sim


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
