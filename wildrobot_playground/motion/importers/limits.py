"""How large a recording may be, told before anything is computed of it.

Within these, reading and retargeting stay below a gigabyte of memory.
"""

from wildrobot_playground.motion import human

FILE = 2**27  # bytes
JSON_FILE = 2**24  # bytes: read, JSON takes twenty times its size
PICKLE_FILE = 2**26  # bytes
FRAMES = 500_000
JOINTS = 1000
JOINT_FRAMES = 3_000_000  # joints x frames
FARTHEST = 1e7  # of any unit, and degrees


def check(what: str, number: int, most: int, where: str) -> None:
  """Raises MotionError for more than the most."""
  if number > most:
    raise human.MotionError(
      f"{where}: has {number} {what}, expected at most {most}; cut or split the"
      " recording"
    )
