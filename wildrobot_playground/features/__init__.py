"""The AMP feature vector, datasets of it, and what tells two of them apart."""

from wildrobot_playground.features.vector import (
  DIRECTION_THRESHOLD,
  FEATURE_NAMES,
  FOOT_CONTACTS,
  JOINT_POS,
  JOINT_VEL,
  NUM_FEATURES,
  ROOT_ANGVEL,
  ROOT_HEIGHT,
  ROOT_LINVEL,
  STD_FLOOR,
  VELOCITY_MODES,
  amp_features,
  check_velocity_mode,
  heading,
)

__all__ = [
  "DIRECTION_THRESHOLD",
  "FEATURE_NAMES",
  "FOOT_CONTACTS",
  "JOINT_POS",
  "JOINT_VEL",
  "NUM_FEATURES",
  "ROOT_ANGVEL",
  "ROOT_HEIGHT",
  "ROOT_LINVEL",
  "STD_FLOOR",
  "VELOCITY_MODES",
  "amp_features",
  "check_velocity_mode",
  "heading",
]
