"""The ground under the robot, which moves so that the robot stays in view."""

from typing import Any

import mujoco
import numpy as np

_COLOUR = (206, 212, 218)


class Ground:
  """A floor without end, or the height field of a rough scene."""

  def __init__(self, scene: Any, model: mujoco.MjModel):
    """Draws it.

    Args:
      scene: viser's.
      model: a compiled scene.
    """
    self._frame = scene.add_frame("/ground", show_axes=False)
    self._field = model.nhfield > 0
    if self._field:
      vertices, faces = mesh(model)
      scene.add_mesh_simple(
        "/ground/field", vertices, faces, color=_COLOUR, flat_shading=True
      )
    else:
      scene.add_grid(
        "/ground/grid",
        infinite_grid=True,
        cell_size=0.1,
        section_size=1.0,
        fade_distance=8.0,
      )

  def follow(self, x: float, y: float) -> None:
    """Puts the place (x, y) [m] of the world under the middle of the view."""
    if not self._field:  # The grid repeats itself.
      x, y = np.fmod(x, 1.0), np.fmod(y, 1.0)
    self._frame.position = (-x, -y, 0.0)

  def remove(self) -> None:
    """Takes it out of the scene."""
    self._frame.remove()


def mesh(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
  """Vertices (N, 3) [m] and faces (M, 3) of a model's first height field."""
  rows, columns = int(model.hfield_nrow[0]), int(model.hfield_ncol[0])
  half_x, half_y, top, _ = model.hfield_size[0]
  y, x = np.meshgrid(
    np.linspace(-half_y, half_y, rows),
    np.linspace(-half_x, half_x, columns),
    indexing="ij",
  )
  z = model.hfield_data[: rows * columns].reshape(rows, columns) * top
  vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3)
  corner = np.arange(rows * columns).reshape(rows, columns)
  a, b = corner[:-1, :-1].ravel(), corner[:-1, 1:].ravel()
  c, d = corner[1:, :-1].ravel(), corner[1:, 1:].ravel()
  faces = np.concatenate(
    [np.stack([a, b, d], axis=-1), np.stack([a, d, c], axis=-1)]
  )
  return vertices, faces
