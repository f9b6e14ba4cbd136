"""A robot's visible geoms in a viser scene."""

from typing import Any

import mujoco
import numpy as np

_SEGMENTS = 24  # of a cylinder's circle
_VISUAL_GROUP = 2
_TYPES = mujoco.mjtGeom


class Drawing:
  """One robot in a scene.

  Attributes:
    place: (3,) offset [m] at which it is drawn.
  """

  def __init__(
    self,
    scene: Any,
    path: str,
    model: mujoco.MjModel,
    opacity: float | None = None,
  ):
    """Adds the robot's bodies.

    Args:
      scene: viser's.
      path: of the robot in it.
      model: the robot.
      opacity: 0..1; None for solid.
    """
    self.place = np.zeros(3)
    self._scene = scene
    self._model = model
    self._opacity = opacity
    self._root = scene.add_frame(path, show_axes=False)
    self._bodies = []
    for body in range(1, model.nbody):
      frame = f"{path}/{model.body(body).name}"
      handle = scene.add_frame(frame, show_axes=False)
      self._bodies.append((body, handle))
      start, count = model.body_geomadr[body], model.body_geomnum[body]
      for geom in range(start, start + count):
        self._add_geom(f"{frame}/geom{geom}", geom)

  def show(self, data: mujoco.MjData) -> None:
    """Moves the bodies to where `data` has them (after `mj_kinematics`)."""
    self._root.position = self.place
    for body, handle in self._bodies:
      handle.position = data.xpos[body].copy()
      handle.wxyz = data.xquat[body].copy()

  @property
  def visible(self) -> bool:
    """Whether it is shown."""
    return self._root.visible

  @visible.setter
  def visible(self, value: bool) -> None:
    self._root.visible = value

  def _add_geom(self, path: str, geom: int) -> None:
    """Adds one visible geom of the model."""
    model = self._model
    if model.geom_group[geom] != _VISUAL_GROUP:
      return
    shape = _mesh(model.geom_type[geom], model.geom_size[geom])
    if shape is None:
      return
    self._scene.add_mesh_simple(
      path,
      *shape,
      color=tuple((255 * _colour(model, geom)).astype(int).tolist()),
      opacity=self._opacity,
      flat_shading=True,
      position=model.geom_pos[geom],
      wxyz=model.geom_quat[geom],
    )


def _mesh(kind: int, size: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
  """Vertices and faces of a geom; None for a kind that is not drawn."""
  if kind == _TYPES.mjGEOM_BOX:
    return box(size)
  if kind in (_TYPES.mjGEOM_CYLINDER, _TYPES.mjGEOM_CAPSULE):
    return cylinder(size[0], size[1])
  return None


def box(half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Vertices (8, 3) and faces (12, 3) of a box of half sizes (3,)."""
  corners = np.array(
    [[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
  )
  faces = np.array(
    [
      [0, 1, 3],
      [0, 3, 2],
      [4, 6, 7],
      [4, 7, 5],
      [0, 4, 5],
      [0, 5, 1],
      [2, 3, 7],
      [2, 7, 6],
      [0, 2, 6],
      [0, 6, 4],
      [1, 5, 7],
      [1, 7, 3],
    ]
  )
  return corners * half, faces


def cylinder(radius: float, half: float) -> tuple[np.ndarray, np.ndarray]:
  """Vertices (2 n + 2, 3) and faces (4 n, 3) of a closed cylinder along z."""
  angle = 2 * np.pi * np.arange(_SEGMENTS) / _SEGMENTS
  ring = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
  ends = [np.column_stack([ring, np.full(_SEGMENTS, z)]) for z in (-half, half)]
  vertices = np.concatenate([*ends, [[0, 0, -half], [0, 0, half]]])
  low = np.arange(_SEGMENTS)
  nxt = (low + 1) % _SEGMENTS
  high, high_nxt = low + _SEGMENTS, nxt + _SEGMENTS
  bottom, top = (
    np.full_like(low, 2 * _SEGMENTS),
    np.full_like(low, 2 * _SEGMENTS + 1),
  )
  faces = np.concatenate(
    [
      np.stack([low, nxt, high_nxt], axis=-1),
      np.stack([low, high_nxt, high], axis=-1),
      np.stack([nxt, low, bottom], axis=-1),
      np.stack([high, high_nxt, top], axis=-1),
    ]
  )
  return vertices, faces


def _colour(model: mujoco.MjModel, geom: int) -> np.ndarray:
  """(3,) colour of a geom, 0 to 1."""
  material = model.geom_matid[geom]
  rgba = model.geom_rgba[geom] if material < 0 else model.mat_rgba[material]
  return rgba[:3]
