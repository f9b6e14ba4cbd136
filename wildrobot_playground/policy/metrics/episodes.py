"""Episodes of one commanded speed, as arrays: what every metric reads.

No MuJoCo is imported: a command line asks here before it chooses a renderer.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from wildrobot_playground.config import ranges
from wildrobot_playground.features.layout import FeatureLayout
from wildrobot_playground.system import backend

COMMANDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # m/s
NUM_EPISODES = 32
SECONDS = 10.0
SETTLING_TIME = 1.0  # s, left out of the means
LONGEST = 1e6  # s, of an episode: eleven days
FASTEST = 10.0  # m/s, of a command; this robot runs at one
COMMAND = ranges.Number(-FASTEST, FASTEST, "m/s")
_LARGEST = 1e6  # m, m/s, rad, rad/s or N·m; beyond it physics has diverged
# Of a robot and control step, measured: recorded, stacked, and judged.
_STEP_BYTES = 1500


@dataclasses.dataclass(frozen=True)
class Rollout:
  """Episodes of one commanded speed; arrays lead with (T, N).

  Attributes:
    dt: control step [s].
    command: commanded forward speed [m/s].
    alive: (T, N) whether that robot has not fallen up to then.
    position: (T, N, 2) pelvis [m], forward and left of the target heading,
      from the start.
    velocity: (T, N, 2) pelvis velocity [m/s] in the same frame.
    heading_error: (T, N) [rad].
    qpos: (T, N, 7 + J) poses, see `Addresses.pose`.
    features: (T, N, F) AMP features.
    layout: what the F features are.
    torque: (T, N, J) [N·m].
    joint_vel: (T, N, J) [rad/s].
    diverged: how many robots' numbers were not finite or grew without bounds;
      they count as fallen, and their arrays stay at the last good step.
  """

  dt: float
  command: float
  alive: np.ndarray
  position: np.ndarray
  velocity: np.ndarray
  heading_error: np.ndarray
  qpos: np.ndarray
  features: np.ndarray
  torque: np.ndarray
  joint_vel: np.ndarray
  layout: FeatureLayout
  diverged: int = 0


def grid(fastest: float) -> list[float]:
  """Six speeds [m/s] from standing to the fastest that is trained."""
  return [round(fastest * i / 5, 2) for i in range(6)]


def check_length(seconds: float, dt: float | None = None) -> None:
  """Checks an episode's length.

  Args:
    seconds: length [s].
    dt: control step [s]; None where it is not known yet.

  Raises:
    ValueError: for what is no length, and for episodes that end before the gait
      has settled, or with the step in which it has.
  """
  if not -LONGEST <= seconds <= LONGEST:
    raise ValueError(
      f"episodes of {seconds:g} s: expected at most {LONGEST:,.0f} s"
    )
  counted = seconds - SETTLING_TIME
  if dt is not None:
    counted = round(seconds / dt) - round(SETTLING_TIME / dt) - 1
  if counted <= 0:
    least = "" if dt is None else f" and two steps of {dt:g} s must"
    raise ValueError(
      f"episodes of {seconds:g} s are too short: the first"
      f" {SETTLING_TIME:g} s do not count{least}"
    )


def check_grid(
  commands: Sequence[float], num_episodes: int, num_steps: int
) -> None:
  """Checks what is to be rolled out.

  Args:
    commands: forward speeds [m/s].
    num_episodes: robots a command.
    num_steps: control steps.

  Raises:
    ValueError: for no robots, no steps, commands that no robot can follow, or
      more of them all than fits into memory.
  """
  if not len(commands):
    raise ValueError("there are no commands; give at least one speed in m/s")
  for command in commands:
    if not abs(command) <= FASTEST:
      raise ValueError(
        f"command {command:g} m/s is not within -{FASTEST:g}..{FASTEST:g}"
      )
  for name, count in (("episodes", num_episodes), ("steps", num_steps)):
    if count < 1:
      raise ValueError(f"{count} {name} a command, expected 1 or more")
  needed = len(commands) * num_episodes * num_steps * _STEP_BYTES
  free = backend.free_ram()
  if needed > (math.inf if free is None else free):
    raise ValueError(
      f"{len(commands)} commands x {num_episodes} episodes x {num_steps} steps"
      f" need about {needed / 1e9:.3g} GB, {(free or 0) / 1e9:.3g} GB are free;"
      " ask for fewer or shorter episodes"
    )


def split(
  records: dict[str, np.ndarray],
  dt: float,
  commands: list[float],
  num_episodes: int,
  layout: FeatureLayout,
) -> list[Rollout]:
  """One `Rollout` a command from records of all robots, command after command.

  A robot that diverges has fallen.

  Args:
    records: the arrays of `Rollout`, N over all commands.
    dt: control step [s].
    commands: forward speeds [m/s].
    num_episodes: robots a command.
    layout: of the features.
  """
  records, sound = _contained(records)
  rollouts = []
  for i, command in enumerate(commands):
    part = slice(i * num_episodes, (i + 1) * num_episodes)
    columns = {name: value[:, part] for name, value in records.items()}
    diverged = int((~sound[part]).sum())
    rollouts.append(
      Rollout(
        dt=dt, command=command, layout=layout, diverged=diverged, **columns
      )
    )
  return rollouts


def _contained(
  records: dict[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], np.ndarray]:
  """Records without numbers that are none, and (N,) which robots kept theirs.

  A robot that loses them stays where it was, or at zero.
  """
  sound = np.ones_like(records["alive"])
  for value in records.values():
    rows = value.reshape(*sound.shape, -1)
    sound &= (np.abs(rows) <= _LARGEST).all(axis=-1)
  sound = np.logical_and.accumulate(sound, axis=0)
  if sound.all():
    return records, sound[-1]
  last = sound.sum(axis=0) - 1
  steps = np.minimum(np.arange(len(sound))[:, None], np.maximum(last, 0))
  robots = np.arange(sound.shape[1])
  contained = {}
  for name, value in records.items():
    contained[name] = value[steps, robots]
    contained[name][:, last < 0] = 0
  contained["qpos"][:, last < 0, 3] = 1  # Upright.
  contained["alive"] = records["alive"] & sound
  return contained, sound[-1]
