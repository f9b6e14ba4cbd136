"""How the task's reward and the style reward become one."""

import dataclasses
from collections.abc import Callable

import jax

MixFn = Callable[[jax.Array, jax.Array, jax.Array, float, float], jax.Array]


def lerp(
  task: jax.Array,
  style: jax.Array,
  gate: jax.Array,
  weight: float,
  style_scale: float,
) -> jax.Array:
  """(1 - w)·task + w·scale·style (arXiv:2203.15103).

  Args:
    task: (...) task reward of a step.
    style: (...) style reward, 0 to about 1.
    gate: (...) 0..1, how much style counts; at 0 the task stands alone.
    weight: of the style.
    style_scale: what a perfect style pays a step.
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
  """Task + w·scale·style; arguments as in `lerp`."""
  return task + weight * gate * style_scale * style


@dataclasses.dataclass(frozen=True)
class Mixing:
  """A way of mixing, with what a perfect style pays in it.

  Attributes:
    mix: joins the two rewards of a step.
    style_per_second: of a perfect style; None for the most that the task can
      pay, so that the weight is the share of style for any set of task scales.
  """

  mix: MixFn
  style_per_second: float | None


MIXINGS = {
  "share": Mixing(lerp, None),
  "sum": Mixing(add, 1.0),
  "lerp": Mixing(lerp, 1.0),
}
