"""Exported policies in plain MuJoCo, as the robot would run them: no jax."""
