"""What is promised of the time is of the size of the work, then measured."""

import jax
import pytest

from wildrobot_playground.runs import duration, plan
from wildrobot_playground.system import backend

pytestmark = pytest.mark.skipif(
  jax.default_backend() != "cpu", reason="guesses are of CPUs"
)
NETWORKS = tuple(
  f"--ppo.network_factory.{name}_hidden_layer_sizes=(512,256,128)"
  for name in ("policy", "value")
)


def _guess(*overrides, steps=10**6, **changes):
  request = plan.Request(
    **{"preset": "cpu", "impl": "mujoco", "overrides": overrides, **changes}
  )
  return duration.guess(plan.make_plan(request), steps)


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch):
  monkeypatch.setattr(backend, "usable_cores", lambda: 2)


def test_the_default_takes_about_a_minute_a_million_steps():
  assert _guess() == pytest.approx(72, abs=10)


def test_it_is_of_the_steps_and_the_cores(monkeypatch):
  assert _guess(steps=2 * 10**6) == pytest.approx(2 * _guess())
  whole = _guess()
  monkeypatch.setattr(backend, "usable_cores", lambda: 4)
  assert _guess() == pytest.approx(whole / 2)


@pytest.mark.parametrize(
  ("overrides", "factor"),
  [  # Measured, in time of the processor.
    (("--env_config.sim_dt=0.002",), 187 / 126),
    (NETWORKS, 241 / 126),
  ],
)
def test_more_work_takes_longer(overrides, factor):
  assert _guess(*overrides) / _guess() == pytest.approx(factor, abs=0.15)


def test_the_originals_preset_takes_twice_as_long_and_more():
  assert _guess(preset="original_v030") > 2 * _guess()


@pytest.mark.parametrize(
  "changes", [{"impl": "jax"}, {"env": "CartpoleBalance", "impl": None}]
)
def test_nobody_guesses_what_nobody_measured(changes):
  assert _guess(**changes) is None


class _Clock:
  now = 100.0

  def __call__(self):
    return self.now


def _tell(seconds_an_iteration, iterations=100, total=10_000, first=0):
  """(steps, what was said) of a run of 100 steps an iteration."""
  clock = _Clock()
  tell = duration.Measurement(total, clock)
  said = []
  for i in range(1, iterations + 1):
    # The first iteration waits for more than training.
    clock.now += seconds_an_iteration + (1000 if i == 1 else 0)
    said.append((first + 100 * i, tell(first + 100 * i)))
  return [(steps, text) for steps, text in said if text]


def test_it_is_told_once_after_the_first_iterations():
  [(steps, text)] = _tell(6.0)
  assert steps == 400
  assert text == "about 10 min to go, measured at 17 steps/s"


def test_ten_seconds_are_waited_for():
  [(steps, text)] = _tell(0.5)
  assert steps == 2100
  assert text == "less than a minute to go, measured at 200 steps/s"


def test_a_run_that_goes_on_is_measured_from_there():
  [(steps, text)] = _tell(60.0, iterations=50, first=5000)
  assert (steps, text) == (5400, "about 46 min to go, measured at 2 steps/s")


def test_a_run_that_ends_before_says_nothing():
  assert _tell(1.0, iterations=5, total=500) == []


@pytest.mark.parametrize(
  ("seconds", "text"),
  [(20, "less than a minute"), (240, "about 4 min"), (9000, "about 2.5 h")],
)
def test_times_are_words(seconds, text):
  assert duration.said(seconds) == text
