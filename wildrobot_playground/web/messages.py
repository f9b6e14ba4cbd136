"""What viser's page sends for our panels, and nothing else."""

import math
from typing import Any

import msgspec.msgpack

_LONGEST = 200  # characters of a name or a choice
_CAMERA = "ViewerCameraMessage"
_PANEL = "GuiUpdateMessage"
_KEY = "CommandTriggerMessage"


def is_ours(message: bytes | str) -> bool:
  """Whether a message moves the camera, a panel's value, or is a key."""
  if not isinstance(message, bytes):
    return False
  try:
    told = msgspec.msgpack.decode(message)
  except (msgspec.MsgspecError, ValueError, RecursionError):
    return False
  if not isinstance(told, dict):
    return False
  kind = told.pop("type", None)
  if kind == _CAMERA:
    return all(_is_plain(v) or _is_vector(v) for v in told.values())
  if kind == _PANEL:
    updates = told.get("updates")
    return (
      set(told) == {"uuid", "updates"}
      and _is_plain(told["uuid"])
      and isinstance(updates, dict)
      and set(updates) == {"value"}
      and _is_plain(updates["value"])
    )
  return kind == _KEY and set(told) == {"uuid"} and _is_plain(told["uuid"])


def _is_plain(value: Any) -> bool:
  """Whether it is a truth value, a finite number or a short text."""
  if isinstance(value, str):
    return len(value) <= _LONGEST
  return isinstance(value, int | float) and math.isfinite(value)


def _is_vector(value: Any) -> bool:
  """Whether it is a few finite numbers."""
  return (
    isinstance(value, list)
    and len(value) <= 4
    and all(isinstance(v, int | float) and math.isfinite(v) for v in value)
  )
