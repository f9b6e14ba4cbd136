"""Curves of a clip: joints, feet, contacts and torques over time."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.quality import dynamics, gates
from wildrobot_playground.system import echo, files

_COLOURS = ("#3b61b5", "#fab500", "#4c9a6a", "#b5483b", "#7d5ba6", "#444444")
_STYLES = ("-", "--", ":", "-.")
# Rows below those of the leg's joints.
_ROWS = (
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

  rows = (*_joint_rows(robot), *_ROWS)
  size = (12, 1.75 * len(rows))
  figure = figure_lib.Figure(figsize=size, layout="constrained")
  axes = figure.subplots(len(rows), 2, sharex=True, sharey="row")
  for i, clip in enumerate(clips):
    for column, side in enumerate(robots.SIDES):
      colour = _COLOURS[i % len(_COLOURS)]
      _column(axes[:, column], clip, side, robot, colour, i)
  for axis, label in zip(axes[:, 0], rows, strict=True):
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
  columns = robot.legs[side].columns
  joints = clip.joint_pos[:, columns]
  label = echo.in_figure(clip.name)
  for k in range(joints.shape[1]):
    axes[k].plot(time, joints[:, k], color=colour, label=label)
    _limits(axes[k], robot.limits[:, columns][:, k], joints[:, k])
  ground, contact, speed, load = axes[joints.shape[1] :]
  _contacts(ground, contact, clip, side, robot, colour, order)
  _, qvel, _ = dynamics.derivatives(clip, robot)
  rates = qvel[:, robot.at.dofs][:, columns]
  speed.plot(time, rates, color=colour, linewidth=0.8)
  torque, _ = dynamics.inverse(clip, robot)
  load.plot(time, torque[:, columns], color=colour, linewidth=0.8)
  strongest = float(np.max(robot.torque_limits[columns]))
  fastest = gates.GATES["joint_speed"][0]
  for axis, limit in ((speed, fastest), (load, strongest)):
    for sign in (-1, 1):
      axis.axhline(sign * limit, color="red", linewidth=0.6)


def _joint_rows(robot: robots.Robot) -> list[str]:
  """What the rows of a leg's joints are called."""
  names = robot.description.legs["left"]
  return [
    f"{name.removeprefix('left_').replace('_', ' ')} [rad]" for name in names
  ]


def _contacts(
  ground,
  contact,
  clip: clip_lib.MotionClip,
  side: str,
  robot: robots.Robot,
  colour: str,
  order: int,
) -> None:
  """Heights and contacts of one foot of one clip."""
  time = np.arange(clip.num_frames) / clip.fps
  plates = robot.description.contacts_of(side)
  heights = 1e3 * robot.sole.heights(clip.qpos)[:, plates]
  names = [
    clip.contact_names[plate].removeprefix(f"{side}_") for plate in plates
  ]
  for i, plate in enumerate(plates):
    style = _STYLES[i % len(_STYLES)]
    ground.plot(time, heights[:, i], style, color=colour)
    touching = clip.foot_contacts[:, plate] > 0
    level = np.where(touching, len(plates) * order + i, np.nan)
    contact.plot(time, level, style, color=colour, linewidth=4)
  ground.axhline(0.0, color="black", linewidth=0.8)
  contact.set_yticks(range(len(plates)), names)


def _limits(axis, limits: np.ndarray, values: np.ndarray) -> None:
  """Draws the limits that the values come near to."""
  for limit in limits:
    if np.min(np.abs(values - limit)) < 0.2:
      axis.axhline(limit, color="red", linewidth=0.6)
