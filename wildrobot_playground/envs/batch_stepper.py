"""Many robots in plain MuJoCo C at once, on all cores, randomised or not."""

import queue
from collections.abc import Mapping, Sequence
from typing import Any

import mujoco
import numpy as np
from mujoco import batch as mujoco_batch

from wildrobot_playground.system import backend

# Model fields that may differ from robot to robot; those of `MjOption` as
# `opt.<name>`.
MODEL_FIELDS = mujoco_batch.MODEL_FIELDS
DATA_FIELDS = mujoco_batch.DATA_FIELDS  # What C takes or gives of a robot.

# After any of these C has given up on a robot's numbers.
_LOST = [
  int(kind)
  for kind in (
    mujoco.mjtWarning.mjWARN_BADQPOS,
    mujoco.mjtWarning.mjWARN_BADQVEL,
    mujoco.mjtWarning.mjWARN_BADQACC,
    mujoco.mjtWarning.mjWARN_BADCTRL,
  )
]
_Key = tuple[int, frozenset[str]]


class BatchStepper:
  """Steps a batch of robots in C; safe to call from several threads."""

  def __init__(
    self,
    mj_model: mujoco.MjModel,
    outputs: Sequence[str] = ("qpos", "qvel", "sensordata"),
  ):
    """Threads are started with the first batch.

    Args:
      mj_model: of every robot, compiled; not to be changed any more.
      outputs: fields of `MjData` that a call returns.

    Raises:
      ValueError: for a field that C does not give, by its name.
    """
    self._mj_model = mj_model
    self._outputs = tuple(outputs)
    self._threads = backend.usable_cores()
    self._idle: dict[_Key, queue.SimpleQueue[_Robots]] = {}
    one = _Robots(mj_model, 1, 1, self._outputs)  # Refuses bad outputs.
    self._widths = {name: one.shape(name) for name in self._outputs}

  def __call__(
    self,
    n_substeps: int,
    state: Mapping[str, Any],
    randomized: Mapping[str, Any] | None = None,
  ) -> dict[str, np.ndarray]:
    """Steps robots of any leading shape, in C, under constant inputs.

    Derived fields (`sensordata`, `xpos`, ...) are those of the last substep's
    start, as after `mj_step`.

    Args:
      n_substeps: MuJoCo steps; 0 computes the derived fields where the robots
        are, as `mj_forward`.
      state: fields of `MjData`'s state by name (`qpos`, `ctrl`, ...), each
        (..., *shape of the field); the model's defaults for those left out.
      randomized: model fields by name, each (..., *shape of the field). The
        constants that MuJoCo derives from them follow, but for those given.

    Raises:
      ValueError: for a negative number of steps, or a field that there is not.

    Returns:
      float32 outputs by name, with the same leading shape; NaN for a robot that
      C gave up because its numbers were not finite or grew without bounds.
    """
    if n_substeps < 0:
      raise ValueError(f"{n_substeps} steps of physics, expected 0 or more")
    fields = randomized or {}
    leading = np.shape(state["qpos"])[:-1]
    size = int(np.prod(leading))
    if size == 0:
      found = {
        name: np.zeros((0, *width), np.float32)
        for name, width in self._widths.items()
      }
    else:
      idle = self._idle.setdefault(
        (size, frozenset(fields)), queue.SimpleQueue()
      )
      robots = self._take(idle, size)
      try:
        found = robots.run(n_substeps, state, fields)
      finally:
        idle.put(robots)
    return {
      name: value.reshape(leading + self._widths[name])
      for name, value in found.items()
    }

  def _take(self, idle: "queue.SimpleQueue[_Robots]", size: int) -> "_Robots":
    """A batch that no other thread uses, or a new one."""
    try:
      return idle.get_nowait()
    except queue.Empty:
      threads = min(self._threads, size)
      return _Robots(self._mj_model, size, threads, self._outputs)


class _Robots:
  """A batch of one size, and the model fields that it was last given."""

  def __init__(
    self,
    mj_model: mujoco.MjModel,
    size: int,
    threads: int,
    outputs: Sequence[str],
  ):
    self._batch = mujoco_batch.Batch(mj_model, size, threads)
    self._default = self._batch.state[0].copy()
    self._bound = {name: self._batch.bind(name) for name in outputs}
    self._given: dict[str, np.ndarray] = {}

  def shape(self, name: str) -> tuple[int, ...]:
    """Of an output, of one robot."""
    return self._bound[name].shape[1:]

  def run(
    self, n_substeps: int, state: Mapping[str, Any], fields: Mapping[str, Any]
  ) -> dict[str, np.ndarray]:
    """See `BatchStepper.__call__`; any shape whose size fits."""
    self._randomize(fields)
    self._batch.state[:] = self._default
    for name, value in state.items():
      bound = self._batch.bind(name)
      bound[...] = np.asarray(value).reshape(bound.shape)
    self._batch.warning[:] = 0
    lost = np.zeros(len(self._batch.state), bool)
    try:
      if n_substeps:
        self._batch.step(nstep=n_substeps)
      else:
        self._batch.forward()
    except mujoco_batch.SimulationError as error:
      lost[error.ids] = True
      tell = mujoco.get_mju_user_warning()
      if tell is not None:
        tell(str(error))
    lost |= (self._batch.warning[:, _LOST, 1] > 0).any(axis=-1)
    found = {}
    for name, bound in self._bound.items():
      found[name] = bound.astype(np.float32)
      found[name][lost] = np.nan
    return found

  def _randomize(self, fields: Mapping[str, Any]) -> None:
    """Writes model fields, which stay the same for most of a run."""
    values = {name: np.asarray(value) for name, value in fields.items()}
    if all(
      name in self._given and np.array_equal(value, self._given[name])
      for name, value in values.items()
    ):
      return
    self._write(values)
    inputs = mujoco.MjModel._setconst_inputs
    if any(name in inputs or name.startswith("opt.") for name in values):
      self._batch.set_const()
      self._write(values)  # Also those that MuJoCo derives.
    self._given = {name: value.copy() for name, value in values.items()}

  def _write(self, values: Mapping[str, np.ndarray]) -> None:
    for name, value in values.items():
      expanded = self._batch.expand(name)
      expanded[...] = value.reshape(expanded.shape)
