"""`python -m wildrobot_playground.motion` within this process."""

from collections.abc import Sequence

from wildrobot_playground.motion import __main__ as motion
from wildrobot_playground.system import cli


def main(words: Sequence[str]) -> int:
  """Its exit code."""
  return cli.exit_code(lambda: motion.main(words)) or 0
