"""How well a single feature tells reference from policy: leaks have a name.

A leak is a bug of the data, not of the tuning: when one feature alone gives the
policy away, the discriminator need not look at the motion, and its style reward
teaches nothing.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

Array = Any  # A numpy or a jax array.

LEAK = 0.95  # AUC from which a feature counts as a leak, to either side.


@dataclasses.dataclass(frozen=True)
class Leak:
  """A feature that alone tells reference from policy.

  Attributes:
    name: of the feature.
    auc: probability that a reference value is the larger one; near 0 or 1.
  """

  name: str
  auc: float

  def __str__(self) -> str:
    side = "above" if self.auc > 0.5 else "below"
    share = max(self.auc, 1 - self.auc)
    return f"{self.name} (reference {side} policy in {share:.1%} of pairs)"


def auc(reference: Array, policy: Array) -> Array:
  """Area under the ROC curve of every single feature, by ranks.

  It is the probability that a reference value is larger than a policy value,
  ties counting half (Mann-Whitney U over the number of pairs). Monotone
  rescaling of a feature does not change it.

  Args:
    reference: (N, F) equally likely values; quantiles do.
    policy: (M, F) equally likely values.

  Returns:
    (F,) in 0..1; 0.5 when a feature tells nothing.
  """
  xp = policy.__array_namespace__()
  columns = []
  for i in range(policy.shape[1]):
    ordered = xp.sort(policy[:, i])
    # Policy values below, and below or equal, counted for every reference one.
    below = xp.searchsorted(ordered, reference[:, i], side="left")
    up_to = xp.searchsorted(ordered, reference[:, i], side="right")
    columns.append(xp.mean(below + up_to) / (2 * policy.shape[0]))
  return xp.stack(columns)


def leaks(
  values: Array,
  names: Sequence[str],
  threshold: float = LEAK,
) -> list[Leak]:
  """The features that give the policy away, the most telling one first.

  Args:
    values: (F,) of `auc`.
    names: of the F features.
    threshold: AUC from which a feature counts, to either side.

  Raises:
    ValueError: when there is not one name a feature.
  """
  if len(values) != len(names):
    raise ValueError(f"{len(values)} features, but {len(names)} names")
  found = [
    Leak(name, float(value))
    for name, value in zip(names, values, strict=True)
    if max(value, 1 - value) >= threshold
  ]
  return sorted(found, key=lambda leak: -abs(leak.auc - 0.5))
