"""Off-screen rendering, where there is no display: before MuJoCo is imported.

MuJoCo reads MUJOCO_GL once, when it is imported, and cannot even be imported
when that names a library which is not there.
"""

import ctypes
import ctypes.util
import os
import sys
import warnings

from wildrobot_playground.system import echo, errors

_OFF = ("disable", "disabled", "off", "false", "0")
_ON = ("enable", "enabled", "on", "true", "1", "glfw", "")
_OF_SYSTEMS = {
  "linux": ("glx", "egl", "osmesa"),
  "darwin": ("cgl",),
  "win32": ("wgl",),
}
_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}
_VERSIONS = ("", ".1", ".6", ".8")


def prepare() -> None:
  """Chooses EGL on Linux, if nobody chose and it is there.

  Raises:
    UsageError: for a MUJOCO_GL with which MuJoCo cannot be imported.
  """
  # What it warns of is said once more by the error that follows.
  warnings.filterwarnings("ignore", module="glfw")
  if sys.platform == "linux" and ctypes.util.find_library("EGL"):
    os.environ.setdefault("MUJOCO_GL", "egl")
  _check(os.environ.get("MUJOCO_GL", ""))


def _check(chosen: str) -> None:
  name = chosen.lower().strip()
  own = _OF_SYSTEMS.get(sys.platform, ())
  if name not in (*_OFF, *_ON, *own):
    raise errors.UsageError(
      f"MUJOCO_GL={echo.short(chosen)} is no way to render here; choose one of"
      f" {', '.join([*own, 'glfw', 'disable'])}, or leave it unset"
    )
  library = _LIBRARIES.get(name) if name in own else None
  if library is not None and not _is_there(library):
    raise errors.UsageError(
      f"MUJOCO_GL={echo.short(chosen)} needs lib{library}, which is not there;"
      " install it, or choose glfw (with a display) or disable"
    )


def _is_there(library: str) -> bool:
  """Whether it can be loaded, also where no cache of the system lists it."""
  if ctypes.util.find_library(library):
    return True
  for version in _VERSIONS:
    try:
      ctypes.CDLL(f"lib{library}.so{version}")
    except OSError:
      continue
    return True
  return False
