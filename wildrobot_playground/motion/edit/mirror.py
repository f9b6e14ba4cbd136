"""The mirror image of a motion: left and right swapped."""

import dataclasses

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.motion import clip as clip_lib

_SUFFIX = "_mirrored"


def mirror(
  clip: clip_lib.MotionClip, robot: robots.Robot
) -> clip_lib.MotionClip:
  """The clip in the mirror of the x-z plane; twice is the clip itself.

  Raises:
    ValueError: for a robot whose sides are not alike.
  """
  quat = clip.root_quat * np.array([1.0, -1.0, 1.0, -1.0])
  mirrored = not clip.meta.get("mirrored", False)
  name = clip.name + _SUFFIX if mirrored else clip.name.removesuffix(_SUFFIX)
  return dataclasses.replace(
    clip,
    name=name,
    root_pos=clip.root_pos * np.array([1.0, -1.0, 1.0]) + 0.0,
    root_quat=quat + 0.0,
    joint_pos=robot.mirror.angles(clip.joint_pos),
    foot_contacts=clip.foot_contacts[:, robot.mirror.contacts],
    command=clip.command * np.array([1.0, -1.0, -1.0]) + 0.0,
    meta={**clip.meta, "mirrored": mirrored},
  )
