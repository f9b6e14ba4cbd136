"""Starting episodes from reference poses: a bank of states, computed once."""

import itertools
import pathlib
from typing import Any

import jax
import jax.numpy as jp
import mujoco
import numpy as np
from flax import struct

from wildrobot_playground import robots


@struct.dataclass
class Bank:
  """Reference states to start from.

  Attributes:
    pose: (N, 7 + J) at the origin, heading along x, see `Addresses.pose`.
    velocity: (N, 6 + J) root velocity in MuJoCo's frames, joints' [rad/s].
    command: (N, 1) forward speed [m/s] of the clip that a state is of.
  """

  pose: jax.Array
  velocity: jax.Array
  command: jax.Array


def load(folder: str, robot: robots.RobotDescription) -> Bank:
  """The states of every clip in `folder` (a robot's shipped ones when empty).

  Raises:
    ValueError: when the folder holds no clip, or a clip is unusable.
  """
  from wildrobot_playground.motion import clip as clip_lib

  path = pathlib.Path(folder) if folder else robot.clips
  files = sorted(path.glob("*.npz"))
  if not files:
    raise ValueError(
      f"no reference clip (*.npz) in {path}; make some with `python -m"
      f" wildrobot_playground.motion default`, or start elsewhere:"
      " reset_config.reference_probability=0"
    )
  states = [_states(clip_lib.load(file, robot)) for file in files]
  arrays = (np.concatenate(parts) for parts in zip(*states, strict=True))
  return Bank(*(jp.asarray(array, jp.float32) for array in arrays))


def _states(clip: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """The fields of a `Bank` for one clip; velocities are forward differences."""
  qpos = np.hstack([clip.root_pos, clip.root_quat, clip.joint_pos])
  velocities = []
  for now, then in itertools.pairwise(qpos):
    angvel = np.zeros(3)
    mujoco.mju_subQuat(angvel, then[3:7], now[3:7])
    velocities.append(
      np.hstack([then[:3] - now[:3], angvel, then[7:] - now[7:]])
    )
  qpos = qpos[:-1].copy()
  qpos[:, :2] = 0.0
  command = np.full((len(qpos), 1), clip.command[0])
  return qpos, np.array(velocities) * clip.fps, command


def choose(
  bank: Bank, rng: jax.Array, probability: float, otherwise: Bank
) -> Bank:
  """One state: of the bank with `probability`, else `otherwise`.

  Args:
    bank: N states.
    rng: of the draw.
    probability: of a state of the bank.
    otherwise: a single state, without the leading N.
  """
  key_use, key_index = jax.random.split(rng)
  use = jax.random.bernoulli(key_use, probability)
  index = jax.random.randint(key_index, (), 0, bank.pose.shape[0])
  return jax.tree.map(
    lambda states, other: jp.where(use, states[index], other), bank, otherwise
  )


def turn(
  qpos: jax.Array, qvel: jax.Array, yaw: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Turns a state by `yaw` [rad] about the vertical axis through the origin."""
  cos, sin = jp.cos(yaw), jp.sin(yaw)
  half_cos, half_sin = jp.cos(yaw / 2), jp.sin(yaw / 2)
  w, x, y, z = qpos[3:7]
  quat = jp.array(
    [
      half_cos * w - half_sin * z,
      half_cos * x - half_sin * y,
      half_cos * y + half_sin * x,
      half_cos * z + half_sin * w,
    ]
  )

  def rotate(vector: Any) -> jax.Array:
    return jp.array(
      [cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]]
    )

  # The root's angular velocity is in its own frame and stays.
  qpos = qpos.at[:2].set(rotate(qpos[:2])).at[3:7].set(quat)
  return qpos, qvel.at[:2].set(rotate(qvel[:2]))
