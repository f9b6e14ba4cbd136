"""Measuring speed, memory and time to walking: `python -m ...bench`."""
