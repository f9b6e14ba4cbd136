"""WildRobot as MuJoCo Playground environments."""
