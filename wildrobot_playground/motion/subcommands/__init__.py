"""The subcommands of `python -m wildrobot_playground.motion`."""

from wildrobot_playground.motion.subcommands import (
  collecting,
  editing,
  looking,
  making,
)

ALL = (
  *making.COMMANDS,
  *editing.COMMANDS,
  *collecting.COMMANDS,
  *looking.COMMANDS,
)
