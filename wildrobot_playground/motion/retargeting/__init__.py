"""From a human's motion, or another clip, to the robot's."""
