"""Clips made of other clips."""
