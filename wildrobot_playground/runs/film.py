"""Films of exported policies and of the reference, side by side."""

from collections.abc import Mapping, Sequence

import numpy as np

from wildrobot_playground import robots
from wildrobot_playground.policy import controller
from wildrobot_playground.policy.page import ghost
from wildrobot_playground.policy.sim import plant, sim_episodes, simulation
from wildrobot_playground.runs import video

_SETTLING = 3.0  # s before the film begins


def shots(
  policies: Mapping[str, controller.Policy],
  commands: Sequence[float],
  model: str | None = None,
  reference: bool = False,
) -> tuple[list[video.Shot], float]:
  """Every command's row: the reference if asked for, then each policy.

  Args:
    policies: exported, by the name that is written into their pictures; one
      alone is named by its speed.
    commands: forward speeds [m/s].
    model: an MJCF of the robot; ours when None.
    reference: whether the shipped clip nearest in speed walks beside them.

  Returns:
    The shots, row after row, and the control step [s].
  """
  several = len(policies) + reference > 1
  dt, columns = 0.0, []
  for name, policy in policies.items():
    contract = policy.controller.contract
    robot = plant.load(contract, model)
    sim = simulation.Simulation(robot, contract)
    steps = round((_SETTLING + video.SECONDS) / sim.dt)
    dt = sim.dt
    columns.append(
      [
        video.shot(
          rollout,
          robot.reference,
          name.replace("_", " ") if several else f"{rollout.command:g} m/s",
        )
        for rollout in sim_episodes.roll_out(policy, sim, commands, 1, steps)
      ]
    )
  if reference:
    walker = plant.robot_of(next(iter(policies.values())).controller.contract)
    columns.insert(0, [_of_reference(walker, v, dt) for v in commands])
  return [shot for row in zip(*columns, strict=True) for shot in row], dt


def _of_reference(robot: robots.Robot, speed: float, dt: float) -> video.Shot:
  """The shipped clip nearest in speed, as long as a policy's shot."""
  clip = ghost.nearest(ghost.shipped(robot.description), speed)
  pose = clip.at(np.arange(round(video.SECONDS / dt)) * dt)
  qpos = robot.qpos(pose.astype(np.float64))
  return video.Shot(qpos, robot.model, "reference")
