"""What is unlike the robot and the world of the training."""

import dataclasses

from wildrobot_playground.policy.sim.plant import Plant


@dataclasses.dataclass(frozen=True)
class Conditions:
  """Conditions to simulate under; by default those of the training.

  Attributes:
    noise: sensor noise in multiples of the training's.
    action_delay: control steps before a servo hears of its target.
    backlash: play of the gears, plus and minus [rad].
    friction: of the ground; None leaves the model's.
    mass: factor on every mass and inertia.
    gain: factor on the servos' stiffness.
    push: change of speed [m/s] in a random direction, every 3 s.
    measured_joint_vel: whether the servos report velocities.
    torque_speed_limit: whether a servo that turns has less torque.
  """

  noise: float = 0.0
  action_delay: int = 0
  backlash: float = 0.0
  friction: float | None = None
  mass: float = 1.0
  gain: float = 1.0
  push: float = 0.0
  measured_joint_vel: bool = True
  torque_speed_limit: bool = False


def alter(robot: Plant, conditions: Conditions) -> None:
  """Writes friction, masses and servo gains into a robot's model."""
  model = robot.model
  if conditions.friction is not None:
    model.geom_friction[robot.floor, 0] = conditions.friction
  model.body_mass *= conditions.mass
  model.body_inertia *= conditions.mass
  model.actuator_gainprm[robot.servos, 0] *= conditions.gain
  model.actuator_biasprm[robot.servos, 1] *= conditions.gain
