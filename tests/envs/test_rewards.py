"""The closed form of every reward term."""

import inspect
import sys

import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground.envs import rewards

SIGMA = 0.3


@pytest.fixture(autouse=True)
def strict(no_rank_promotion):
  """No term broadcasts (N,) against (N, 1)."""


def test_velocity_on_command_pays_one():
  assert rewards.tracking_lin_vel(
    jp.array([0.4, 0.0]), jp.array([0.4]), SIGMA
  ) == pytest.approx(1.0)


def test_velocity_error_decays_exponentially_in_both_directions():
  forward = jp.array([0.4 + 0.3, 0.0])
  sideways = jp.array([0.4, -0.3])
  command = jp.array([0.4])
  expected = np.exp(-0.3 / SIGMA)
  for velocity in (forward, sideways):
    found = rewards.tracking_lin_vel(velocity, command, SIGMA)
    assert found == pytest.approx(expected, rel=1e-6)
  # 0.3 ahead and 0.4 aside are 0.5 off.
  oblique = jp.array([0.7, 0.4])
  assert rewards.tracking_lin_vel(oblique, command, SIGMA) == pytest.approx(
    np.exp(-0.5 / SIGMA), rel=1e-6
  )


@pytest.mark.parametrize("error", [0.0, 0.2, -0.2, np.pi])
def test_heading_error_is_a_gaussian(error):
  assert rewards.tracking_heading(jp.array(error), SIGMA) == pytest.approx(
    np.exp(-(error**2) / SIGMA), rel=1e-5
  )


@pytest.mark.parametrize("height", [0.44, 0.40, 0.50])
def test_height_error_is_a_gaussian(height):
  assert rewards.base_height(jp.array(height), 0.44, 0.002) == pytest.approx(
    np.exp(-((height - 0.44) ** 2) / 0.002), rel=1e-3
  )


@pytest.mark.parametrize("tilt", [0.0, 0.3, np.pi / 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_orientation_is_the_squared_sine_of_the_tilt(tilt, axis):
  gravity = np.array([0.0, 0.0, -np.cos(tilt)])
  gravity[axis] = np.sin(tilt)
  found = rewards.orientation(jp.array(gravity))
  assert found == pytest.approx(np.sin(tilt) ** 2, abs=1e-6)


def test_rates_count_roll_and_pitch_only():
  assert rewards.ang_vel_xy(jp.array([1.0, -2.0, 9.0])) == 5.0


def test_bouncing_counts_the_vertical_velocity_only():
  assert rewards.lin_vel_z(jp.array([8.0, 9.0, -0.5])) == 0.25


def test_torques_are_squared_and_summed():
  torque = jp.arange(9.0) - 4.0
  assert rewards.torques(torque) == 60.0


def test_action_rate_is_the_squared_change():
  action, last = jp.full(9, 0.5), jp.full(9, 0.3)
  found = rewards.action_rate(action, last)
  assert found == pytest.approx(9 * 0.04, rel=1e-5)
  assert rewards.action_rate(action, action) == 0.0


def test_joint_limits_cost_what_is_beyond_them():
  lower, upper = jp.full(9, -1.0), jp.full(9, 2.0)
  inside = jp.array([-1.0, 2.0, 0.5, 0, 0, 0, 0, 0, 0])
  assert rewards.joint_limits(inside, lower, upper) == 0.0
  beyond = inside.at[0].add(-0.25).at[1].add(0.5)
  assert rewards.joint_limits(beyond, lower, upper) == 0.75


def test_foot_slip_sums_squared_speeds():
  assert rewards.foot_slip(jp.array([1.0, 0.0, 2.0, 0.5])) == 5.25


@pytest.mark.parametrize("yaw", [0.0, 1.0, -2.5])
def test_feet_too_close_is_what_lacks_sideways(yaw):
  """The distance along the heading does not matter."""
  ahead = np.array([np.cos(yaw), np.sin(yaw), 0])
  left = np.array([-np.sin(yaw), np.cos(yaw), 0])

  def cost(sideways):
    feet = np.stack([0.3 * ahead + sideways * left, 0.1 * ahead])
    return float(rewards.feet_too_close(jp.array(feet), jp.array(yaw), 0.14))

  assert cost(0.10) == pytest.approx(0.04, abs=1e-6)
  assert cost(0.20) == 0.0
  # Crossed feet cost more than feet at one place.
  assert cost(-0.05) == pytest.approx(0.19, abs=1e-6)


def test_stand_still_costs_pose_and_motion_only_when_standing():
  default = jp.arange(9.0)
  pose, velocity = default.at[2].add(-0.5), jp.zeros(9).at[3].set(-2.0)
  arguments = (pose, velocity, default)
  assert rewards.stand_still(*arguments, jp.array(1.0)) == pytest.approx(0.7)
  assert rewards.stand_still(*arguments, jp.array(0.0)) == 0.0


def test_deviation_is_of_the_joints_that_are_named():
  pose, default = jp.array([1.5, -1.0, *[9.0] * 7]), jp.ones(9)
  assert rewards.joint_deviation(pose, default, [0]) == 0.25
  assert rewards.joint_deviation(pose, default, [0, 1]) == 4.25
  assert rewards.joint_deviation(pose, default, []) == 0.0


def test_falling_costs_one():
  assert rewards.termination(jp.array(1.0)) == 1.0
  assert rewards.termination(jp.array(0.0)) == 0.0


def swing(air_time, stance, speed=0.4, limits=(0.15, 0.4)):
  return float(
    rewards.feet_air_time(
      jp.array(air_time), jp.array(stance), jp.array([speed]), limits, 0.02
    )
  )


@pytest.mark.parametrize(
  ("air_time", "stance", "seconds"),
  [
    ([0.30, 0.0], [1.0, 1.0], 0.15),
    ([0.10, 0.0], [1.0, 1.0], -0.05),  # Too short costs what it lacks.
    ([0.90, 0.0], [1.0, 1.0], 0.25),  # Nothing is paid beyond the longest.
    ([0.30, 0.2], [1.0, 1.0], 0.20),
    ([0.30, 0.2], [0.0, 1.0], 0.05),  # The left foot is still in the air.
    ([0.00, 0.0], [1.0, 1.0], 0.0),  # Both stood before, too.
  ],
)
def test_swing_pays_its_time_beyond_the_shortest_when_it_ends(
  air_time, stance, seconds
):
  assert swing(air_time, stance) == pytest.approx(seconds / 0.02, abs=1e-4)


def test_no_swing_is_paid_for_when_standing():
  assert swing([0.3, 0.3], [1.0, 1.0], speed=0.0) == 0.0


def test_every_term_is_tested_here():
  terms = {
    name
    for name, value in vars(rewards).items()
    if inspect.isfunction(value) and value.__module__ == rewards.__name__
  }
  tests = inspect.getsource(sys.modules[__name__])
  assert {name for name in terms if f"rewards.{name}(" not in tests} == set()
