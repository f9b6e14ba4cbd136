"""Clips for other tools: GMR's pickle of root and joints."""

import os
import pathlib
import pickle

import numpy as np

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.system import files


def gmr(path: str | os.PathLike[str], clip: clip_lib.MotionClip) -> None:
  """Writes a clip as GMR does: quaternions xyzw, joints in the clip's order.

  Args:
    path: of the `.pkl` file.
    clip: any clip; that it is cyclic gets lost.
  """
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  content = {
    "fps": float(clip.fps),
    "root_pos": clip.root_pos,
    "root_rot": np.roll(clip.root_quat, -1, axis=1),
    "dof_pos": clip.joint_pos,
    "local_body_pos": None,
    "link_body_list": None,
  }
  files.write_bytes(path, pickle.dumps(content, protocol=4))
