"""Makes, checks and collects a robot's reference motion.

python -m wildrobot_playground.motion COMMAND ...
"""

import sys
from collections.abc import Sequence

from wildrobot_playground.system import cli, commands, errors

# Imported inside: `cli.end_with` prepares the process for MuJoCo first.


@errors.of_input()
def main(words: Sequence[str]) -> None:
  """Runs one subcommand and shows what came of it."""
  from wildrobot_playground.motion import subcommands
  from wildrobot_playground.motion.subcommands import common

  chosen = commands.choose(subcommands.ALL, words, __doc__ or "")
  if chosen is not None:
    command, arguments = chosen
    common.show(command.run(arguments), arguments.json)


if __name__ == "__main__":
  cli.end_with(lambda: main(sys.argv[1:]))
