"""Brax's own tests of its PPO, with nothing but their import changed."""

import pathlib

import brax.training.agents.ppo
import pytest

from tests import theirs

FILE = pathlib.Path(brax.training.agents.ppo.__file__).parent / "train_test.py"
CHANGES = {
  "from brax.training.agents.ppo import train as ppo\n": (
    "from wildrobot_playground.amp import ppo\n"
  )
}
# As the file does when it is run.
SETTINGS = {"JAX_THREEFRY_PARTITIONABLE": "0"}


def test_the_quick_ones_pass(tmp_path):
  chosen = "testNetworkEncoding"
  assert theirs.run(FILE, tmp_path, CHANGES, chosen, **SETTINGS) == 2


@pytest.mark.slow
def test_all_pass(tmp_path):
  assert theirs.run(FILE, tmp_path, CHANGES, **SETTINGS) == 34
