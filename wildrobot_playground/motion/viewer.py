"""A browser page that plays clips beside each other (the extra `viewer`)."""

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import mujoco
import numpy as np

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion import kinematics

_APART = 0.6  # m between robots
_SEGMENTS = 24  # of a cylinder's circle
_FLOOR = 12.0  # m
_TYPES = mujoco.mjtGeom


class ViewerError(ValueError):
  """Why there is no viewer."""


class Viewer:
  """Robots side by side on one floor, one a clip.

  Attributes:
    server: the page's server.
    duration: of the longest clip [s].
  """

  def __init__(
    self,
    clips: Sequence[clip_lib.MotionClip],
    robot: kinematics.Robot,
    port: int = 8080,
  ):
    """Starts the server and draws the first frames.

    Args:
      clips: from left to right.
      robot: the robot.
      port: of the page.

    Raises:
      ViewerError: when viser is not installed.
    """
    viser = _viser()
    self.server = viser.ViserServer(port=port, verbose=False)
    self.duration = max(clip.num_frames / clip.fps for clip in clips)
    self._clips = list(clips)
    self._robot = robot
    self._data = mujoco.MjData(robot.model)
    self._bodies = [
      self._draw(i, clip.name) for i, clip in enumerate(self._clips)
    ]
    self.server.scene.add_grid("/floor", width=_FLOOR, height=_FLOOR)
    gui = self.server.gui
    self.playing = gui.add_checkbox("play", True)
    self.follow = gui.add_checkbox("stay in place", True)
    self.rate = gui.add_slider("speed", 0.1, 2.0, 0.1, 1.0)
    self.time = gui.add_slider("time [s]", 0.0, self.duration, 0.02, 0.0)
    self.show(0.0)

  def show(self, seconds: float) -> None:
    """Puts every robot where its clip has it at a time [s]."""
    for i, clip in enumerate(self._clips):
      qpos = clip.at(np.array([seconds]))[0]
      if self.follow.value:
        qpos[:2] = 0.0
      qpos[1] += self._offset(i)
      self._data.qpos[:] = qpos
      mujoco.mj_kinematics(self._robot.model, self._data)
      for body, handle in self._bodies[i]:
        handle.position = self._data.xpos[body].copy()
        handle.wxyz = self._data.xquat[body].copy()

  def advance(self, elapsed: float) -> None:
    """Moves on by so many seconds of the watcher's time."""
    if self.playing.value:
      seconds = self.time.value + elapsed * self.rate.value
      self.time.value = seconds % self.duration
    self.show(self.time.value)

  def run(self, steps: Iterator[int] | None = None) -> None:
    """Plays until interrupted, or for so many steps."""
    before = time.monotonic()
    for _ in steps or itertools.count():
      now = time.monotonic()
      self.advance(now - before)
      before = now
      time.sleep(1 / 50)

  def close(self) -> None:
    """Stops the server."""
    self.server.stop()

  def _offset(self, index: int) -> float:
    """Place [m] of a robot, to the left."""
    return _APART * ((len(self._clips) - 1) / 2 - index)

  def _draw(self, index: int, name: str) -> list[tuple[int, Any]]:
    """Adds a robot's bodies; (body id, handle) of each."""
    model, scene = self._robot.model, self.server.scene
    place = np.array([0.0, self._offset(index), 0.75])
    scene.add_label(f"/robot{index}/name", name, position=place)
    bodies = []
    for body in range(1, model.nbody):
      path = f"/robot{index}/{model.body(body).name}"
      handle = scene.add_frame(path, show_axes=False)
      bodies.append((body, handle))
      start, count = model.body_geomadr[body], model.body_geomnum[body]
      for geom in range(start, start + count):
        self._add_geom(f"{path}/geom{geom}", geom)
    return bodies

  def _add_geom(self, path: str, geom: int) -> None:
    """Adds one visible geom of the model."""
    model = self._robot.model
    if model.geom_group[geom] != 2:
      return
    size, kind = model.geom_size[geom], model.geom_type[geom]
    look = {
      "color": tuple((255 * _colour(model, geom)).astype(int).tolist()),
      "position": model.geom_pos[geom],
      "wxyz": model.geom_quat[geom],
    }
    if kind == _TYPES.mjGEOM_BOX:
      self.server.scene.add_box(path, dimensions=2 * size, **look)
      return
    vertices, faces = cylinder(size[0], size[1])
    self.server.scene.add_mesh_simple(path, vertices, faces, **look)


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


def _viser() -> Any:
  """The library that serves the page."""
  try:
    import viser  # pyright: ignore[reportMissingImports]
  except ImportError as error:
    raise ViewerError(
      "the viewer needs viser, which is not installed; run: pip install"
      " 'wildrobot-playground[viewer]'"
    ) from error
  return viser
