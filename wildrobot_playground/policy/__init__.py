"""What leaves for the robot: policies, rolled out and measured."""
