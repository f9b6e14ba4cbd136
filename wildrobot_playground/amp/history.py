"""Windows of the last few feature vectors, kept outside the auto-reset."""

from typing import Any

import jax
import jax.numpy as jp
from brax.envs.base import Env, State, Wrapper

WINDOW_KEY = "amp_window"


class HistoryWrapper(Wrapper):
  """Keeps the last `history` feature vectors in `info["amp_window"]`.

  Goes around the fully wrapped (batched, auto-resetting) environment. The first
  step of an episode fills its window with itself, so no window mixes episodes.
  """

  def __init__(self, env: Env, history: int):
    """Wraps `env`, which must put `amp_features` (B, F) into its info."""
    super().__init__(env)
    self._history = history

  def reset(self, rng: jax.Array) -> State:
    """Windows (B, history * F) of the first features, repeated."""
    state = self.env.reset(rng)
    state.info[WINDOW_KEY] = self._repeat(state.info["amp_features"])
    return state

  def step(self, state: State, action: jax.Array) -> State:
    """Drops the oldest features and appends the newest."""
    info, was_done = dict(state.info), state.done
    # A wrapper that resets `info` as a whole must find what its reset made.
    window = info.pop(WINDOW_KEY)
    state = self.env.step(state.replace(info=info), action)
    newest = state.info["amp_features"]
    shifted = jp.concatenate([window[:, newest.shape[-1] :], newest], axis=-1)
    state.info[WINDOW_KEY] = jp.where(
      was_done[:, None] > 0, self._repeat(newest), shifted
    )
    return state

  def _repeat(self, features: jax.Array) -> jax.Array:
    return jp.tile(features, (1, self._history))

  def __getattr__(self, name: str) -> Any:
    """Everything else is the wrapped environment's."""
    if name == "__setstate__":
      raise AttributeError(name)
    return getattr(self.env, name)
