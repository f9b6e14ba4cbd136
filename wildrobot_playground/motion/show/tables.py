"""Tables of clips, for the terminal, for JSON and for a README."""

import math
from collections.abc import Sequence
from typing import Any

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.system import echo

# Heading, metric, factor to the heading's unit, digits.
_COLUMNS = (
  ("achieved", "achieved_speed", 1.0, 3),
  ("cadence Hz", "cadence", 1.0, 2),
  ("IK mm", "ik_error", 1e3, 1),
  ("depth mm", "penetration", 1e3, 1),
  ("slide m/s", "stance_slide_mean", 1.0, 3),
  ("lift mm", "swing_clearance", 1e3, 0),
  ("rad/s", "joint_speed", 1.0, 1),
  ("hip limit %", "hip_at_limit", 1e2, 0),
  ("seam rad", "seam", 1.0, 3),
  ("over torque %", "over_torque", 1e2, 0),
  ("rms Nm", "torque_rms", 1.0, 2),
  ("unmatched %", "unmatched_force", 1e2, 1),
)
HEADINGS = ("clip", "m/s", "tier", *(column[0] for column in _COLUMNS))


def cell(value: Any, digits: int = 3) -> str:
  """A number for a table; "-" for None and for what is not finite."""
  if value is None:
    return "-"
  if not isinstance(value, float):
    return str(value)
  return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def clip_row(clip: clip_lib.MotionClip) -> tuple[str, ...]:
  """A clip's row under `HEADINGS`, from its metadata."""
  metrics = clip.meta.get("quality", {})
  return (
    clip.name,
    cell(float(clip.command[0]), 2),
    clip.meta.get("tier", "-"),
    *(
      cell(metrics[name] * factor if name in metrics else None, digits)
      for _, name, factor, digits in _COLUMNS
    ),
  )


def clip_record(clip: clip_lib.MotionClip) -> dict[str, Any]:
  """A clip's row for JSON, in SI units; with the error of each frame [mm]."""
  error = clip.meta.get("frame_error")
  return {
    "clip": clip.name,
    "speed": float(clip.command[0]),
    "frames": clip.num_frames,
    "tier": clip.meta.get("tier"),
    **clip.meta.get("quality", {}),
    **({"frame_error_mm": error} if error else {}),
  }


def text(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
  """Columns that line up, the first one to the left; all can be printed."""
  headings, *rows = ([*map(echo.printable, row)] for row in (headings, *rows))
  widths = [
    max(map(len, column)) for column in zip(headings, *rows, strict=True)
  ]
  return "\n".join(
    "  ".join(
      cell.ljust(width) if i == 0 else cell.rjust(width)
      for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ).rstrip()
    for row in (headings, *rows)
  )


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
  """A Markdown table."""
  lines = [headings, ["---"] * len(headings), *rows]
  return "\n".join("| " + " | ".join(line) + " |" for line in lines)
