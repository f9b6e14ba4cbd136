"""Mean gait cycles of a policy beside those of the reference."""

import dataclasses

import numpy as np

from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy.metrics import measures
from wildrobot_playground.policy.metrics.episodes import Rollout


@dataclasses.dataclass(frozen=True)
class Comparison:
  """Joint angles [rad] over the phase, from one left touch-down to the next.

  Attributes:
    command: commanded forward speed [m/s].
    joints: names of the J joints.
    strides: how many the policy's mean is of.
    policy: (P, J) mean.
    spread: (P, J) standard deviation over the strides.
    reference: (P, J) one cycle of the clip.
    clip: its name.
    clip_speed: its forward speed [m/s].
    distance: between both, see `gait.dtw` [rad].
  """

  command: float
  joints: tuple[str, ...]
  strides: int
  policy: np.ndarray
  spread: np.ndarray
  reference: np.ndarray
  clip: str
  clip_speed: float
  distance: float


def compare(
  rollout: Rollout, reference: dataset_lib.ReferenceDataset
) -> Comparison | None:
  """Puts a policy beside the clip nearest in speed, and then in shape.

  Args:
    rollout: episodes of one command.
    reference: the clips.

  Returns:
    None when either has no gait cycle, like a robot that stands.
  """
  first = round(measures.SETTLING_TIME / rollout.dt)
  cycles = [
    cycle
    for robot in np.flatnonzero(rollout.alive[-1])
    for cycle in measures.gait_cycles(
      rollout.layout, rollout.features[first:, robot], rollout.dt
    )
  ]
  if not cycles:
    return None
  mean = np.mean(cycles, axis=0)
  gaps = np.abs(np.asarray(reference.clip_speeds) - rollout.command)
  best = None
  for index in np.flatnonzero(gaps <= gaps.min() + 1e-6):
    rows = reference.clip(int(index))
    # Twice, so that a clip of one cycle holds a whole one.
    twice = np.concatenate([rows, rows])
    for cycle in measures.gait_cycles(reference.layout, twice, reference.dt)[
      :1
    ]:
      distance = measures.dtw(mean, cycle)
      if best is None or distance < best[0]:
        best = distance, int(index), cycle
  if best is None:
    return None
  distance, index, cycle = best
  return Comparison(
    command=rollout.command,
    joints=rollout.layout.joints,
    strides=len(cycles),
    policy=mean,
    spread=np.std(cycles, axis=0),
    reference=cycle,
    clip=reference.clip_names[index],
    clip_speed=float(reference.clip_speeds[index]),
    distance=distance,
  )
