"""A ring buffer of past policy features, so that the critic does not forget."""

import jax
import jax.numpy as jp
from flax import struct


@struct.dataclass
class ReplayBuffer:
  """Past policy windows.

  Attributes:
    data: (capacity, F) windows; rows from `count` on are not filled yet.
    position: () where the next row goes.
    count: () rows filled.
  """

  data: jax.Array
  position: jax.Array
  count: jax.Array


def create(capacity: int, num_features: int) -> ReplayBuffer:
  """An empty buffer."""
  return ReplayBuffer(
    data=jp.zeros((capacity, num_features)),
    # Two arrays: a training step could not donate one of them twice.
    position=jp.zeros((), jp.int32),
    count=jp.zeros((), jp.int32),
  )


def insert(buffer: ReplayBuffer, rows: jax.Array) -> ReplayBuffer:
  """Writes rows (N, F) over the oldest ones; N is at most the capacity."""
  capacity, size = buffer.data.shape[0], rows.shape[0]
  index = (buffer.position + jp.arange(size)) % capacity
  return ReplayBuffer(
    data=buffer.data.at[index].set(rows),
    position=(buffer.position + size) % capacity,
    count=jp.minimum(buffer.count + size, capacity),
  )


def mix(buffer: ReplayBuffer, fresh: jax.Array, rng: jax.Array) -> jax.Array:
  """Replaces every second of the `fresh` rows (N, F) by a remembered one.

  An empty buffer leaves `fresh` as it is.
  """
  index = jax.random.randint(
    rng, (fresh.shape[0],), 0, jp.maximum(buffer.count, 1)
  )
  use = (jp.arange(fresh.shape[0]) % 2 == 0) & (buffer.count > 0)
  return jp.where(use[:, None], buffer.data[index], fresh)
