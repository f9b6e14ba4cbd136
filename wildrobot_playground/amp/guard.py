"""Bad numbers cost a robot its episode or the learner one update, no more.

`GuardWrapper` starts a robot anew when its step yields a NaN or an infinity,
so that observations, rewards and features are finite for everyone else.
`apply_if_finite` leaves out an optimiser step whose result is not. `Watch`
tells of both, and ends a run that does little else.
"""

import collections
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jp
import optax
from brax.envs.base import Env, State, Wrapper

NONFINITE_KEY = "nonfinite"
INCIDENTS = {
  "robots": "{count} robots started anew: {name} was not finite",
  "updates": "{count} policy updates left out: {name} would not be finite",
  "disc_updates": "{count} discriminator updates left out: {name} would not be"
  " finite",
}
# Where Playground's and Brax's auto-reset keep what they start anew from:
# field of the state, its first value and the first observation in `info`.
_FIRST = (
  ("data", "AutoResetWrapper_first_data", "AutoResetWrapper_first_obs"),
  ("pipeline_state", "first_pipeline_state", "first_obs"),
)

PATIENCE = 25  # Iterations in a row that mostly fail, until a run is ended.

T = TypeVar("T")


class TrainingFailedError(RuntimeError):
  """A run that goes on failing; one line says how."""


class GuardWrapper(Wrapper):
  """Ends the episode of a robot whose step is not finite, with no reward.

  Goes around the fully wrapped (batched, auto-resetting) environment.
  `info["nonfinite"]` (B,) is 0, or the place in `names` plus 1 of the first
  offender of that step.

  Attributes:
    names: of what is watched: reward, observations, features and metrics.
  """

  def __init__(self, env: Env, rng: jax.Array):
    """Wraps `env`; `rng` (B, 2) serves to learn what it has to watch."""
    super().__init__(env)
    watched = _watched(jax.eval_shape(env.reset, rng))
    self.names = tuple(watched)

  def reset(self, rng: jax.Array) -> State:
    """Nothing has gone wrong yet."""
    state = self.env.reset(rng)
    state.info[NONFINITE_KEY] = jp.zeros(state.done.shape, jp.int32)
    return state

  def step(self, state: State, action: jax.Array) -> State:
    """One step, with what is not finite taken out."""
    info = dict(state.info)
    info.pop(NONFINITE_KEY)
    before = state.replace(info=info)  # pyright: ignore
    # The wrappers below write into the dictionaries that they are given.
    after = self.env.step(before.replace(info=dict(info)), action)
    # Fused with what follows, a step would round otherwise than in Brax.
    after = jax.lax.optimization_barrier(after)
    watched = _watched(after)
    bad = jp.stack([~_finite(x) for x in watched.values()])
    first = jp.where(bad.any(axis=0), jp.argmax(bad, axis=0) + 1, 0)
    after = _start_anew(before, after, first > 0)
    after.info[NONFINITE_KEY] = first.astype(jp.int32)
    return after

  def __getattr__(self, name: str) -> Any:
    """Everything else is the wrapped environment's."""
    if name == "__setstate__":
      raise AttributeError(name)
    return getattr(self.env, name)


def _watched(state: State) -> dict[str, Any]:
  """What must be finite, by name, the likeliest origin first."""
  named = {"observation": state.obs}
  if isinstance(state.obs, dict):
    named = {f"observation {name}": x for name, x in state.obs.items()}
  if "amp_features" in state.info:
    named["AMP features"] = state.info["amp_features"]
  named |= {f"metric {name}": x for name, x in state.metrics.items()}
  return named | {"reward": state.reward}


def _finite(x: jax.Array) -> jax.Array:
  """(B,) whether all of a robot's numbers (B, ...) are finite."""
  return jp.isfinite(x).all(axis=tuple(range(1, x.ndim)))


def _start_anew(before: State, after: State, bad: jax.Array) -> State:
  """`after` with an ended episode and finite numbers for `bad` (B,) robots."""

  def choose(replacement: jax.Array, x: jax.Array) -> jax.Array:
    if x.shape[:1] != bad.shape:
      return x  # The same for all robots.
    return jp.where(
      bad.reshape(bad.shape + (1,) * (x.ndim - 1)), replacement, x
    )

  def mend(previous: jax.Array, x: jax.Array) -> jax.Array:
    """The last finite value; zero where there never was one."""
    if not jp.issubdtype(x.dtype, jp.floating):
      return x
    previous = jp.where(jp.isfinite(previous), previous, 0.0)
    return choose(jp.where(jp.isfinite(x), x, previous), x)

  changes: dict[str, Any] = {
    "obs": jax.tree.map(mend, before.obs, after.obs),
    "metrics": jax.tree.map(mend, before.metrics, after.metrics),
    "reward": choose(jp.zeros_like(after.reward), after.reward),
    "done": choose(jp.ones_like(after.done), after.done),
    "info": jax.tree.map(mend, before.info, after.info),
  }
  for field, first, first_obs in _FIRST:
    if first in after.info:
      changes[field] = jax.tree.map(
        choose, after.info[first], getattr(after, field)
      )
      changes["obs"] = jax.tree.map(choose, after.info[first_obs], after.obs)
  if "episode_done" in after.info:
    changes["info"]["episode_done"] = changes["done"]
  return after.replace(**changes)  # pyright: ignore


def apply_if_finite(
  optimizer: optax.GradientTransformation,
  grads: Any,
  state: T,
  params: Any,
) -> tuple[Any, T, jax.Array]:
  """One optimiser step, or none when its result is not finite.

  Returns:
    Parameters and optimiser state after the step, and () 0, or the place of the
    first offender in `update_names` plus 1 when the step was left out.
  """
  updates, new_state = optimizer.update(grads, state, params)  # pyright: ignore
  new_params = optax.apply_updates(params, updates)
  # The gradients themselves are not looked at: a second use of them makes XLA
  # round their norm otherwise than in Brax. A gradient may overflow the
  # optimiser's moments alone.
  watched = _floats(new_params, new_state)
  bad = jp.stack([~jp.isfinite(x).all() for x in watched.values()])
  first = jp.where(bad.any(), jp.argmax(bad) + 1, 0)

  def keep(old: jax.Array, new: jax.Array) -> jax.Array:
    return jp.where(first > 0, old, new)

  params, state = jax.tree.map(keep, (params, state), (new_params, new_state))
  return params, state, first


def count(first: jax.Array, kind: str, axis_name: str) -> dict[str, jax.Array]:
  """Metrics of what went wrong in an iteration, over all devices.

  Args:
    first: any shape of places plus 1, 0 where nothing went wrong.
    kind: a key of `INCIDENTS`.
    axis_name: device axis over which they are summed.
  """
  return {
    f"guard/{kind}": jax.lax.psum(jp.sum(first > 0), axis_name),
    f"guard/{kind}_name": jax.lax.pmax(jp.max(first), axis_name),
  }


class Watch:
  """Reads the guards' metrics of every iteration, on the host."""

  def __init__(
    self,
    names: Mapping[str, tuple[str, ...]],
    totals: Mapping[str, int],
  ):
    """Nothing has happened yet.

    Args:
      names: what each kind of `INCIDENTS` may be about, in its order.
      totals: how many robots there are, and updates in an iteration; a robot
        that fails twice in an iteration counts twice.
    """
    self._names = names
    self._totals = totals
    self._counts: collections.Counter[str] = collections.Counter()
    self._failing: collections.Counter[str] = collections.Counter()

  def counts(self) -> dict[str, int]:
    """How often each kind happened since the start of the run."""
    return dict(self._counts)

  def restore(self, counts: Mapping[str, int]) -> None:
    """Counts on from those of the run that goes on."""
    self._counts.update(counts)

  def __call__(
    self, metrics: dict[str, float], tell: Callable[[str], None]
  ) -> dict[str, float]:
    """The metrics, with the guards' counted from the start of the run.

    Args:
      metrics: of an iteration.
      tell: called with a sentence when something happened in it.

    Raises:
      TrainingFailedError: when half of a kind has failed for `PATIENCE`
        iterations in a row.
    """
    metrics = dict(metrics)
    for kind, sentence in INCIDENTS.items():
      if f"guard/{kind}" not in metrics:
        continue
      count = int(metrics[f"guard/{kind}"])
      place = int(metrics.pop(f"guard/{kind}_name"))
      self._counts[kind] += count
      metrics[f"guard/{kind}"] = float(self._counts[kind])
      mostly = count >= self._totals[kind] / 2
      self._failing[kind] = self._failing[kind] + 1 if mostly else 0
      if count:
        name = self._names[kind][place - 1]
        text = sentence.format(count=count, name=name)
        tell(text)
        if self._failing[kind] >= PATIENCE:
          raise TrainingFailedError(
            f"{PATIENCE} iterations in a row mostly failed; in the last one"
            f" {text}"
          )
    return metrics


def update_names(params: Any, state: optax.OptState) -> tuple[str, ...]:
  """What `apply_if_finite` watches: `policy/params/hidden_0/kernel`, ...

  Args:
    params: parameters.
    state: of their optimiser.
  """
  return tuple(_floats(params, state))


def _floats(params: Any, state: optax.OptState) -> dict[str, jax.Array]:
  """The arrays that may stop being finite, by name; parameters first."""
  leaves = jax.tree_util.tree_leaves_with_path
  named = {_name(path): x for path, x in leaves(params)}
  named |= {f"optimiser/{_name(path)}": x for path, x in leaves(state)}
  return {
    name: x for name, x in named.items() if jp.issubdtype(x.dtype, jp.floating)
  }


def _name(path: Any) -> str:
  return jax.tree_util.keystr(path, simple=True, separator="/")
