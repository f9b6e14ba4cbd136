"""Whether a clip is good enough: gates, and what they measure."""
