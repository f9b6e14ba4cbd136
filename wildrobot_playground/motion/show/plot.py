"""Curves of a clip: joints, feet, contacts and torques over time."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.quality import dynamics, gates
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.system import echo, files

_COLOURS = ("#3b61b5", "#fab500", "#4c9a6a", "#b5483b", "#7d5ba6", "#444444")
_ROWS = (
  "hip pitch [rad]",
  "hip roll [rad]",
  "knee [rad]",
  "ankle [rad]",
  "lowest sole corner [mm]",
  "contacts",
  "joint speed [rad/s]",
  "torque [N m]",
)


def curves(
  clips: Sequence[clip_lib.MotionClip],
  path: str | os.PathLike[str],
  robot: robots.Robot,
) -> None:
  """Writes a PNG with a column for each leg and a colour for each clip.

  Args:
    clips: drawn over each other.
    path: of the PNG.
    robot: the robot.
  """
  from matplotlib import figure as figure_lib

  figure = figure_lib.Figure(figsize=(12, 14), layout="constrained")
  axes = figure.subplots(len(_ROWS), 2, sharex=True, sharey="row")
  for i, clip in enumerate(clips):
    for column, side in enumerate(robots.SIDES):
      colour = _COLOURS[i % len(_COLOURS)]
      _column(axes[:, column], clip, side, robot, colour, i)
  for axis, label in zip(axes[:, 0], _ROWS, strict=True):
    axis.set_ylabel(label)
  for axis, side in zip(axes[0], robots.SIDES, strict=True):
    axis.set_title(f"{side} leg")
  for axis in axes[-1]:
    axis.set_xlabel("time [s]")
  axes[0, 1].legend(fontsize=8)
  for axis in axes.ravel():
    axis.grid(alpha=0.3)
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  with files.replacing(path) as new:
    figure.savefig(new, dpi=100, metadata={"Software": None})


def _column(
  axes: np.ndarray,
  clip: clip_lib.MotionClip,
  side: str,
  robot: robots.Robot,
  colour: str,
  order: int,
) -> None:
  """One leg of one clip."""
  time = np.arange(clip.num_frames) / clip.fps
  columns = robots.LEG_COLUMNS[side]
  joints = clip.joint_pos[:, columns]
  label = echo.in_figure(clip.name)
  for k in range(4):
    axes[k].plot(time, joints[:, k], color=colour, label=label)
    _limits(axes[k], robot.limits[:, columns][:, k], joints[:, k])
  plates = [
    i for i, name in enumerate(WILDROBOT.contact_names) if name.startswith(side)
  ]
  heights = 1e3 * robot.sole.heights(clip.qpos)[:, plates]
  for plate, style in zip(range(2), ("-", "--"), strict=True):
    axes[4].plot(time, heights[:, plate], style, color=colour)
    touching = clip.foot_contacts[:, plates[plate]] > 0
    level = np.where(touching, 2 * order + plate, np.nan)
    axes[5].plot(time, level, style, color=colour, linewidth=4)
  axes[4].axhline(0.0, color="black", linewidth=0.8)
  axes[5].set_yticks([0, 1], ["toe", "heel"])
  _, qvel, _ = dynamics.derivatives(clip, robot)
  axes[6].plot(time, qvel[:, 6:][:, columns], color=colour, linewidth=0.8)
  fastest = gates.GATES["joint_speed"][0]
  torque, _ = dynamics.inverse(clip, robot)
  axes[7].plot(time, torque[:, columns], color=colour, linewidth=0.8)
  for axis, limit in ((axes[6], fastest), (axes[7], dynamics.TORQUE_LIMIT)):
    for sign in (-1, 1):
      axis.axhline(sign * limit, color="red", linewidth=0.6)


def _limits(axis, limits: np.ndarray, values: np.ndarray) -> None:
  """Draws the limits that the values come near to."""
  for limit in limits:
    if np.min(np.abs(values - limit)) < 0.2:
      axis.axhline(limit, color="red", linewidth=0.6)
