"""Playground's environments, unmodified, on plain MuJoCo C.

MJX has an implementation `cpp` whose model and data keep the public fields and
nothing else, and which it cannot step. Here it learns to: `step`
and `forward` take the places of Playground's and MJX's own (see
`registration`), which go on with every other data, and `attach` says which
robot an environment's data is of.
"""

import contextvars
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jp
import mujoco
from mujoco import mjx

from wildrobot_playground.envs import batch_stepper, physics

MJX_IMPL = "cpp"  # MJX's own name for data that is kept in C.

# Of `mjx.Data`: what C is given, and leaves as it is.
_INPUTS = (
  "ctrl",
  "eq_active",
  "mocap_pos",
  "mocap_quat",
  "qfrc_applied",
  "userdata",
  "xfrc_applied",
)
# What C is given, and returns as of the end of the last step.
_STATE = (
  "act",
  "history",
  "plugin_state",
  "qacc_warmstart",
  "qpos",
  "qvel",
  "time",
)
# What only a call that nobody makes computes, in MJX as here.
_NEVER_COMPUTED = ("qfrc_inverse",)

_engine: contextvars.ContextVar["PlaygroundEngine"] = contextvars.ContextVar(
  "engine"
)


class PlaygroundEngine:
  """Steps the data of one environment in C, from inside jit, vmap and scan."""

  def __init__(self, mj_model: mujoco.MjModel, mjx_model: mjx.Model):
    """Compares later models with `mjx_model` to find what was randomised."""
    self._own = mjx_model
    data = mjx.make_data(mj_model, impl=MJX_IMPL)
    self._inputs = [
      name for name in (*_INPUTS, *_STATE) if getattr(data, name).size
    ]
    self._outputs = [
      name
      for name in data.__dataclass_fields__
      if name not in (*_INPUTS, *_NEVER_COMPUTED, "_impl")
      and getattr(data, name).size
    ]
    self._step = batch_stepper.BatchStepper(mj_model, self._outputs)

  def advance(
    self, model: mjx.Model, data: mjx.Data, n_substeps: int
  ) -> mjx.Data:
    """Data `n_substeps` later; with 0 its derived fields are made current.

    Args:
      model: the environment's own, or that with randomised fields.
      data: of MJX's `cpp`.
      n_substeps: MuJoCo steps.

    Raises:
      ValueError: for a randomised field that does not reach C.
    """
    shapes = {
      name: jax.ShapeDtypeStruct(
        getattr(data, name).shape, getattr(data, name).dtype
      )
      for name in self._outputs
    }

    def call(
      state: Mapping[str, Any], randomized: Mapping[str, Any]
    ) -> dict[str, Any]:
      leading = state["qpos"].ndim - data.qpos.ndim
      found = self._step(n_substeps, state, randomized)
      return {
        name: value.reshape(value.shape[:leading] + shapes[name].shape).astype(
          shapes[name].dtype, copy=False
        )
        for name, value in found.items()
      }

    found = jax.pure_callback(
      call,
      shapes,
      {name: getattr(data, name) for name in self._inputs},
      physics.randomized(self._own, model),
      vmap_method="broadcast_all",
    )
    # The address of data that MJX keeps for C is another in every process.
    nowhere = jax.tree.map(jp.zeros_like, data._impl)
    return data.replace(_impl=nowhere, **found)


def attach(env: Any) -> Any:
  """Makes an environment that was made with impl `cpp` step in C.

  Args:
    env: an `MjxEnv`; is changed: its `reset` and `step`, called or traced, find
      C, and say in one line what C cannot give; `impl` says "mujoco".

  Returns:
    The same environment.
  """
  engine = PlaygroundEngine(env.mj_model, env.mjx_model)
  env.impl = "mujoco"
  for name in ("reset", "step"):
    setattr(env, name, _within(engine, getattr(env, name)))
  return env


def step(
  otherwise: Callable[..., Any],
  model: mjx.Model,
  data: mjx.Data,
  action: jax.Array,
  n_substeps: int = 1,
) -> mjx.Data:
  """`mjx_env.step` for what C steps, `otherwise` for the rest."""
  if model.impl != mjx.Impl.CPP:
    return otherwise(model, data, action, n_substeps)
  return _current().advance(model, data.replace(ctrl=action), n_substeps)


def forward(
  otherwise: Callable[..., Any], model: mjx.Model, data: mjx.Data
) -> mjx.Data:
  """`mjx.forward` for what C steps, `otherwise` for the rest."""
  if model.impl != mjx.Impl.CPP:
    return otherwise(model, data)
  return _current().advance(model, data, 0)


def _current() -> PlaygroundEngine:
  """That of the environment whose `reset` or `step` is running.

  Raises:
    ValueError: outside of both.
  """
  try:
    return _engine.get()
  except LookupError:
    raise ValueError(
      "data of impl 'mujoco' is stepped by its environment's reset and step"
    ) from None


def _within(
  engine: PlaygroundEngine, method: Callable[..., Any]
) -> Callable[..., Any]:
  """A method during which data of `cpp` is that engine's."""

  @functools.wraps(method)
  def call(*args: Any, **kwargs: Any) -> Any:
    token = _engine.set(engine)
    try:
      return method(*args, **kwargs)
    except AttributeError as error:
      if not isinstance(error.obj, mjx.Data | mjx.DataCPP | mjx.ModelCPP):
        raise
      raise ValueError(
        f"impl 'mujoco' cannot run this environment: it reads '{error.name}',"
        " which plain MuJoCo C does not give; choose impl 'jax' or 'warp'"
      ) from error
    finally:
      _engine.reset(token)

  return call
