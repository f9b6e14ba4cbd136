"""The AMP feature vector, datasets of it, and what tells two of them apart."""

from wildrobot_playground.features.layout import WILDROBOT, FeatureLayout
from wildrobot_playground.features.vector import (
  DIRECTION_THRESHOLD,
  VELOCITY_MODES,
  amp_features,
  check_velocity_mode,
  heading,
)

__all__ = [
  "DIRECTION_THRESHOLD",
  "VELOCITY_MODES",
  "WILDROBOT",
  "FeatureLayout",
  "amp_features",
  "check_velocity_mode",
  "heading",
]
