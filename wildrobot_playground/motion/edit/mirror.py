"""The mirror image of a motion: left and right swapped."""

import dataclasses

import numpy as np

from wildrobot_playground.motion import clip as clip_lib

# Column of the other side's joint, and its sign: waist yaw, hip pitch and hip
# roll turn the other way, knees and ankles do not.
_COLUMNS = np.array([0, 5, 6, 7, 8, 1, 2, 3, 4])
_SIGNS = np.array([-1.0, -1, -1, 1, 1, -1, -1, 1, 1])
_CONTACT_COLUMNS = np.array([2, 3, 0, 1])
_SUFFIX = "_mirrored"


def mirror(clip: clip_lib.MotionClip) -> clip_lib.MotionClip:
  """The clip in the mirror of the x-z plane; twice is the clip itself."""
  quat = clip.root_quat * np.array([1.0, -1.0, 1.0, -1.0])
  mirrored = not clip.meta.get("mirrored", False)
  name = clip.name + _SUFFIX if mirrored else clip.name.removesuffix(_SUFFIX)
  return dataclasses.replace(
    clip,
    name=name,
    root_pos=clip.root_pos * np.array([1.0, -1.0, 1.0]) + 0.0,
    root_quat=quat + 0.0,
    joint_pos=mirror_joints(clip.joint_pos),
    foot_contacts=clip.foot_contacts[:, _CONTACT_COLUMNS],
    command=clip.command * np.array([1.0, -1.0, -1.0]) + 0.0,
    meta={**clip.meta, "mirrored": mirrored},
  )


def mirror_joints(joint_pos: np.ndarray) -> np.ndarray:
  """Mirrored joint angles (..., 9) [rad]."""
  return joint_pos[..., _COLUMNS] * _SIGNS + 0.0
