"""Rotations: wxyz quaternions and matrices, batched.

The first three serve numpy and jax alike, the rest is numpy.
"""

from typing import Any

import numpy as np

Array = Any  # A numpy or a jax array.


def unit_quat_to_mat(quat: Array) -> Array:
  """Rotation matrix (..., 3, 3) of a unit wxyz quaternion (..., 4)."""
  xp = quat.__array_namespace__()
  w, x, y, z = (quat[..., i] for i in range(4))
  rows = (
    (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
    (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
    (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
  )
  return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


def hinge(axis: np.ndarray, angle: Array) -> Array:
  """Rotation matrices (..., 3, 3) about a fixed unit axis (Rodrigues)."""
  xp = angle.__array_namespace__()
  x, y, z = axis
  cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
  outer = cross @ cross
  angle = angle[..., None, None]
  eye, cross, outer = (
    xp.asarray(a, dtype=angle.dtype) for a in (np.eye(3), cross, outer)
  )
  return eye + xp.sin(angle) * cross + (1 - xp.cos(angle)) * outer


def matmul(a: Array, b: Array) -> Array:
  """Product of (..., 3, 3) matrices, summed in the same order everywhere."""
  return (a[..., :, :, None] * b[..., None, :, :]).sum(axis=-2)


def quat_to_mat(quat: np.ndarray) -> np.ndarray:
  """Rotation matrices (..., 3, 3) of wxyz quaternions (..., 4), any length."""
  quat = np.asarray(quat, dtype=np.float64)
  quat = quat / np.linalg.norm(quat, axis=-1, keepdims=True)
  return unit_quat_to_mat(quat)


def about(axis: str, angle: np.ndarray) -> np.ndarray:
  """Rotation matrices (..., 3, 3) about the `x`, `y` or `z` axis by angles."""
  angle = np.asarray(angle, dtype=np.float64)
  i = "xyz".index(axis)
  j, k = (i + 1) % 3, (i + 2) % 3
  mat = np.zeros((*angle.shape, 3, 3))
  mat[..., i, i] = 1.0
  mat[..., j, j] = mat[..., k, k] = np.cos(angle)
  mat[..., k, j] = np.sin(angle)
  mat[..., j, k] = -np.sin(angle)
  return mat


def euler_zyx(mat: np.ndarray) -> np.ndarray:
  """Yaw, pitch and roll (..., 3) [rad] of matrices Rz Ry Rx (..., 3, 3)."""
  yaw = np.arctan2(mat[..., 1, 0], mat[..., 0, 0])
  pitch = -np.arcsin(np.clip(mat[..., 2, 0], -1.0, 1.0))
  roll = np.arctan2(mat[..., 2, 1], mat[..., 2, 2])
  return np.stack([yaw, pitch, roll], axis=-1)


def quat_from_euler_zyx(euler: np.ndarray) -> np.ndarray:
  """Wxyz quaternions (..., 4), w >= 0, of yaw, pitch and roll (..., 3)."""
  yaw, pitch, roll = (np.asarray(euler)[..., i] / 2 for i in range(3))
  cy, sy = np.cos(yaw), np.sin(yaw)
  cp, sp = np.cos(pitch), np.sin(pitch)
  cr, sr = np.cos(roll), np.sin(roll)
  quat = np.stack(
    [
      cy * cp * cr + sy * sp * sr,
      cy * cp * sr - sy * sp * cr,
      cy * sp * cr + sy * cp * sr,
      sy * cp * cr - cy * sp * sr,
    ],
    axis=-1,
  )
  return np.where(quat[..., :1] < 0, -quat, quat)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Products (..., 4) of wxyz quaternions."""
  aw, ax, ay, az = np.moveaxis(np.asarray(a, dtype=np.float64), -1, 0)
  bw, bx, by, bz = np.moveaxis(np.asarray(b, dtype=np.float64), -1, 0)
  return np.stack(
    [
      aw * bw - ax * bx - ay * by - az * bz,
      aw * bx + ax * bw + ay * bz - az * by,
      aw * by - ax * bz + ay * bw + az * bx,
      aw * bz + ax * by - ay * bx + az * bw,
    ],
    axis=-1,
  )


def continuous(quat: np.ndarray) -> np.ndarray:
  """Quaternions (T, 4) with signs that make neighbours alike."""
  signs = np.sign(np.sum(quat[1:] * quat[:-1], axis=1))
  signs = np.cumprod(np.concatenate([[1.0], np.where(signs < 0, -1.0, 1.0)]))
  return quat * signs[:, None]


def from_vector(vector: np.ndarray) -> np.ndarray:
  """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3) [rad]."""
  vector = np.asarray(vector, dtype=np.float64)
  angle = np.linalg.norm(vector, axis=-1, keepdims=True)
  # sin(x/2)/x goes to 1/2.
  scale = np.sinc(angle / (2 * np.pi)) / 2
  return quat_to_mat(np.concatenate([np.cos(angle / 2), scale * vector], -1))


def orthonormal(mat: np.ndarray) -> np.ndarray:
  """The rotations (..., 3, 3) nearest to matrices that are nearly that."""
  u, _, v = np.linalg.svd(mat)
  sign = np.linalg.det(u @ v)
  u = np.concatenate([u[..., :2], u[..., 2:] * sign[..., None, None]], axis=-1)
  return u @ v


def facing_speed(quat: np.ndarray, step: np.ndarray) -> float:
  """Mean way (T - 1, 3) along where quaternions (T, 4) wxyz face; 0 if lying.

  Of two readings of the same four numbers, the one that walks the way it faces
  is the right one.
  """
  mat = quat_to_mat(quat[1:])
  if np.median(mat[:, 2, 2]) < 0.5:
    return 0.0
  return float(np.mean(np.sum(mat[:, :2, 0] * step[:, :2], axis=1)))
