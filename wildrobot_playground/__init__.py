"""WildRobot Playground: an AMP locomotion trainer for Playground and Brax.

Importing it makes `WildRobotWalk` known to MuJoCo Playground's registry, in
whichever order the two are imported.
"""

from wildrobot_playground.system import stopping

stopping.from_the_start()  # Before the imports that take their time.

from wildrobot_playground.envs.registration import register  # noqa: E402

__all__ = ["register"]

__version__ = "0.1.0"

register()
