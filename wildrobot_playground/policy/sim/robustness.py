"""How a policy takes a robot and a world that are not those of its training."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from wildrobot_playground.policy.controller import Policy
from wildrobot_playground.policy.metrics import episodes, measures
from wildrobot_playground.policy.sim import plant, sim_episodes, simulation
from wildrobot_playground.policy.sim.conditions import Conditions

COMMANDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # m/s
NUM_EPISODES = 32
SECONDS = 20.0

_BACKLASH = np.deg2rad(0.5)
_PUSH = 0.3  # m/s

ROWS: dict[str, Conditions] = {
  "nominal": Conditions(),
  "sensor noise": Conditions(noise=1.0),
  "action delay 20 ms": Conditions(action_delay=1),
  "backlash 0.5 deg": Conditions(backlash=_BACKLASH),
  "velocity by difference": Conditions(measured_joint_vel=False),
  "friction 0.4": Conditions(friction=0.4),
  "friction 0.7": Conditions(friction=0.7),
  "friction 1.2": Conditions(friction=1.2),
  "mass -10 %": Conditions(mass=0.9),
  "mass +10 %": Conditions(mass=1.1),
  "servo gain -20 %": Conditions(gain=0.8),
  "servo gain +20 %": Conditions(gain=1.2),
  "torque-speed limit": Conditions(torque_speed_limit=True),
  "push 0.3 m/s": Conditions(push=_PUSH),
  "noise, backlash, push": Conditions(
    noise=1.0, backlash=_BACKLASH, push=_PUSH
  ),
}


@dataclasses.dataclass(frozen=True)
class Row:
  """How one set of conditions went, over all commands.

  Attributes:
    name: of the conditions.
    episodes: how many there were.
    falls: how many of them ended in a fall.
    velocity_error: mean over the commands [m/s].
    worst_velocity_error: the largest of a command [m/s].
    yaw_drift: mean over the commands, at the end [rad].
    falls_by_command: of every command.
    diverged: how many robots' physics diverged; they are among the falls.
  """

  name: str
  episodes: int
  falls: int
  velocity_error: float
  worst_velocity_error: float
  yaw_drift: float
  falls_by_command: tuple[int, ...]
  diverged: int = 0


def run(
  policy: Policy,
  model: str | None = None,
  commands: Sequence[float] = COMMANDS,
  num_episodes: int = NUM_EPISODES,
  seconds: float = SECONDS,
  seed: int = 0,
) -> Iterator[Row]:
  """The rows of the suite, one after another.

  Args:
    policy: with its contract.
    model: an MJCF of the robot; ours when None.
    commands: forward speeds [m/s].
    num_episodes: episodes a command and row.
    seconds: length of an episode.
    seed: of first poses, noise and pushes.

  Raises:
    ValueError: for a grid that cannot be rolled out, before the first row.
  """
  rate = policy.controller.contract["control_rate"]
  episodes.check_length(seconds, 1 / rate)
  steps = round(seconds * rate)
  episodes.check_grid(commands, num_episodes, steps)
  return _rows(policy, model, commands, num_episodes, seconds, seed)


def _rows(
  policy: Policy,
  model: str | None,
  commands: Sequence[float],
  num_episodes: int,
  seconds: float,
  seed: int,
) -> Iterator[Row]:
  contract = policy.controller.contract
  for name, conditions in ROWS.items():
    robot = plant.load(contract, model, backlash=conditions.backlash)
    sim = simulation.Simulation(robot, contract, conditions, seed)
    rollouts = sim_episodes.roll_out(
      policy, sim, commands, num_episodes, round(seconds / sim.dt)
    )
    yield _row(name, [measures.tracking(rollout) for rollout in rollouts])


def _row(name: str, tracked: Sequence[dict[str, float]]) -> Row:
  errors = [t["velocity_error"] for t in tracked]
  falls = tuple(int(t["falls"]) for t in tracked)
  return Row(
    name=name,
    episodes=int(sum(t["episodes"] for t in tracked)),
    falls=sum(falls),
    velocity_error=float(np.mean(errors)),
    worst_velocity_error=float(np.max(errors)),
    yaw_drift=float(np.mean([t["yaw_drift"] for t in tracked])),
    falls_by_command=falls,
    diverged=sum(int(t["diverged"]) for t in tracked),
  )


def heading(commands: Sequence[float]) -> str:
  """The two lines above the table."""
  speeds = " ".join(f"{command:4.1f}" for command in commands)
  return (
    f"\n{'':24s}   falls  velocity error     yaw  falls at\n"
    f"{'':24s}     [%]  mean      worst   [rad]  {speeds} m/s"
  )


def line(row: Row) -> str:
  """One row of the table."""
  falls = " ".join(f"{count:4d}" for count in row.falls_by_command)
  return (
    f"{row.name:24s}  {100 * row.falls / row.episodes:6.1f}"
    f"  {row.velocity_error:.3f}     {row.worst_velocity_error:.3f}"
    f"   {row.yaw_drift:.3f}  {falls}"
    f"{f'  ({row.diverged} diverged)' if row.diverged else ''}"
  )
