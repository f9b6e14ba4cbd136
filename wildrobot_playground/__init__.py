"""WildRobot Playground: an AMP locomotion trainer for Playground and Brax.

Importing it makes `WildRobotWalk` known to MuJoCo Playground's registry, in
whichever order the two are imported.
"""

from wildrobot_playground.registration import register

__all__ = ["register"]

__version__ = "0.1.0"

register()
