"""What the host decides does not depend on when it was told."""

import json

import jax
import numpy as np
import pytest

from wildrobot_playground.amp import guard, monitor, progress, tuning
from wildrobot_playground.amp.hooks import Hooks

STEPS = 80  # Of an iteration of `ppo_settings`.
COLLAPSED = {"disc_lr": 1e-8, "auto_tune": True}
METRICS = {
  "amp/disc_acc": 0.5,
  "amp/disc_real_mean": 0.5,
  "amp/disc_fake_mean": 0.5,
  "amp/style_reward": 0.4,
  "amp/style_reward_std": 0.2,
  "amp/style_distance": 1.0,
}
SETTINGS = tuning.Settings(3e-4, 8, 5.0, 0.05)


def follow(iterations, flush_after=()):
  """Settings of every iteration of a run that reports METRICS."""
  told, used = [], []
  one = progress.Progress(
    lambda *args: None,
    told.append,
    STEPS,
    0,
    guard.Watch({}, {}),
    tuning.Tuner(SETTINGS, acts=True),
    {},
  )
  for index in range(iterations):
    used.append(one.settings(index))
    one.add(METRICS)
    if index in flush_after:
      one.memory()
  return used, told


def test_settings_follow_the_metrics_of_the_iteration_before_the_last():
  used, told = follow(60)
  called = 2 * monitor.WINDOW + monitor.HOLD - 1  # Metrics until it is called.
  changed = next(i for i, one in enumerate(used) if one != SETTINGS)
  assert changed == called - 1 + 2
  assert {event.kind for event in told} == {"health", "tuning"}


@pytest.mark.parametrize("flushes", [range(60), (36,), (37,), (10, 36, 38, 52)])
def test_saving_changes_no_decision(flushes):
  assert follow(60, flushes)[0] == follow(60)[0]


_SAVED = [20, 37, 39]


@pytest.fixture(scope="module")
def whole(train):
  """Final parameters, metrics, and by iteration what a checkpoint holds.

  That is the state of the training and the memory of the host.
  """
  kept = {}

  def keep(steps, state, memory):
    if steps // STEPS in _SAVED:
      remembered = json.loads(json.dumps(memory()))
      kept[steps // STEPS] = jax.device_get(state), remembered

  _, params, metrics = train(
    60 * STEPS, amp_changes=COLLAPSED, hooks=Hooks(state_fn=keep), seed=1
  )
  return params, metrics, kept


@pytest.mark.parametrize("iteration", _SAVED)
def test_a_tuned_run_goes_on_bit_for_bit(
  whole, train, assert_equal_trees, iteration
):
  params, metrics, kept = whole
  assert metrics["amp/disc_lr"] > 1e-8
  events = []
  _, again, end = train(
    60 * STEPS,
    amp_changes=COLLAPSED,
    seed=1,
    hooks=Hooks(
      restore_fn=lambda state: kept[iteration],
      event_fn=events.append,
    ),
  )
  assert_equal_trees(again, params)
  assert end["amp/disc_lr"] == metrics["amp/disc_lr"]
  assert all(event.steps > iteration * STEPS for event in events)


def test_only_as_many_updates_are_made_as_the_tuner_says(train):
  one, other = (
    train(
      5 * STEPS,
      amp_changes={"disc_updates": updates, "auto_tune": True},
    )[2]
    for updates in (1, 4)
  )
  assert np.isfinite(one["amp/disc_loss"])
  assert one["amp/disc_acc"] != other["amp/disc_acc"]
