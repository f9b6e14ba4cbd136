"""A robot's visible geoms in a viser scene."""

from typing import Any

import mujoco
import numpy as np
import trimesh
from trimesh import creation

_SEGMENTS = 24  # of a cylinder's circle
# By the menagerie's convention, robots have their looks in group 2; MuJoCo's
# own viewer shows the first three.
_VISUAL_GROUPS, _SHOWN_GROUPS = (2,), (0, 1, 2)
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
    self._groups = _groups(model)
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
    if model.geom_group[geom] not in self._groups:
      return
    shape = mesh(model, geom)
    if shape is None:
      return
    self._scene.add_mesh_simple(
      path,
      np.asarray(shape.vertices),
      np.asarray(shape.faces),
      color=tuple((255 * _colour(model, geom)).astype(int).tolist()),
      opacity=self._opacity,
      flat_shading=True,
      position=model.geom_pos[geom],
      wxyz=model.geom_quat[geom],
    )


def mesh(model: mujoco.MjModel, geom: int) -> trimesh.Trimesh | None:
  """The surface of a geom in its own frame; None for one without end."""
  size, kind = model.geom_size[geom], _TYPES(model.geom_type[geom])
  if kind == _TYPES.mjGEOM_BOX:
    return creation.box(extents=2 * size)
  if kind == _TYPES.mjGEOM_CYLINDER:
    return creation.cylinder(size[0], 2 * size[1], sections=_SEGMENTS)
  if kind == _TYPES.mjGEOM_CAPSULE:
    count = (_SEGMENTS, _SEGMENTS)
    return creation.capsule(2 * size[1], size[0], count=count)
  if kind in (_TYPES.mjGEOM_SPHERE, _TYPES.mjGEOM_ELLIPSOID):
    ball = creation.icosphere(subdivisions=2)
    round_ = kind == _TYPES.mjGEOM_SPHERE
    ball.apply_scale(np.full(3, size[0]) if round_ else size)
    return ball
  if kind == _TYPES.mjGEOM_MESH:
    index = model.geom_dataid[geom]
    start, count = model.mesh_vertadr[index], model.mesh_vertnum[index]
    first, faces = model.mesh_faceadr[index], model.mesh_facenum[index]
    return trimesh.Trimesh(
      model.mesh_vert[start : start + count],
      model.mesh_face[first : first + faces],
      process=False,
    )
  return None  # A plane, a height field.


def _groups(model: mujoco.MjModel) -> tuple[int, ...]:
  """Those that are drawn: what is for the eye, or all that MuJoCo shows."""
  of_robot = model.geom_group[model.geom_bodyid > 0]
  return _VISUAL_GROUPS if _VISUAL_GROUPS[0] in of_robot else _SHOWN_GROUPS


def _colour(model: mujoco.MjModel, geom: int) -> np.ndarray:
  """(3,) colour of a geom, 0 to 1."""
  material = model.geom_matid[geom]
  rgba = model.geom_rgba[geom] if material < 0 else model.mat_rgba[material]
  return rgba[:3]
