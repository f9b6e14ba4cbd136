"""A browser page that plays clips beside each other."""

import itertools
import time
from collections.abc import Iterator, Sequence

import mujoco
import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.web import address, drawing, view

_APART = 0.6  # m between robots
_NAME = 0.75  # m, of a name above the ground
_FLOOR = 12.0  # m


class Viewer:
  """Robots side by side on one floor, one a clip.

  Attributes:
    server: the page's server.
    duration: of the longest clip [s].
  """

  def __init__(
    self,
    clips: Sequence[clip_lib.MotionClip],
    robot: robots.Robot,
    listener: address.Listener,
  ):
    """Starts the server and draws the first frames.

    Args:
      clips: from left to right.
      robot: the robot.
      listener: the port of the page; closed with it.
    """
    self.server = view.serve(listener)
    self.duration = max(clip.num_frames / clip.fps for clip in clips)
    self._clips = list(clips)
    self._robot = robot
    self._data = mujoco.MjData(robot.model)
    self._drawings = [
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
      pose = clip.at(np.array([seconds]))[0]
      if self.follow.value:
        pose[:2] = 0.0
      pose[1] += self._offset(i)
      self._data.qpos[:] = self._robot.qpos(pose)
      mujoco.mj_kinematics(self._robot.model, self._data)
      self._drawings[i].show(self._data)

  def advance(self, elapsed: float) -> None:
    """Moves on by so many seconds of the watcher's time."""
    if self.playing.value:
      seconds = view.value_of(self.time) + elapsed * view.value_of(self.rate)
      self.time.value = seconds % self.duration
    self.show(view.value_of(self.time))

  def run(self, steps: Iterator[int] | None = None) -> None:
    """Plays for so many steps; for ever when None."""
    before = time.monotonic()
    for _ in steps or itertools.count():
      now = time.monotonic()
      self.advance(now - before)
      before = now
      time.sleep(1 / 50)

  def close(self) -> None:
    """Stops the server."""
    view.stop(self.server)

  def _offset(self, index: int) -> float:
    """Place [m] of a robot, to the left."""
    return self._robot.size * _APART * ((len(self._clips) - 1) / 2 - index)

  def _draw(self, index: int, name: str) -> drawing.Drawing:
    """Adds a robot and its name."""
    scene, path = self.server.scene, f"/robot{index}"
    place = np.array([0.0, self._offset(index), _NAME * self._robot.size])
    drawn = drawing.Drawing(scene, path, self._robot.model)
    scene.add_label(f"{path}/name", name, position=place)
    return drawn
