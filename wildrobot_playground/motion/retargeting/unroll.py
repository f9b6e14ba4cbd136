"""Cyclic recordings as open ones: the same cycle, again and again."""

import dataclasses

import numpy as np

from wildrobot_playground.motion import fourier, human
from wildrobot_playground.robots import rotations

_HIGHEST = 8.0  # Hz of the human's motion that are kept where a cycle closes


def unroll(motion: human.HumanMotion, count: int) -> human.HumanMotion:
  """A cyclic motion repeated, each cycle where the one before it ended.

  Recordings never close exactly: what is missing is spread over the cycle, and
  harmonics up to 8 Hz stand for it.

  Args:
    motion: one cycle.
    count: how many cycles.

  Returns:
    An open motion of `count` cycles, at the same rate.
  """
  frames = motion.num_frames - 1
  harmonics = max(2, round(_HIGHEST * frames / motion.fps))
  phase = np.arange(count * frames + 1) / frames

  def repeat(samples: np.ndarray, advance: np.ndarray | float) -> np.ndarray:
    gap = samples[-1] - samples[0] - advance
    share = np.linspace(0, 1, len(samples))[:, None]
    return fourier.fit(samples - share * gap, harmonics, advance)(phase)

  def repeat_mat(mat: np.ndarray) -> np.ndarray:
    flat = repeat(mat.reshape(len(mat), 9), 0.0)
    return rotations.orthonormal(flat.reshape(-1, 3, 3))

  return dataclasses.replace(
    motion,
    points={k: repeat(v, motion.advance) for k, v in motion.points.items()},
    pelvis_mat=repeat_mat(motion.pelvis_mat),
    chest_mat=repeat_mat(motion.chest_mat),
    cyclic=False,
    standing=motion.standing
    and {
      side: np.append(np.tile(flags[:-1], count), flags[-1])
      for side, flags in motion.standing.items()
    },
  )
