"""Pelvis and torso of the robot as it follows a recorded human."""

import dataclasses
from typing import Any

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import filters, human
from wildrobot_playground.motion.retargeting import path as path_lib
from wildrobot_playground.robots import rotations

_SLOW = 0.5  # s of the human's time: slower is no bobbing of a gait
_LARGEST_SWAY = 0.035  # m
_LARGEST_TILT = 0.3  # rad


@dataclasses.dataclass(frozen=True)
class Scale:
  """Robot over human.

  Attributes:
    size: by leg length.
    stride: over the ground.
    ratio: speed over the natural one.
    human_fps: the robot's frames in a second of the human's time.
    cycle: frames of a cyclic motion's cycle, 0 for others.
  """

  size: float
  stride: float
  ratio: float
  human_fps: float
  cycle: int

  @property
  def vigour(self) -> float:
    """How much smaller gestures are when slow; 1 at the natural speed."""
    return min(1.0, self.ratio**0.35)


@dataclasses.dataclass(frozen=True)
class Body:
  """Pelvis and torso, frame by frame.

  Attributes:
    root: (T, 3) pelvis ahead and to the left of the path, above ground [m].
    tilt: (T, 2) its pitch and roll [rad].
    waist: (T,) angle of the waist [rad]; zeros without one.
  """

  root: np.ndarray
  tilt: np.ndarray
  waist: np.ndarray


def follow(
  motion: human.HumanMotion,
  path: path_lib.Path,
  scale: Scale,
  options: Any,
  robot: robots.Robot,
) -> Body:
  """The human's pelvis and chest in the robot's measures.

  Args:
    motion: the human, at the robot's frames.
    path: the human's way.
    scale: robot over human.
    options: of `follow.Options`.
    robot: the robot.
  """
  turns = options.turn_scale * scale.vigour
  _, pitch, roll = rotations.euler_zyx(motion.pelvis_mat).T
  chest = rotations.euler_zyx(motion.chest_mat)[:, 0]
  # No hip yaw: a pelvis that turned would twist the standing foot.
  twist = np.unwrap(chest - path.yaw)
  tilt = turns * np.stack([pitch - np.mean(pitch), roll], axis=-1)
  tilt = np.clip(tilt, -_LARGEST_TILT, _LARGEST_TILT)
  waist = np.zeros(len(twist))
  if robot.waist is not None:
    waist = robot.waist_sign * turns * (twist - np.mean(twist))
    waist = np.clip(waist, *robot.limits[:, robot.waist])
  return Body(
    root=_root(motion, path, scale, options, robot),
    tilt=tilt + np.array([options.lean, 0.0]),
    waist=waist,
  )


def _root(
  motion: human.HumanMotion,
  path: path_lib.Path,
  scale: Scale,
  options: Any,
  robot: robots.Robot,
) -> np.ndarray:
  """Pelvis along the path (T, 3) [m]."""
  pelvis = motion.points["pelvis"]
  ahead, left = path.along(pelvis[:, :2]).T
  slow = filters.gaussian(pelvis[:, 2], _SLOW * motion.fps)
  # A pelvis vaults over its legs by the square of the stride.
  bob = min(1.0, scale.ratio) * (pelvis[:, 2] - slow)
  sway = options.sway_scale * scale.size * left
  largest = _LARGEST_SWAY * robot.size
  height = robot.home_height - options.crouch
  return np.stack(
    [
      scale.stride * ahead + options.forward,
      largest * np.tanh(sway / largest),
      height + scale.size * (bob + slow - np.median(slow)),
    ],
    axis=-1,
  )
