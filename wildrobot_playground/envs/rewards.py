"""Reward terms of walking: pure functions of arrays, one scale each.

A tracking term lies in 0..1 and has a positive scale; a cost is positive and
has a negative scale. Units of a scale are reward per second: the environment
multiplies the scaled sum by its control step.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jp

# Tracking rewards.


def tracking_lin_vel(
  linvel: jax.Array, command: jax.Array, sigma: float
) -> jax.Array:
  """exp(-|v - v*| / sigma).

  Not squared: it keeps a slope far away, where learning begins, and a steep one
  near the command, where a squared error would let go.

  Args:
    linvel: (2,) mean velocity [m/s], forward and left of the target heading.
    command: (1,) commanded forward speed [m/s]; the sideways target is zero.
    sigma: [m/s].
  """
  error = linvel - jp.array([command[0], 0.0])
  return jp.exp(-jp.linalg.norm(error) / sigma)


def tracking_heading(heading_error: jax.Array, sigma: float) -> jax.Array:
  """exp(-error² / sigma) of the heading error () [rad], sigma [rad²]."""
  return jp.exp(-jp.square(heading_error) / sigma)


def base_height(height: jax.Array, target: float, sigma: float) -> jax.Array:
  """exp(-(h - target)² / sigma) of the pelvis height () [m], sigma [m²]."""
  return jp.exp(-jp.square(height - target) / sigma)


# Base-related costs.


def orientation(gravity: jax.Array) -> jax.Array:
  """Squared sine of the chest's tilt, from gravity (3,) in its frame."""
  return jp.sum(jp.square(gravity[:2]))


def ang_vel_xy(angvel: jax.Array) -> jax.Array:
  """Squared roll and pitch rate [rad²/s²] of an angular velocity (3,)."""
  return jp.sum(jp.square(angvel[:2]))


def lin_vel_z(linvel: jax.Array) -> jax.Array:
  """Squared vertical velocity [m²/s²] of a world-frame velocity (3,)."""
  return jp.square(linvel[2])


# Servo-related costs.


def torques(torque: jax.Array) -> jax.Array:
  """Sum of squared servo torques (J,) [N²·m²]."""
  return jp.sum(jp.square(torque))


def action_rate(action: jax.Array, last_action: jax.Array) -> jax.Array:
  """Squared change of the action (J,) over one control step."""
  return jp.sum(jp.square(action - last_action))


def joint_limits(
  joint_pos: jax.Array, lower: jax.Array, upper: jax.Array
) -> jax.Array:
  """How far joints (J,) [rad] are beyond their soft limits, summed."""
  below = jp.clip(lower - joint_pos, min=0.0)
  above = jp.clip(joint_pos - upper, min=0.0)
  return jp.sum(below + above)


# Feet-related costs.


def foot_slip(slide: jax.Array) -> jax.Array:
  """Sum of squared slides (C,) [m/s] of plates on the ground [m²/s²]."""
  return jp.sum(jp.square(slide))


def feet_air_time(
  air_time: jax.Array,
  stance: jax.Array,
  command: jax.Array,
  limits: tuple[float, float],
  dt: float,
) -> jax.Array:
  """Time beyond the shortest swing, of the swings that end in this step.

  A shuffle of many tiny steps tracks a speed well, but no servo can follow it:
  a swing shorter than `limits[0]` costs what it lacks.

  Args:
    air_time: (2,) how long each foot was in the air before this step [s].
    stance: (2,) 1 where it touches the ground now.
    command: (1,) commanded speed [m/s]; nothing is paid for standing.
    limits: swing times [s] that earn nothing, and the most.
    dt: control step [s].

  Returns:
    () seconds of swing per second.
  """
  touchdown = stance * (air_time > 0)
  shortest, longest = limits
  beyond = jp.minimum(air_time, longest) - shortest
  return jp.sum(touchdown * beyond) / dt * (command[0] > 0)


def feet_too_close(feet_pos: jax.Array, yaw: jax.Array, distance: float):
  """How much closer than `distance` [m] the feet are, sideways.

  Args:
    feet_pos: (2, 3) sole centres [m], left and right, world frame.
    yaw: () heading of the pelvis [rad].
    distance: sideways distance [m] from which on there is no cost.
  """
  delta = feet_pos[0] - feet_pos[1]
  sideways = -jp.sin(yaw) * delta[0] + jp.cos(yaw) * delta[1]
  return jp.clip(distance - sideways, min=0.0)


# Pose-related costs.


def stand_still(
  joint_pos: jax.Array,
  joint_vel: jax.Array,
  default_pose: jax.Array,
  standing: jax.Array,
) -> jax.Array:
  """Distance from the default pose, and motion, when commanded to stand.

  Args:
    joint_pos: (J,) [rad].
    joint_vel: (J,) [rad/s].
    default_pose: (J,) [rad].
    standing: () 1 when the command is zero.
  """
  pose = jp.sum(jp.abs(joint_pos - default_pose))
  return standing * (pose + 0.1 * jp.sum(jp.abs(joint_vel)))


def joint_deviation(
  joint_pos: jax.Array, default_pose: jax.Array, columns: Sequence[int]
) -> jax.Array:
  """Summed squares of some joints' distance from the default pose [rad²].

  Args:
    joint_pos: (J,) [rad].
    default_pose: (J,) [rad].
    columns: which joints; none costs nothing.
  """
  if not columns:
    return jp.zeros(())
  chosen = jp.array(columns)
  return jp.sum(jp.square((joint_pos - default_pose)[chosen]))


def termination(fallen: jax.Array) -> jax.Array:
  """1 in the step in which the robot falls."""
  return fallen
