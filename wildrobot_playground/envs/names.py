"""The names by which Playground's registry knows our environments."""

ENV_NAMES = ("WildRobotWalk", "WildRobotWalkRough")
