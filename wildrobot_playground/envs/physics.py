"""One control step of physics: plain MuJoCo C, MJX jax or MJX warp.

An engine offers `init` and `step`; both take the (perhaps randomised) model and
return data with `qpos`, `qvel`, `ctrl` and `sensordata`. Nothing else of an
engine's data is read by the environment, so that training, evaluation and the
exported policy share its code. Sensors are those of the last substep's start in
every engine.
"""

import functools
from typing import Any, Protocol

import jax
import jax.numpy as jp
import mujoco
import mujoco_playground
from flax import struct
from mujoco import mjx

from wildrobot_playground.envs import batch_stepper
from wildrobot_playground.system import backend

IMPLS = ("auto", "mujoco", "jax", "warp")


@struct.dataclass
class MujocoData:
  """What the C engine keeps of a robot: the fields Playground's tools use.

  Attributes:
    time: () simulation time [s].
    qpos: (nq,) generalised position.
    qvel: (nv,) generalised velocity.
    ctrl: (nu,) servo targets [rad].
    sensordata: (nsensordata,) readings at the start of the last substep.
    xfrc_applied: (nbody, 6) zeros; rendering reads it.
    mocap_pos: (nmocap, 3) rendering reads it.
    mocap_quat: (nmocap, 4) rendering reads it.
  """

  time: jax.Array
  qpos: jax.Array
  qvel: jax.Array
  ctrl: jax.Array
  sensordata: jax.Array
  xfrc_applied: jax.Array
  mocap_pos: jax.Array
  mocap_quat: jax.Array


class Engine(Protocol):
  """Advances a robot by one control step."""

  def init(
    self, model: mjx.Model, qpos: jax.Array, qvel: jax.Array, ctrl: jax.Array
  ) -> Any:
    """Data at a given state, with its sensors computed."""
    ...

  def step(
    self,
    model: mjx.Model,
    data: Any,
    ctrl: jax.Array,
    n_substeps: int | None = None,
  ) -> Any:
    """Data a control step, or `n_substeps`, later; `ctrl` (nu,) is held."""
    ...


def resolve_impl(impl: str) -> str:
  """The engine behind `impl`; `auto` is the backend's, see `backend`.

  Raises:
    ValueError: for an unknown engine, listing the known ones.
  """
  if impl not in IMPLS:
    raise ValueError(
      f"impl '{impl}' is unknown; choose one of {', '.join(IMPLS)}"
    )
  return backend.choices().impl if impl == "auto" else impl


def make_engine(
  impl: str,
  mj_model: mujoco.MjModel,
  mjx_model: mjx.Model,
  n_substeps: int,
  naconmax: int,
  njmax: int,
) -> Engine:
  """The engine for a resolved `impl` (see `resolve_impl`)."""
  if impl == "mujoco":
    return MujocoEngine(mj_model, mjx_model, n_substeps)
  return MjxEngine(mj_model, n_substeps, naconmax, njmax)


class MjxEngine:
  """MJX, jax or warp by the model's own `impl`."""

  def __init__(
    self,
    mj_model: mujoco.MjModel,
    n_substeps: int,
    naconmax: int,
    njmax: int,
  ):
    """Keeps what MJX's data needs: contact and constraint buffer sizes."""
    self._mj_model = mj_model
    self._n_substeps = n_substeps
    self._naconmax = naconmax
    self._njmax = njmax

  def init(
    self, model: mjx.Model, qpos: jax.Array, qvel: jax.Array, ctrl: jax.Array
  ) -> mjx.Data:
    """See `Engine.init`."""
    data = mjx.make_data(
      self._mj_model,
      impl=model.impl.value,
      naconmax=self._naconmax,
      njmax=self._njmax,
    )
    return mjx.forward(model, data.replace(qpos=qpos, qvel=qvel, ctrl=ctrl))

  def step(
    self,
    model: mjx.Model,
    data: mjx.Data,
    ctrl: jax.Array,
    n_substeps: int | None = None,
  ) -> mjx.Data:
    """See `Engine.step`."""
    count = n_substeps or self._n_substeps
    return mujoco_playground.step(model, data, ctrl, count)


class MujocoEngine:
  """Plain MuJoCo C on all cores, called from inside jit, vmap and scan."""

  def __init__(
    self,
    mj_model: mujoco.MjModel,
    mjx_model: mjx.Model,
    n_substeps: int,
  ):
    """Compares later models with `mjx_model` to find what was randomised."""
    self._mj_model = mj_model
    self._mjx_model = mjx_model
    self._n_substeps = n_substeps
    self._batch = batch_stepper.BatchStepper(mj_model)

  def init(
    self, model: mjx.Model, qpos: jax.Array, qvel: jax.Array, ctrl: jax.Array
  ) -> MujocoData:
    """See `Engine.init`."""
    m = self._mj_model
    found = self._call(model, qpos, qvel, ctrl, n_substeps=0)
    return MujocoData(
      time=jp.zeros(()),
      qpos=qpos,
      qvel=qvel,
      ctrl=ctrl,
      sensordata=found["sensordata"],
      xfrc_applied=jp.zeros((m.nbody, 6)),
      mocap_pos=jp.zeros((m.nmocap, 3)),
      mocap_quat=jp.zeros((m.nmocap, 4)),
    )

  def step(
    self,
    model: mjx.Model,
    data: MujocoData,
    ctrl: jax.Array,
    n_substeps: int | None = None,
  ) -> MujocoData:
    """See `Engine.step`."""
    count = n_substeps or self._n_substeps
    found = self._call(model, data.qpos, data.qvel, ctrl, n_substeps=count)
    dt = count * self._mj_model.opt.timestep
    return data.replace(time=data.time + dt, ctrl=ctrl, **found)

  def _call(
    self,
    model: mjx.Model,
    qpos: jax.Array,
    qvel: jax.Array,
    ctrl: jax.Array,
    n_substeps: int,
  ) -> dict[str, jax.Array]:
    """Calls C for one robot (or, under vmap, for all of them at once)."""
    m = self._mj_model
    shapes = {
      name: jax.ShapeDtypeStruct((size,), jp.float32)
      for name, size in (
        ("qpos", m.nq),
        ("qvel", m.nv),
        ("sensordata", m.nsensordata),
      )
    }
    return jax.pure_callback(
      functools.partial(self._batch, n_substeps),
      shapes,
      {"qpos": qpos, "qvel": qvel, "ctrl": ctrl},
      randomized(self._mjx_model, model),
      vmap_method="broadcast_all",
    )


def randomized(own: mjx.Model, model: mjx.Model) -> dict[str, jax.Array]:
  """The fields of a model that are not an environment's own, by name.

  Args:
    own: the environment's.
    model: the same, or one with fields replaced.

  Raises:
    ValueError: for a field that would not reach C.
  """
  ours = jax.tree.leaves(own)
  theirs = jax.tree_util.tree_leaves_with_path(model)
  changed = {
    jax.tree_util.keystr(path).removeprefix("."): leaf
    for (path, leaf), its in zip(theirs, ours, strict=True)
    if leaf is not its
  }
  unknown = sorted(changed.keys() - batch_stepper.MODEL_FIELDS)
  if unknown:
    raise ValueError(
      f"impl 'mujoco' cannot randomise {', '.join(unknown)}, which MuJoCo C"
      " does not have for every robot; choose impl 'jax' or 'warp'"
    )
  return changed
