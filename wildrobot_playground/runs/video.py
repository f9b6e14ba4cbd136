"""Videos of rollouts, where the machine can render."""

import dataclasses
import pathlib
from collections.abc import Sequence

import imageio_ffmpeg
import mediapy
import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from wildrobot_playground import robots
from wildrobot_playground.policy.metrics.episodes import Rollout
from wildrobot_playground.system import files

_SIZE = (270, 360)  # pixels: height, width
_COLUMNS = 3
_CAPTION = 18  # pixels
# A machine without a GPU renders about 15 of these frames a second.
SECONDS = 5.0
_MOST_FRAMES = 20_000  # 6 GB with the copies that writing makes
_MANY_FACES = 50_000
_EVERY = 2  # control steps a frame
# GIFs are for pages: narrow, short, in few colours.
_GIF_SIZE = (270, 240)
_GIF_SECONDS = 3.2
_GIF_EVERY = 4
_GIF_COLOURS = 48


@dataclasses.dataclass(frozen=True)
class Shot:
  """A robot that walks in a picture of the film.

  Attributes:
    qpos: (T, nq) positions, one a control step.
    model: of them.
    caption: written into the picture; empty for none.
  """

  qpos: np.ndarray
  model: mujoco.MjModel
  caption: str = ""


def render(
  rollouts: Sequence[Rollout],
  robot: robots.Robot,
  path: pathlib.Path,
  camera: str = "track",
) -> str | None:
  """Writes one robot of every command side by side, in real time.

  See `shot` for what is shown of a command, and `render_shots` for the rest.
  """
  shots = [
    shot(rollout, robot, f"{rollout.command:g} m/s") for rollout in rollouts
  ]
  return render_shots(shots, rollouts[0].dt, path, camera)


def render_shots(
  shots: Sequence[Shot],
  dt: float,
  path: pathlib.Path,
  camera: str = "track",
  columns: int = _COLUMNS,
) -> str | None:
  """Writes shots of one length beside each other, in real time.

  Args:
    shots: row after row.
    dt: control step [s].
    path: MP4 or GIF to write.
    camera: name of a camera of the robots' models; one that follows the first
      body where a model has none of the name.
    columns: pictures in a row.

  Returns:
    None, or one sentence that says why there is no video.
  """
  is_gif = path.suffix.lower() == ".gif"
  every = _GIF_EVERY if is_gif else _EVERY
  last = round(_GIF_SECONDS / dt) if is_gif else len(shots[0].qpos)
  if len(shots) * last // every > _MOST_FRAMES:
    return f"none: {len(shots)} pictures are too many to show side by side"
  clips: dict[int, np.ndarray] = {}
  for model in {id(shot.model): shot.model for shot in shots}.values():
    try:
      size = _GIF_SIZE if is_gif else _SIZE
      renderer = mujoco.Renderer(model, *size)
    except Exception as error:
      return (
        "none: this machine cannot render"
        f" ({type(error).__name__}); install EGL or OSMesa"
      )
    with renderer:
      for i, shown in enumerate(shots):
        if shown.model is model:
          clips[i] = _frames(shown, renderer, camera, every, last)
  pictures = [clips[i] for i in range(len(shots))]
  columns = min(columns, len(pictures))
  pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % columns)
  rows = [
    np.concatenate(pictures[i : i + columns], axis=2)
    for i in range(0, len(pictures), columns)
  ]
  write = _write_gif if is_gif else _write_film
  try:
    with files.replacing(path) as new:
      write(new, np.concatenate(rows, axis=1), every * dt)
  except (OSError, RuntimeError) as error:
    said = [line for line in str(error).splitlines() if line.strip()]
    return f"none: {path} cannot be written: {' '.join(said[-2:])}"
  return None


def _write_film(path: pathlib.Path, frames: np.ndarray, dt: float) -> None:
  """Writes frames (T, height, width, 3), `dt` [s] apart, as a film."""
  mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
  mediapy.write_video(path, frames, fps=1 / dt)


def _write_gif(path: pathlib.Path, frames: np.ndarray, dt: float) -> None:
  """The same as a GIF; dithering would make it several times as large."""
  pictures = [Image.fromarray(frame) for frame in frames]
  palette = pictures[0].quantize(_GIF_COLOURS)
  first, *others = [
    picture.quantize(palette=palette, dither=Image.Dither.NONE)
    for picture in pictures
  ]
  first.save(
    path,
    save_all=True,
    append_images=others,
    duration=round(1000 * dt),
    loop=0,
    optimize=True,
  )


def shot(
  rollout: Rollout,
  robot: robots.Robot,
  caption: str = "",
  seconds: float = SECONDS,
) -> Shot:
  """The last seconds of a rollout, when the gait has settled.

  It shows a robot that is on its feet then; where all fell, the one that lasted
  longest, to its fall.

  Args:
    rollout: of one command.
    robot: that walks.
    caption: see `Shot`.
    seconds: length.
  """
  shown, column = last_steps(rollout.alive, round(seconds / rollout.dt))
  pose = rollout.qpos[shown, column].astype(np.float64)
  turn = _turn_back(rollout.qpos[0, column])
  for row in pose:
    mujoco.mju_mulQuat(row[3:7], turn, row[3:7].copy())
  pose[:, :2] = rollout.position[shown, column]
  return Shot(robot.qpos(pose), robot.model, caption)


def last_steps(alive: np.ndarray, count: int) -> tuple[np.ndarray, int]:
  """Which control steps (T,) of which robot to show.

  Args:
    alive: (T, N) whether that robot is on its feet.
    count: how many steps to show, at most; where no robot lasts so long, the
      first step is shown several times.
  """
  steps = alive.sum(axis=0)
  column = int(np.argmax(steps))
  length, total = max(int(steps[column]), 1), len(alive)
  shown = np.arange(total - min(count, total), total)
  return np.maximum(shown - (total - length), 0), column


def _turn_back(start: np.ndarray) -> np.ndarray:
  """(4,) quaternion that turns the heading of a position to the x axis."""
  yaw = np.arctan2(
    2 * (start[3] * start[6] + start[4] * start[5]),
    1 - 2 * (start[5] ** 2 + start[6] ** 2),
  )
  return np.array([np.cos(yaw / 2), 0, 0, -np.sin(yaw / 2)])


def _frames(
  shown: Shot,
  renderer: mujoco.Renderer,
  camera: str,
  every: int,
  last: int,
) -> np.ndarray:
  """(T, height, width, 3) frames of the last control steps of a shot."""
  model = shown.model
  data = mujoco.MjData(model)
  view = _camera(model, camera)
  frames = []
  for qpos in shown.qpos[-last::every]:
    data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    renderer.update_scene(data, camera=view)
    if model.nmeshface > _MANY_FACES:  # Shadows cost twice the rest.
      renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False
      renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
    frames.append(_captioned(renderer.render(), shown.caption))
  return np.stack(frames)


def _camera(model: mujoco.MjModel, name: str) -> str | mujoco.MjvCamera:
  """The model's camera of that name, or one that follows its first body."""
  if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, name) >= 0:
    return name
  camera = mujoco.MjvCamera()
  mujoco.mjv_defaultFreeCamera(model, camera)
  moves = np.flatnonzero(model.body_dofnum > 0)
  if len(moves):
    camera.type = mujoco.mjtCamera.mjCAMERA_TRACKING
    camera.trackbodyid = int(moves[0])
    camera.distance = 3.0 * model.body_pos[moves[0], 2] or 3.0
    camera.elevation = -12.0
  return camera


def _captioned(frame: np.ndarray, caption: str) -> np.ndarray:
  """A frame with its caption at the lower edge."""
  if not caption:
    return frame
  picture = Image.fromarray(frame)
  font = ImageFont.load_default(_CAPTION)
  ImageDraw.Draw(picture).text(
    (frame.shape[1] / 2, frame.shape[0] - _CAPTION),
    caption,
    font=font,
    anchor="mm",
    fill="white",
    stroke_width=2,
    stroke_fill="black",
  )
  return np.asarray(picture)
