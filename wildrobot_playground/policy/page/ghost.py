"""The reference motion that walks beside the robot."""

import mujoco
import numpy as np

from wildrobot_playground import assets
from wildrobot_playground.motion import clip as clip_lib


class Ghost:
  """Shipped clips, the one nearest in speed at a time."""

  def __init__(self):
    """Reads the walks; of two of one speed, the human one is shown."""
    files = sorted((assets.reference() / "clips").glob("*.npz"), reverse=True)
    self._clips = [clip_lib.load(file) for file in files]
    self._speeds = np.array([clip.command[0] for clip in self._clips])
    self._time = 0.0

  def advance(
    self, dt: float, command: float, heading: float = 0.0
  ) -> np.ndarray:
    """(16,) the pose a moment later, on its spot.

    Args:
      dt: the moment [s].
      command: commanded speed [m/s]; at 0 it stands still.
      heading: to turn it to [rad].
    """
    clip = self._clips[int(np.argmin(np.abs(self._speeds - command)))]
    if command > 0:
      self._time += dt
    pose = clip.at(np.array([self._time]))[0].astype(float)
    pose[:2] = 0.0
    turn = np.array([np.cos(heading / 2), 0.0, 0.0, np.sin(heading / 2)])
    mujoco.mju_mulQuat(pose[3:7], turn, pose[3:7].copy())
    return pose
