"""The reference motion that walks beside the robot."""

from collections.abc import Sequence

import mujoco
import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib


def shipped(robot: robots.RobotDescription) -> list[clip_lib.MotionClip]:
  """A robot's clips of the package; the human ones are before others."""
  files = sorted(robot.clips.glob("*.npz"), reverse=True)
  return [clip_lib.load(file, robot) for file in files]


def nearest(
  clips: Sequence[clip_lib.MotionClip], command: float
) -> clip_lib.MotionClip:
  """The clip nearest to a commanded forward speed [m/s]."""
  return min(clips, key=lambda clip: abs(clip.command[0] - command))


class Ghost:
  """Shipped clips, the one nearest in speed at a time.

  Attributes:
    clips: none for a robot without any.
  """

  def __init__(self, robot: robots.RobotDescription):
    """Reads the walks of a robot."""
    self.clips = shipped(robot)
    self._time = 0.0

  def advance(
    self, dt: float, command: float, heading: float = 0.0
  ) -> np.ndarray:
    """(7 + J,) the pose a moment later, on its spot.

    Args:
      dt: the moment [s].
      command: commanded speed [m/s]; at 0 it stands still.
      heading: to turn it to [rad].
    """
    clip = nearest(self.clips, command)
    if command > 0:
      self._time += dt
    pose = clip.at(np.array([self._time]))[0].astype(float)
    pose[:2] = 0.0
    turn = np.array([np.cos(heading / 2), 0.0, 0.0, np.sin(heading / 2)])
    mujoco.mju_mulQuat(pose[3:7], turn, pose[3:7].copy())
    return pose
