"""Images among the observations: never normalised, sometimes shifted.

By Brax's convention an observation is an image when its key starts with
`pixels/`. Shifting them is the augmentation of arXiv:2004.13649.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jp

_PREFIX = "pixels/"
_REACH = 4  # pixels, in each direction


def without(observation: Any) -> Any:
  """What of an observation are no images."""
  if not isinstance(observation, Mapping):
    return observation
  return {
    name: value
    for name, value in observation.items()
    if not name.startswith(_PREFIX)
  }


def shifted(observation: Any, key: jax.Array) -> Any:
  """Images moved by up to four pixels, their edges repeated.

  Args:
    observation: by name, each (B, T, ...); images are (B, T, H, W, C).
    key: (2,) random.

  Returns:
    The same, each of B with a shift of its own that lasts over T.
  """
  if not isinstance(observation, Mapping):
    return observation
  images = {k: v for k, v in observation.items() if k.startswith(_PREFIX)}
  if not images:
    return observation

  def shift_all(views: dict[str, jax.Array], key: jax.Array) -> Any:
    moved = {}
    for name, view in views.items():
      key, key_shift = jax.random.split(key)
      moved[name] = _shift(view, key_shift)
    return moved

  batch = next(iter(images.values())).shape[0]
  keys = jax.random.split(key, batch)
  return {**observation, **jax.vmap(shift_all)(images, keys)}


def _shift(view: jax.Array, key: jax.Array) -> jax.Array:
  """One robot's images (T, H, W, C), all moved alike."""
  corner = jax.random.randint(key, (2,), 0, 2 * _REACH + 1)
  margin = (_REACH, _REACH)
  padded = jp.pad(view, ((0, 0), margin, margin, (0, 0)), mode="edge")
  start = (0, corner[0], corner[1], 0)
  return jax.lax.dynamic_slice(padded, start, view.shape)
