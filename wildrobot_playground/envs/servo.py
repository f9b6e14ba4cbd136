"""The serial-bus servo's torque-speed limit, on top of its constant one.

A motor that turns has less torque left to push on with: from its stall torque
at rest down to none at its no-load speed. Brakes are not limited. The limit is
applied through the target, anew several times in a control step, so every
engine has it.
"""

from typing import Any

from ml_collections import config_dict

Array = Any  # A numpy or a jax array.

STALL_TORQUE = 4.0  # N·m, the limit that the model has anyway
# rad/s; the data sheet says 0.18 s for 60 degrees at 11.1 V, nobody measured.
NO_LOAD_SPEED = 5.8
UPDATES = 5  # in a control step


def default_config() -> config_dict.ConfigDict:
  """Without the limit."""
  return config_dict.create(
    enable=False,
    stall_torque=STALL_TORQUE,  # N·m
    no_load_speed=NO_LOAD_SPEED,  # rad/s
    updates=UPDATES,  # of the limit in a control step
  )


def check(config: config_dict.ConfigDict, n_substeps: int) -> None:
  """Raises ValueError for updates that do not divide the time steps."""
  if config.enable and n_substeps % config.updates:
    raise ValueError(
      f"servo_config.updates {config.updates} must divide the {n_substeps}"
      " time steps of a control step"
    )


def limit(
  targets: Array,
  joint_pos: Array,
  joint_vel: Array,
  gain: Array,
  damping: Array,
  stall_torque: float = STALL_TORQUE,
  no_load_speed: float = NO_LOAD_SPEED,
) -> Array:
  """The targets under which the servos ask for no more than they have.

  Args:
    targets: (..., n) [rad].
    joint_pos: (..., n) [rad].
    joint_vel: (..., n) [rad/s].
    gain: (n,) of the position servo [N·m/rad].
    damping: (n,) of the position servo [N·m·s/rad].
    stall_torque: [N·m].
    no_load_speed: [rad/s].

  Returns:
    (..., n) [rad]; the same where nothing is limited.
  """
  xp = targets.__array_namespace__()
  share = joint_vel / no_load_speed
  most = stall_torque * xp.clip(1.0 - share, 0.0, 1.0)
  least = -stall_torque * xp.clip(1.0 + share, 0.0, 1.0)
  damped = damping * joint_vel
  torque = gain * (targets - joint_pos) - damped
  limited = joint_pos + (xp.clip(torque, least, most) + damped) / gain
  return xp.where((torque > most) | (torque < least), limited, targets)
