"""What a robot is: its names as data, and what is read off its model."""
