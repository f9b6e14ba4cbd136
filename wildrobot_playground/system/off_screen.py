"""Off-screen rendering, where there is no display: before MuJoCo is imported.

MuJoCo reads MUJOCO_GL once, when it is imported, and cannot even be imported
when that names a library which is not there.
"""

import ctypes.util
import os
import sys


def prepare() -> None:
  """Chooses EGL on Linux, if nobody chose and it is there."""
  if sys.platform == "linux" and ctypes.util.find_library("EGL"):
    os.environ.setdefault("MUJOCO_GL", "egl")
