"""Ground height: zero on the flat scene, a smooth height field on the rough."""

from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np

_SEED = 0
_SMOOTHING = 3  # cells; bumps about half a metre long

Array = Any  # A numpy or a jax array.
GroundHeight = Callable[[Array], Array]


def fill(model: mujoco.MjModel) -> None:
  """Writes reproducible smooth noise into the scene's height field, if any."""
  for index in range(model.nhfield):
    rows, columns = model.hfield_nrow[index], model.hfield_ncol[index]
    noise = np.random.default_rng(_SEED).normal(size=(rows, columns))
    frequency = np.hypot(
      np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns)[None]
    )
    low_pass = np.exp(-0.5 * (2 * np.pi * frequency * _SMOOTHING) ** 2)
    smooth = np.fft.ifft2(np.fft.fft2(noise) * low_pass).real
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    start = model.hfield_adr[index]
    model.hfield_data[start : start + rows * columns] = smooth.ravel()


def make_ground(model: mujoco.MjModel) -> GroundHeight:
  """The function from world positions to the ground's height below them.

  Args:
    model: a compiled scene; its first height field, if any, is centred at the
      origin.

  Returns:
    A function of (..., >=2) positions [m] to (...) heights [m], of numpy or of
    jax arrays; outside the height field it continues the edge.
  """
  if model.nhfield == 0:
    return lambda pos: pos.__array_namespace__().zeros(pos.shape[:-1])
  rows, columns = int(model.hfield_nrow[0]), int(model.hfield_ncol[0])
  half_x, half_y, top, _ = model.hfield_size[0]
  heights = np.asarray(
    model.hfield_data[: rows * columns].reshape(rows, columns) * top,
    np.float32,
  )

  def ground(pos: Array) -> Array:
    xp = pos.__array_namespace__()
    field = xp.asarray(heights)
    u = (pos[..., 0] + half_x) / (2 * half_x) * (columns - 1)
    v = (pos[..., 1] + half_y) / (2 * half_y) * (rows - 1)
    u, v = xp.clip(u, 0, columns - 1), xp.clip(v, 0, rows - 1)
    column = xp.astype(xp.clip(xp.floor(u), 0, columns - 2), xp.int32)
    row = xp.astype(xp.clip(xp.floor(v), 0, rows - 2), xp.int32)
    u, v = u - column, v - row
    near = (1 - u) * field[row, column] + u * field[row, column + 1]
    far = (1 - u) * field[row + 1, column] + u * field[row + 1, column + 1]
    return (1 - v) * near + v * far

  return ground
