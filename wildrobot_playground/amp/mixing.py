"""How the task's reward and the style reward become one."""

from collections.abc import Callable

import jax

MixFn = Callable[[jax.Array, jax.Array, jax.Array, float, float], jax.Array]


def share(
  task: jax.Array,
  style: jax.Array,
  gate: jax.Array,
  weight: float,
  style_scale: float,
) -> jax.Array:
  """(1 - w)·task + w·scale·style: `weight` is the style's share.

  Args:
    task: (...) task reward of a step.
    style: (...) style reward, 0 to about 1.
    gate: (...) 1 where style counts, 0 where the task stands alone.
    weight: share of the style, 0 to 1.
    style_scale: what a perfect style pays a step; the most that the task can
      pay, so that the share is the same for any set of task scales.
  """
  gated = weight * gate
  return (1 - gated) * task + gated * style_scale * style


def add(
  task: jax.Array,
  style: jax.Array,
  gate: jax.Array,
  weight: float,
  style_scale: float,
) -> jax.Array:
  """Task + w·style, as in the original; arguments as in `share`."""
  del style_scale
  return task + weight * gate * style


def lerp(
  task: jax.Array,
  style: jax.Array,
  gate: jax.Array,
  weight: float,
  style_scale: float,
) -> jax.Array:
  """(1 - w)·task + w·style (arXiv:2203.15103); arguments as in `share`."""
  del style_scale
  return share(task, style, gate, weight, style_scale=1.0)


MIXINGS: dict[str, MixFn] = {"share": share, "sum": add, "lerp": lerp}
