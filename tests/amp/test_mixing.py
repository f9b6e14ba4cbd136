import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground.amp import mixing

pytestmark = pytest.mark.usefixtures("no_rank_promotion")

TASK = jp.array([0.1, -0.4, 0.0, 0.12])
STYLE = jp.array([0.0, 0.5, 1.0, 0.7])
ONES = jp.ones(4)
SCALE = 0.126

WEIGHTS = (0.0, 0.3, 1.0)


@pytest.fixture(params=sorted(mixing.MIXINGS))
def mix(request):
  return mixing.MIXINGS[request.param].mix


def test_mixings_are_listed_by_name():
  assert set(mixing.MIXINGS) == {"share", "sum", "lerp"}


def test_zero_weight_pays_no_style(mix):
  np.testing.assert_array_equal(mix(TASK, STYLE, ONES, 0.0, SCALE), TASK)


def test_closed_gate_leaves_the_task_alone(mix):
  gate = jp.array([0.0, 1.0, 0.0, 1.0])
  found = mix(TASK, STYLE, gate, 0.3, SCALE)
  opened = mix(TASK, STYLE, ONES, 0.3, SCALE)
  np.testing.assert_array_equal(found, jp.where(gate > 0, opened, TASK))


@pytest.mark.parametrize("weight", WEIGHTS)
def test_closed_forms(weight):
  expected = {
    "share": (1 - weight) * TASK + weight * SCALE * STYLE,
    "sum": TASK + weight * SCALE * STYLE,
    "lerp": (1 - weight) * TASK + weight * SCALE * STYLE,
  }
  for name, value in expected.items():
    np.testing.assert_allclose(
      mixing.MIXINGS[name].mix(TASK, STYLE, ONES, weight, SCALE),
      value,
      rtol=1e-6,
    )


def test_style_pays_more_for_more_style(mix):
  low = mix(TASK, STYLE, ONES, 0.3, SCALE)
  high = mix(TASK, STYLE + 0.1, ONES, 0.3, SCALE)
  assert np.all(high > low)


def test_weight_is_the_share_of_style_when_both_are_perfect():
  for scale in (0.02, 0.126, 5.0):
    task = jp.full(1, scale)  # The most that the task can pay.
    whole = mixing.lerp(task, jp.ones(1), jp.ones(1), 0.3, scale)
    style = mixing.lerp(0 * task, jp.ones(1), jp.ones(1), 0.3, scale)
    np.testing.assert_allclose(whole, scale, rtol=1e-6)
    np.testing.assert_allclose(style / whole, 0.3, rtol=1e-6)


def test_share_does_not_depend_on_the_task_scales():
  once = mixing.lerp(TASK, STYLE, ONES, 0.3, SCALE)
  tenfold = mixing.lerp(10 * TASK, STYLE, ONES, 0.3, 10 * SCALE)
  np.testing.assert_allclose(tenfold, 10 * once, rtol=1e-5)


def test_only_share_scales_style_with_the_task():
  scales = {name: m.style_per_second for name, m in mixing.MIXINGS.items()}
  assert scales == {"share": None, "sum": 1.0, "lerp": 1.0}
