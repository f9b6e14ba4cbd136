"""The AMP features: one function for simulation and for reference motion.

Works on numpy and on jax arrays alike (it asks the array for its namespace),
with any leading batch dimensions, so that a simulated step and a clip's frame
pass through the very same code.
"""

from typing import Any

Array = Any  # A numpy or a jax array.

VELOCITY_MODES = ("direction", "soft_direction", "raw")
DIRECTION_THRESHOLD = 0.1  # m/s


def check_velocity_mode(velocity_mode: str) -> None:
  """Raises ValueError, listing the modes, for an unknown `velocity_mode`."""
  if velocity_mode not in VELOCITY_MODES:
    raise ValueError(
      f"velocity_mode '{velocity_mode}' is unknown; choose one of"
      f" {', '.join(VELOCITY_MODES)}"
    )


def amp_features(
  pose_before: Array,
  pose: Array,
  foot_contacts: Array,
  dt: float,
  velocity_mode: str = "direction",
  ground_height: float | Array = 0.0,
) -> Array:
  """The feature vector of the step from `pose_before` to `pose`.

  Args:
    pose_before: (..., 7 + J) root position [m], root quaternion (wxyz), joint
      angles [rad] in the layout's order, one control step earlier.
    pose: (..., 7 + J) the same, now.
    foot_contacts: (..., C) 0 or 1 for each contact, now (see `robots.sole`).
    dt: control step [s].
    velocity_mode: what becomes of the root's linear velocity: `direction` (its
      unit vector above 0.1 m/s, else zeros), `soft_direction` (the same without
      the jump) or `raw` (m/s).
    ground_height: height of the ground under the pelvis [m].

  Returns:
    (..., 2 J + 7 + C) features in the order of a `FeatureLayout`; velocities
    are backward differences in the heading frame of `pose` (rotated by its
    yaw alone).

  Raises:
    ValueError: for an unknown `velocity_mode`.
  """
  check_velocity_mode(velocity_mode)
  xp = pose.__array_namespace__()
  quat_prev, quat = pose_before[..., 3:7], pose[..., 3:7]
  linvel = (pose[..., :3] - pose_before[..., :3]) / dt
  angvel = _rotation_vector(_relative_rotation(quat_prev, quat)) / dt
  yaw = heading(quat)
  height = pose[..., 2] - ground_height
  return xp.concatenate(
    [
      pose[..., 7:],
      (pose[..., 7:] - pose_before[..., 7:]) / dt,
      _apply_mode(_rotate_yaw(linvel, -yaw), velocity_mode),
      _rotate_yaw(angvel, -yaw),
      height[..., None],
      xp.astype(foot_contacts, pose.dtype),
    ],
    axis=-1,
  )


def heading(quat: Array) -> Array:
  """Yaw [rad] of a wxyz quaternion (..., 4), about the vertical axis."""
  xp = quat.__array_namespace__()
  w, x, y, z = (quat[..., i] for i in range(4))
  return xp.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def _rotate_yaw(vector: Array, yaw: Array) -> Array:
  """Rotates a vector (..., 3) by `yaw` [rad] about the vertical axis."""
  xp = vector.__array_namespace__()
  x, y, z = (vector[..., i] for i in range(3))
  cos, sin = xp.cos(yaw), xp.sin(yaw)
  return xp.stack([cos * x - sin * y, sin * x + cos * y, z], axis=-1)


def _relative_rotation(quat_prev: Array, quat: Array) -> Array:
  """The world-frame rotation (wxyz) that takes `quat_prev` to `quat`."""
  xp = quat.__array_namespace__()
  w0, x0, y0, z0 = (quat_prev[..., i] for i in range(4))
  w1, x1, y1, z1 = (quat[..., i] for i in range(4))
  return xp.stack(
    [
      w1 * w0 + x1 * x0 + y1 * y0 + z1 * z0,
      x1 * w0 - w1 * x0 + z1 * y0 - y1 * z0,
      y1 * w0 - w1 * y0 + x1 * z0 - z1 * x0,
      z1 * w0 - w1 * z0 + y1 * x0 - x1 * y0,
    ],
    axis=-1,
  )


def _rotation_vector(quat: Array) -> Array:
  """Logarithm (..., 3) [rad] of a wxyz rotation; the sign does not matter."""
  xp = quat.__array_namespace__()
  quat = xp.where(quat[..., :1] < 0, -quat, quat)
  w, axis = quat[..., 0], quat[..., 1:]
  # The floor keeps the value and the gradient at rest finite.
  norm = xp.sqrt(xp.maximum(xp.sum(axis * axis, axis=-1), 1e-24))
  scale = 2 * xp.arctan2(norm, w) / norm
  return axis * scale[..., None]


def _apply_mode(linvel: Array, velocity_mode: str) -> Array:
  """Applies `velocity_mode` to a linear velocity (..., 3) [m/s]."""
  if velocity_mode == "raw":
    return linvel
  xp = linvel.__array_namespace__()
  # The floor keeps the gradient at rest finite.
  squared = xp.sum(linvel * linvel, axis=-1, keepdims=True)
  speed = xp.sqrt(xp.maximum(squared, 1e-24))
  unit = linvel / xp.maximum(speed, DIRECTION_THRESHOLD)
  if velocity_mode == "soft_direction":
    return unit
  return xp.where(speed > DIRECTION_THRESHOLD, unit, xp.zeros_like(unit))
