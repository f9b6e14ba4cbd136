import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground.envs import observation
from wildrobot_playground.robots.wildrobot import WILDROBOT

_ENTRIES = observation.entries(WILDROBOT)


def test_entries_add_up_to_what_the_environment_observes(env, first):
  size = sum(entry.size for entry in _ENTRIES)
  assert size == 38
  assert first.obs["state"].shape == (size,)
  assert observation.entries(env.robot) == _ENTRIES


def test_signals_are_stacked_in_the_order_of_the_entries():
  signals = {
    entry.name: np.full(entry.size, i)
    for i, entry in enumerate(reversed(_ENTRIES))
  }
  stacked = np.concatenate(observation.parts(_ENTRIES, signals))
  assert (np.diff(stacked) <= 0).all()
  assert stacked[0] == len(_ENTRIES) - 1


def test_joints_are_labelled_in_the_order_of_the_contract():
  for entry in _ENTRIES:
    if entry.size == 9:
      assert entry.labels == WILDROBOT.joints


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_signals_that_do_not_fit_are_named(change):
  signals = {entry.name: jp.zeros(entry.size) for entry in _ENTRIES}
  if change == "missing":
    del signals["gyro"]
  else:
    signals["sonar"] = jp.zeros(1)
  with pytest.raises(ValueError, match=r"gyro|sonar"):
    observation.parts(_ENTRIES, signals)
