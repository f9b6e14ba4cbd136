"""The subcommands of `python -m wildrobot_playground.motion`."""

from wildrobot_playground.motion.commands import (
  datasets,
  editing,
  looking,
  making,
)

ALL = (
  *making.COMMANDS,
  *editing.COMMANDS,
  *datasets.COMMANDS,
  *looking.COMMANDS,
)
