import numpy as np
import pytest

from wildrobot_playground import features, robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy.metrics import measures
from wildrobot_playground.policy.metrics.episodes import Rollout

DT = 0.02
SECONDS = 4.0


def _rollout(model, **changes) -> Rollout:
  """Two robots that stand at the home pose, unless changed."""
  shape = (round(SECONDS / DT), 2)
  qpos = np.tile(model.keyframe("home").qpos, (*shape, 1))
  rows = np.zeros((*shape, 29))
  rows[..., features.WILDROBOT.foot_contacts] = 1.0
  return Rollout(
    **{
      "dt": DT,
      "command": 0.0,
      "alive": np.ones(shape, bool),
      "position": np.zeros((*shape, 2)),
      "velocity": np.zeros((*shape, 2)),
      "heading_error": np.zeros(shape),
      "qpos": qpos,
      "features": rows,
      "layout": features.WILDROBOT,
      "torque": np.zeros((*shape, 9)),
      "joint_vel": np.zeros((*shape, 9)),
      **changes,
    }
  )


def _steady_walk(model, speed, command) -> Rollout:
  steps = round(SECONDS / DT)
  way = speed * DT * np.arange(1, steps + 1)
  position = np.stack([way, np.zeros(steps)], axis=-1)[:, None].repeat(2, 1)
  velocity = np.zeros((steps, 2, 2))
  velocity[..., 0] = speed
  return _rollout(model, command=command, position=position, velocity=velocity)


def test_steady_speed_is_measured_exactly(model):
  metrics = measures.tracking(_steady_walk(model, 0.3, command=0.4))
  assert metrics["speed"] == pytest.approx(0.3)
  assert metrics["velocity_error"] == pytest.approx(0.1)
  assert metrics["distance"] == pytest.approx(0.3 * SECONDS)
  assert metrics["falls"] == 0


def test_speeds_that_miss_on_both_sides_do_not_cancel(model):
  velocity = np.zeros((round(SECONDS / DT), 2, 2))
  velocity[:, 0, 0], velocity[:, 1, 0] = 0.3, 0.5
  rollout = _rollout(model, command=0.4, velocity=velocity)
  metrics = measures.tracking(rollout)
  assert metrics["speed"] == pytest.approx(0.4)
  assert metrics["velocity_error"] == pytest.approx(0.1)


def test_fallen_robots_count_and_stop_counting(model):
  alive = np.ones((round(SECONDS / DT), 2), bool)
  alive[100:, 1] = False
  velocity = np.zeros((*alive.shape, 2))
  velocity[..., 0] = 0.2
  velocity[100:, 1, 0] = 9.0  # What it does on the floor does not matter.
  metrics = measures.tracking(_rollout(model, alive=alive, velocity=velocity))
  assert metrics["falls"] == 1
  assert metrics["speed"] == pytest.approx(0.2)


def _alternating(model, period, duty) -> Rollout:
  """Feet that stand for `duty` of every `period` [s], half a period apart."""
  steps = round(SECONDS / DT)
  phase = np.arange(steps) * DT / period
  rows = np.zeros((steps, 2, 29))
  left = (phase + 1e-9) % 1 < duty
  right = (phase + 0.5 + 1e-9) % 1 < duty
  for column, stands in zip(
    range(25, 29), (left, left, right, right), strict=True
  ):
    rows[..., column] = stands[:, None]
  return _rollout(model, features=rows)


def test_stance_pattern_of_a_metronome(model):
  metrics = measures.stance_pattern(
    _alternating(model, 0.5, 0.6), robots.default_robot()
  )
  # A touch-down at the very start of the window is not seen.
  assert metrics["cadence"] == pytest.approx(2.0, rel=0.1)
  assert metrics["duty_factor"] == pytest.approx(0.6, rel=0.02)
  assert metrics["symmetry"] == pytest.approx(1.0, rel=0.02)


def test_standing_still_has_no_cadence_and_no_slip(model):
  metrics = measures.stance_pattern(_rollout(model), robots.default_robot())
  assert metrics["cadence"] == 0.0
  assert metrics["foot_slip"] == 0.0
  assert metrics["foot_lift"] == 0.0
  assert metrics["duty_factor"] == 1.0


def test_sliding_robot_slips_at_its_speed(model):
  rollout = _rollout(model)
  rollout.qpos[..., 0] = 0.2 * DT * np.arange(len(rollout.qpos))[:, None]
  metrics = measures.stance_pattern(rollout, robots.default_robot())
  assert metrics["foot_slip"] == pytest.approx(0.2)


def test_lift_is_the_height_of_the_swing(model):
  rollout = _alternating(model, 0.5, 0.5)
  flying = rollout.features[:, 0, 25] == 0
  lifted = rollout.qpos.copy()
  lifted[flying, :, 2] += 0.03  # Both feet, but only the left one swings then.
  rollout = _rollout(model, features=rollout.features, qpos=lifted)
  rows = rollout.features
  rows[..., 27:] = 1.0
  metrics = measures.stance_pattern(rollout, robots.default_robot())
  assert metrics["foot_lift"] == pytest.approx(0.03, abs=1e-3)


def test_effort_of_constant_torque_and_speed(model):
  shape = (round(SECONDS / DT), 2, 9)
  rollout = _steady_walk(model, 0.5, 0.5)
  rollout = _rollout(
    model,
    velocity=rollout.velocity,
    torque=np.full(shape, -2.0),
    joint_vel=np.full(shape, 0.5),
  )
  metrics = measures.effort(rollout, mass=3.0)
  assert metrics["torque_rms"] == pytest.approx(2.0)
  assert metrics["torque_max"] == pytest.approx(2.0)
  assert metrics["power"] == pytest.approx(9.0)
  assert metrics["cost_of_transport"] == pytest.approx(9 / (3 * 9.81 * 0.5))


def test_cost_of_transport_of_a_standing_robot_is_undefined(model):
  assert np.isnan(measures.effort(_rollout(model), 3.0)["cost_of_transport"])


def _dataset(rows) -> dataset_lib.ReferenceDataset:
  return dataset_lib.make(
    features.WILDROBOT,
    [rows],
    ("clip",),
    np.array([0.4]),
    np.array([1.0]),
    "direction",
    DT,
    "",
    {},
  )


def _sines(amplitude, frequency) -> np.ndarray:
  """(T, 29) a gait whose joints are sines and whose left foot steps."""
  time = np.arange(round(SECONDS / DT)) * DT
  rows = np.zeros((len(time), 29))
  phase = 2 * np.pi * frequency * time
  rows[:, :9] = amplitude * np.sin(phase)[:, None]
  rows[:, 25:27] = (np.sin(phase) > 0)[:, None]
  rows[:, 27:29] = (np.sin(phase) <= 0)[:, None]
  return rows


def test_the_reference_itself_has_no_distance(model):
  rows = _sines(0.3, 1.0)
  rollout = _rollout(model, command=0.4, features=rows[:, None].repeat(2, 1))
  metrics = measures.style(rollout, _dataset(rows.astype(np.float32)))
  assert metrics["style_distance"] < 0.01
  assert metrics["cycle_distance"] < 0.02


def test_distances_grow_with_the_difference(model):
  reference = _dataset(_sines(0.3, 1.0).astype(np.float32))

  def measure(amplitude):
    rows = _sines(amplitude, 1.0)[:, None].repeat(2, 1)
    return measures.style(
      _rollout(model, command=0.4, features=rows), reference
    )

  near, far = measure(0.2), measure(0.05)
  assert 0.02 < near["cycle_distance"] < far["cycle_distance"]
  assert 0.02 < near["style_distance"] < far["style_distance"]


def test_cycles_run_from_touchdown_to_touchdown():
  cycles = measures.gait_cycles(features.WILDROBOT, _sines(0.3, 1.0), DT)
  assert len(cycles) == 3
  for cycle in cycles:
    np.testing.assert_allclose(
      cycle[:, 0], 0.3 * np.sin(2 * np.pi * np.arange(50) / 50), atol=0.04
    )


def test_dtw_forgives_timing_but_not_shape():
  time = np.linspace(0, 1, 50)
  wave = np.sin(2 * np.pi * time)[:, None]
  warped = np.sin(2 * np.pi * time**1.3)[:, None]
  assert measures.dtw(wave, wave) == 0.0
  assert measures.dtw(wave, warped) < 0.3 * np.abs(wave - warped).mean()
  assert measures.dtw(wave, wave + 1.0) > 0.2


def test_dtw_closed_form():
  """Every path from 0,0 to 1 keeps a cost of 1 for a constant offset."""
  zeros = np.zeros((4, 2))
  assert measures.dtw(zeros, zeros + 1.0) == pytest.approx(1.0)
