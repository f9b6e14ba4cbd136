"""Runs another module with WildRobot's environments registered.

For Playground's own scripts, which know no plug-ins:

  python -m wildrobot_playground.with_playground learning.train_jax_ppo \
      --env_name=WildRobotWalk
"""

import runpy
import sys

import wildrobot_playground


def main() -> int:
  """Runs the module named by the first argument with the others as its own."""
  if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
    print(
      "usage: python -m wildrobot_playground.with_playground MODULE"
      " [ARGUMENT ...]",
      file=sys.stderr,
    )
    return 2
  wildrobot_playground.register()
  module = sys.argv[1]
  sys.argv = sys.argv[1:]
  runpy.run_module(module, run_name="__main__", alter_sys=True)
  return 0


if __name__ == "__main__":
  sys.exit(main())
