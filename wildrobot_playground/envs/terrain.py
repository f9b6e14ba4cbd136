"""Ground height: zero on the flat scene, a smooth height field on the rough."""

from collections.abc import Callable

import jax
import jax.numpy as jp
import mujoco
import numpy as np

_SEED = 0
_SMOOTHING = 3  # cells; bumps about half a metre long

GroundHeight = Callable[[jax.Array], jax.Array]


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
    A function of (..., >=2) positions [m] to (...) heights [m]; outside the
    height field it continues the edge.
  """
  if model.nhfield == 0:
    return lambda pos: jp.zeros(pos.shape[:-1])
  rows, columns = int(model.hfield_nrow[0]), int(model.hfield_ncol[0])
  half_x, half_y, top, _ = model.hfield_size[0]
  heights = jp.asarray(
    model.hfield_data[: rows * columns].reshape(rows, columns) * top,
    jp.float32,
  )

  def ground(pos: jax.Array) -> jax.Array:
    u = (pos[..., 0] + half_x) / (2 * half_x) * (columns - 1)
    v = (pos[..., 1] + half_y) / (2 * half_y) * (rows - 1)
    return jax.scipy.ndimage.map_coordinates(
      heights, [v, u], order=1, mode="nearest"
    )

  return ground
