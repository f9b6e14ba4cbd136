"""A page in the browser where you drive the robot."""
