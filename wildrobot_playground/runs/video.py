"""Videos of rollouts, where the machine can render."""

import pathlib
from collections.abc import Sequence

import imageio_ffmpeg
import mediapy
import mujoco
import numpy as np

from wildrobot_playground.policy.episodes import Rollout

_SIZE = (270, 360)  # pixels: height, width
_COLUMNS = 3
# A machine without a GPU renders about 15 of these frames a second.
_SECONDS = 5.0
_MOST_FRAMES = 20_000  # 6 GB with the copies that writing makes
_EVERY = {".gif": 4}  # control steps a frame; 2 elsewhere


def render(
  rollouts: Sequence[Rollout],
  model: mujoco.MjModel,
  path: pathlib.Path,
  camera: str = "track",
) -> str | None:
  """Writes one robot of every command side by side, in real time.

  It shows the last seconds, when the gait has settled, of a robot that is on
  its feet then; where all fell, of the one that lasted longest, to its fall.

  Args:
    rollouts: one a command.
    model: the robot and its scene.
    path: MP4 or GIF to write.
    camera: name of a camera of the model.

  Returns:
    None, or one sentence that says why there is no video.
  """
  every = _EVERY.get(path.suffix, 2)
  shown = min(round(_SECONDS / rollouts[0].dt), len(rollouts[0].qpos)) // every
  if len(rollouts) * shown > _MOST_FRAMES:
    return f"none: {len(rollouts)} commands are too many to show side by side"
  try:
    renderer = mujoco.Renderer(model, *_SIZE)
  except Exception as error:
    return (
      "none: this machine cannot render"
      f" ({type(error).__name__}); install EGL or OSMesa"
    )
  data = mujoco.MjData(model)
  with renderer:
    clips = [
      _frames(rollout, renderer, data, model, camera, every)
      for rollout in rollouts
    ]
  blank = np.zeros_like(clips[0])
  clips += [blank] * (-len(clips) % min(_COLUMNS, len(clips)))
  rows = [
    np.concatenate(clips[i : i + _COLUMNS], axis=2)
    for i in range(0, len(clips), _COLUMNS)
  ]
  mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
  codec = "gif" if path.suffix == ".gif" else "h264"
  fps = 1 / (every * rollouts[0].dt)
  try:
    mediapy.write_video(
      path, np.concatenate(rows, axis=1), fps=fps, codec=codec
    )
  except (OSError, RuntimeError) as error:
    said = [line for line in str(error).splitlines() if line.strip()]
    return f"none: {path} cannot be written: {' '.join(said[-2:])}"
  return None


def _frames(
  rollout: Rollout,
  renderer: mujoco.Renderer,
  data: mujoco.MjData,
  model: mujoco.MjModel,
  camera: str,
  every: int,
) -> np.ndarray:
  """(T, height, width, 3) frames of one robot, heading along x."""
  steps = rollout.alive.sum(axis=0)
  robot = int(np.argmax(steps))
  length = max(int(steps[robot]), 1)
  start = rollout.qpos[0, robot]
  yaw = np.arctan2(
    2 * (start[3] * start[6] + start[4] * start[5]),
    1 - 2 * (start[5] ** 2 + start[6] ** 2),
  )
  turn = np.array([np.cos(yaw / 2), 0, 0, -np.sin(yaw / 2)])
  frames = []
  total = len(rollout.qpos)
  shown = min(round(_SECONDS / rollout.dt), total)
  for step in range(total - shown, total, every):
    k = max(step - (total - length), 0)
    qpos = rollout.qpos[k, robot]
    data.qpos[:] = qpos
    data.qpos[:2] = rollout.position[k, robot]
    mujoco.mju_mulQuat(data.qpos[3:7], turn, qpos[3:7].astype(np.float64))
    mujoco.mj_forward(model, data)
    renderer.update_scene(data, camera=camera)
    frames.append(renderer.render())
  return np.stack(frames)
