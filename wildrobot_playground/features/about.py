"""What a clip says of itself (`meta`): the known keys and what they hold."""

import math
from collections.abc import Callable
from typing import Any

from wildrobot_playground.system import echo

_MOST = 200  # characters of a word
TIERS = ("feasible", "kinematic", "refused")


def problem(meta: Any, frames: int) -> str | None:
  """What is wrong with a clip's `meta`, or None.

  Args:
    meta: of a clip; keys that nobody here knows may hold anything.
    frames: of the clip.
  """
  if not isinstance(meta, dict):
    return f"is {echo.short(type(meta).__name__)}, expected an object"
  for key, (is_right, expected) in _KNOWN.items():
    if key in meta and not is_right(meta[key]):
      return f"has {key} {echo.short(meta[key])}, expected {expected}"
  errors = meta.get("frame_error", [0.0] * frames)
  if len(errors) != frames:
    return f"has {len(errors)} frame_error, expected one of {frames} frames"
  return None


def _is_number(value: Any) -> bool:
  """Whether a value is a finite number; true and false are none."""
  is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
  return is_number and abs(value) < 1e300 and math.isfinite(value)


def _is_word(value: Any) -> bool:
  return isinstance(value, str) and len(value) <= _MOST and value.isprintable()


def _are_numbers(value: Any) -> bool:
  return isinstance(value, list) and all(map(_is_number, value))


def _is_range(value: Any) -> bool:
  return (
    isinstance(value, list)
    and len(value) == 2
    and all(type(v) is int and 0 <= v < 2**40 for v in value)
  )


_KNOWN: dict[str, tuple[Callable[[Any], bool], str]] = {
  "kind": (_is_word, "a word"),
  "model_hash": (_is_word, "a word"),
  "tier": (lambda v: v in TIERS, f"one of {', '.join(TIERS)}"),
  "source": (lambda v: isinstance(v, dict), "an object"),
  "quality": (
    # Of what does not step, some are not a number.
    lambda v: (
      isinstance(v, dict)
      and all(type(n) is float or _is_number(n) for n in v.values())
    ),
    "an object of numbers",
  ),
  "mirrored": (lambda v: isinstance(v, bool), "true or false"),
  "ik_error": (_is_number, "a number"),
  "frame_error": (_are_numbers, "a list of numbers"),
  "frames": (_is_range, "the first and the last frame"),
  "rows": (_is_range, "the first and the last row"),
}
