import json
import math

import numpy as np
import pytest

from wildrobot_playground import features
from wildrobot_playground.amp import health, ppo, tuning
from wildrobot_playground.amp.hooks import Hooks
from wildrobot_playground.amp.monitor import (
  HOLD,
  LEAK_PATIENCE,
  WINDOW,
  Monitor,
)

STEPS_PER_ITERATION = 80  # of `ppo_settings`
FLOW = {
  "amp/disc_acc": 0.7,
  "amp/disc_real_mean": 0.7,
  "amp/disc_fake_mean": 0.3,
  "amp/style_reward": 0.4,
  "amp/style_reward_std": 0.2,
  "amp/style_distance": 1.0,
}


def run(monitor, iterations, distance=lambda i: 1.0, **changes):
  """Observes iterations of the same metrics, `distance(i)` apart."""
  changes = {f"amp/{name}": value for name, value in changes.items()}
  for i in range(iterations):
    monitor = monitor.observe(
      {**FLOW, "amp/style_distance": distance(i), **changes}
    )
  return monitor


def falling(i):
  return 1.4 * 0.99**i


def state_of(**changes):
  return run(Monitor(), 60, **changes).state


@pytest.mark.parametrize(
  ("changes", "state"),
  [
    ({"disc_acc": 0.7}, health.HEALTHY),
    ({"disc_acc": 0.99, "style_reward_std": 0.001}, health.TOO_STRONG),
    ({"disc_acc": 0.99, "style_reward": 0.05}, health.TOO_STRONG),
    ({"disc_acc": 0.99}, health.TOO_STRONG),  # Alive, but no way nearer.
    ({"disc_acc": 0.99, "distance": falling}, health.SEPARATING),
    ({"disc_acc": 0.5}, health.COLLAPSED),
    ({"disc_acc": 0.5, "distance": lambda i: 0.05}, health.HEALTHY),
  ],
)
def test_every_state_has_its_sign(changes, state):
  assert state_of(**changes) == state


def test_flat_style_is_too_strong_even_while_distance_falls():
  assert (
    state_of(disc_acc=0.99, style_reward_std=0.001, distance=falling)
    == health.TOO_STRONG
  )


def test_a_fading_style_is_too_strong_even_while_distance_falls():
  monitor = run(Monitor(), 40, falling, disc_acc=0.99, style_reward=0.5)
  monitor = run(
    monitor, 20, lambda i: falling(40 + i), disc_acc=0.99, style_reward=0.15
  )
  assert monitor.state == health.TOO_STRONG
  assert "fading" in monitor.reason


def test_a_run_that_has_come_near_may_rest_there():
  """A good run ends at an accuracy of 0.98, its distance on a plateau."""
  monitor = run(Monitor(), 100, falling, disc_acc=0.98)
  monitor = run(monitor, 200, lambda i: falling(99), disc_acc=0.98)
  assert monitor.state == health.SEPARATING


def test_a_run_that_unlearns_is_too_strong():
  monitor = run(Monitor(), 100, falling, disc_acc=0.98)
  monitor = run(monitor, 60, lambda i: 1.2 * falling(99), disc_acc=0.98)
  assert monitor.state == health.TOO_STRONG


def test_nothing_is_called_before_two_windows():
  monitor = run(Monitor(), 2 * WINDOW - 1, disc_acc=0.5)
  assert monitor.state == health.LEARNING


def test_a_short_disturbance_changes_nothing():
  monitor = run(Monitor(), 60)
  monitor = run(monitor, 2, disc_acc=1.0)
  monitor = run(monitor, 60)
  assert monitor.state == health.HEALTHY
  assert monitor.since < 60


def test_the_threshold_to_leave_is_not_the_one_to_enter():
  """At 0.94 a separating discriminator stays so, a healthy one too."""
  distance = falling
  strong = run(Monitor(), 60, distance, disc_acc=0.99)
  strong = run(strong, 60, lambda i: falling(60 + i), disc_acc=0.94)
  assert strong.state == health.SEPARATING
  assert state_of(disc_acc=0.94) == health.HEALTHY


def test_one_noisy_accuracy_around_the_threshold_does_not_flap():
  monitor, changes = Monitor(), 0
  for i in range(300):
    before = monitor.state
    monitor = run(
      monitor, 1, lambda _, i=i: falling(i), disc_acc=0.95 + 0.01 * (-1) ** i
    )
    changes += monitor.state != before
  assert changes == 1


def test_a_leak_explains_a_style_that_shows_no_way():
  aucs = {f"auc/{name}": 0.5 for name in features.WILDROBOT.names}
  aucs["auc/root_height"] = 0.999
  learning = run(Monitor(), 60, falling, disc_acc=0.99, **aucs)
  assert learning.state == health.SEPARATING
  monitor = run(Monitor(), 60, disc_acc=0.99, **aucs)
  assert monitor.state == health.TOO_STRONG
  assert "root_height" in monitor.reason
  monitor = run(monitor, 2 * LEAK_PATIENCE, disc_acc=0.99, **aucs)
  assert monitor.state == health.LEAK
  assert "root_height" in monitor.reason
  assert "joint_pos" not in monitor.reason


def test_reasons_carry_the_numbers():
  reason = run(Monitor(), 60, disc_acc=0.987).reason
  assert "0.987" in reason
  assert "1.00 -> 1.00" in reason


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_metrics_that_are_not_finite_are_not_judged(value):
  monitor = run(Monitor(), 60)
  assert run(monitor, 60, disc_acc=value) == monitor


def test_without_a_prior_there_is_nothing_to_judge():
  assert Monitor().observe({"training/sps": 1.0}) == Monitor()


def test_a_monitor_goes_on_from_its_json():
  whole = run(Monitor(), 60, falling, disc_acc=0.99)
  half = run(Monitor(), 35, falling, disc_acc=0.99)
  half = Monitor.from_dict(json.loads(json.dumps(half.to_dict())))
  resumed = run(half, 25, lambda i: falling(35 + i), disc_acc=0.99)
  assert resumed == whole


SETTINGS = tuning.Settings(3e-4, 8, 5.0, 0.05)


def test_too_strong_is_weakened():
  weaker = tuning.suggest(health.TOO_STRONG, SETTINGS)
  assert weaker.disc_lr == pytest.approx(1e-4)
  assert weaker == tuning.Settings(weaker.disc_lr, 4, 10.0, 0.1)


def test_collapsed_is_strengthened():
  stronger = tuning.suggest(health.COLLAPSED, SETTINGS)
  assert stronger.disc_lr == pytest.approx(9e-4)
  assert stronger == tuning.Settings(stronger.disc_lr, 16, 2.5, 0.025)


@pytest.mark.parametrize(
  "state", [health.LEARNING, health.HEALTHY, health.SEPARATING, health.LEAK]
)
def test_other_states_are_left_alone(state):
  assert tuning.suggest(state, SETTINGS) == SETTINGS


@pytest.mark.parametrize(
  ("state", "end"),
  [
    (health.TOO_STRONG, tuning.Settings(1e-4, 2, 100.0, 2.0)),
    (health.COLLAPSED, tuning.Settings(1e-3, 32, 0.5, 0.01)),
  ],
)
def test_actions_end_at_their_bounds(state, end):
  settings = SETTINGS
  for _ in range(20):
    settings = tuning.suggest(state, settings)
  assert settings == end


def test_absurd_settings_come_back_into_bounds_at_once():
  forced = tuning.Settings(1e-2, 20, 5.0, 0.0)
  assert tuning.suggest(health.TOO_STRONG, forced).disc_lr == 1e-3
  frozen = tuning.Settings(1e-8, 8, 5.0, 0.0)
  assert tuning.suggest(health.COLLAPSED, frozen).disc_lr == 1e-4


def test_no_action_moves_the_wrong_way_to_reach_a_bound():
  gentle = tuning.Settings(1e-6, 1, 200.0, 2.0)
  assert tuning.suggest(health.TOO_STRONG, gentle) == gentle
  strong = tuning.Settings(1e-2, 64, 0.1, 0.0)
  assert tuning.suggest(health.COLLAPSED, strong) == strong


@pytest.mark.parametrize(
  ("changes", "state"),
  [
    ({"disc_lr": 1e-2, "disc_updates": 20}, health.TOO_STRONG),
    ({"disc_lr": 1e-8}, health.COLLAPSED),
  ],
)
def test_forced_discriminators_are_called_within_50_iterations(
  changes, state, point_mass, reference, amp, ppo_settings
):
  monitor = Monitor()

  def watch(steps, metrics):
    nonlocal monitor
    monitor = monitor.observe(metrics)

  ppo.train(
    point_mass(),
    50 * STEPS_PER_ITERATION,
    amp=amp(**changes),
    reference=reference,
    hooks=Hooks(metrics_fn=watch),
    **ppo_settings,
  )
  assert monitor.iteration == 50
  assert monitor.state == state, monitor.reason


def tuner(**changes):
  return tuning.Tuner(SETTINGS, acts=True, **changes)


def observe(one, iterations, **changes):
  changes = {f"amp/{name}": value for name, value in changes.items()}
  for _ in range(iterations):
    one = one.observe({**FLOW, **changes})
  return one


def test_a_tuner_acts_once_a_cool_down():
  called = 2 * WINDOW + HOLD - 1
  one = observe(tuner(), called, disc_acc=0.5)
  assert one.settings == tuning.suggest(health.COLLAPSED, SETTINGS)
  later = observe(one, tuning.COOL_DOWN - 1, disc_acc=0.5)
  assert later.settings == one.settings
  later = observe(later, 1, disc_acc=0.5)
  assert later.settings == tuning.suggest(health.COLLAPSED, one.settings)


def test_a_tuner_that_may_not_act_gives_advice():
  one = observe(tuning.Tuner(SETTINGS, acts=False), 60, disc_acc=0.5)
  assert one.settings == SETTINGS
  assert "disc_lr 0.0003 -> 0.0009" in one.advice()
  assert "--amp.auto_tune" in one.advice()
  assert observe(tuner(), 60, disc_acc=0.5).advice() == ""


def test_a_tuner_goes_on_from_its_json():
  whole = observe(tuner(), 90, disc_acc=0.5)
  half = observe(tuner(), 41, disc_acc=0.5)
  half = tuning.Tuner.from_dict(json.loads(json.dumps(half.to_dict())))
  assert observe(half, 49, disc_acc=0.5) == whole


@pytest.mark.slow
def test_tuned_down_a_discriminator_too_strong_comes_back(
  train, make_reference
):
  """The task keeps the policy away, so only weakening helps."""

  def forced(auto_tune):
    reports, events = [], []
    train(
      300 * STEPS_PER_ITERATION,
      reference=make_reference(spread=0.15),
      amp_changes={
        "weight": 0.05,
        "disc_lr": 1e-2,
        "disc_updates": 20,
        "auto_tune": auto_tune,
      },
      hooks=Hooks(
        event_fn=events.append,
        metrics_fn=lambda steps, metrics: reports.append(metrics),
      ),
    )
    late = [metrics["amp/disc_acc"] for metrics in reports[-50:]]
    return np.mean(late), reports, events

  strong, _, untouched = forced(False)
  tuned, reports, events = forced(True)
  assert tuned < 0.95 < strong
  assert reports[-1]["amp/disc_lr"] < 1e-3
  first = next(event for event in events if event.kind == "health")
  assert first.state == health.TOO_STRONG
  assert first.steps <= 50 * STEPS_PER_ITERATION
  assert [event for event in events if event.kind == "tuning"]
  assert not [event for event in untouched if event.kind == "tuning"]
