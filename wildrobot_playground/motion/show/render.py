"""Pictures and films of clips."""

import os
import pathlib
from collections.abc import Iterator, Sequence

import mujoco
import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.system import echo, files

# Azimuth and elevation [degrees] of a camera that follows the robot.
CAMERAS = {"side": (90, -8), "front": (180, -8), "oblique": (130, -18)}
_DISTANCE = 1.35  # m
_LOOK_HEIGHT = 0.34  # m
_SIZE = (300, 240)  # pixels: height, width
_VIDEO_SIZE = (360, 480)
_FILM_FPS = 50.0


class RenderError(ValueError):
  """A picture that cannot be made; the message says why."""


def contact_sheet(
  clips: Sequence[clip_lib.MotionClip],
  path: str | os.PathLike[str],
  robot: robots.Robot,
  count: int = 10,
  camera: str = "side",
) -> None:
  """Writes a PNG with a row of pictures of each clip, evenly spaced in time.

  Args:
    clips: one a row.
    path: of the PNG.
    robot: the robot.
    count: pictures in a row.
    camera: one of `CAMERAS`.

  Raises:
    RenderError: when this machine cannot render.
  """
  figure_lib = _matplotlib()
  figure = figure_lib.Figure(
    figsize=(1.2 * count, 1.62 * len(clips)), dpi=100, layout="constrained"
  )
  axes = figure.subplots(len(clips), count, squeeze=False)
  with _renderer(robot.model, _SIZE) as renderer:
    for clip, row in zip(clips, axes, strict=True):
      frames = np.round(np.linspace(0, clip.num_frames - 1, count)).astype(int)
      pictures = _pictures(clip.qpos[frames], renderer, robot, camera)
      for axis, frame, picture in zip(row, frames, pictures, strict=True):
        axis.imshow(picture)
        axis.set_axis_off()
        seconds = f"{frame / clip.fps:.2f} s"
        axis.text(0.03, 0.03, seconds, fontsize=7, transform=axis.transAxes)
      row[0].set_title(echo.in_figure(clip.name), fontsize=8, loc="left")
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  with files.replacing(path) as new:
    figure.savefig(new, metadata={"Software": None})


def film(
  clips: Sequence[clip_lib.MotionClip],
  path: str | os.PathLike[str],
  robot: robots.Robot,
  seconds: float = 6.0,
  camera: str = "side",
) -> None:
  """Writes an MP4 of clips side by side, in real time.

  Cyclic clips go on; others stop at their end.

  Args:
    clips: from left to right.
    path: of the MP4.
    robot: the robot.
    seconds: length of the film.
    camera: one of `CAMERAS`.

  Raises:
    RenderError: when this machine cannot render.
  """
  import imageio_ffmpeg
  import mediapy

  times = np.arange(round(seconds * _FILM_FPS)) / _FILM_FPS
  mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  height, width = _VIDEO_SIZE
  shape = height, width * len(clips)
  with (
    _renderer(robot.model, _VIDEO_SIZE) as renderer,
    files.replacing(path) as new,
    mediapy.VideoWriter(new, shape, fps=_FILM_FPS) as writer,
  ):
    columns = [
      _pictures(clip.at(times), renderer, robot, camera) for clip in clips
    ]
    for pictures in zip(*columns, strict=True):
      writer.add_image(np.concatenate(pictures, axis=1))


def _pictures(
  qpos: np.ndarray,
  renderer: mujoco.Renderer,
  robot: robots.Robot,
  camera: str,
) -> Iterator[np.ndarray]:
  """(height, width, 3) pictures of poses (T, 7 + J), one after another."""
  data = mujoco.MjData(robot.model)
  view = mujoco.MjvCamera()
  view.distance = _DISTANCE * robot.size
  view.azimuth, view.elevation = CAMERAS[camera]
  for pose in qpos:
    data.qpos[:] = robot.qpos(pose)
    mujoco.mj_forward(robot.model, data)
    view.lookat[:] = pose[0], pose[1], _LOOK_HEIGHT * robot.size
    renderer.update_scene(data, camera=view)
    yield renderer.render()


def _renderer(model: mujoco.MjModel, size: tuple[int, int]) -> mujoco.Renderer:
  """An off-screen renderer."""
  try:
    return mujoco.Renderer(model, *size)
  except Exception as error:
    raise RenderError(
      "this machine cannot render off screen"
      f" ({type(error).__name__}: {error}); install EGL or OSMesa and set"
      " MUJOCO_GL=egl or MUJOCO_GL=osmesa"
    ) from error


def _matplotlib():
  """Matplotlib's figures, without a window."""
  from matplotlib import figure

  return figure
