"""Many robots in plain MuJoCo C at once, on all cores, randomised or not."""

import copy
import hashlib
import queue
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
from mujoco import rollout

from wildrobot_playground.system import backend


class BatchStepper:
  """Steps a batch of robots in C; safe to call from several threads."""

  def __init__(self, mj_model: mujoco.MjModel):
    """Threads are started with the first batch."""
    self._mj_model = mj_model
    self._num_threads = backend.usable_cores()
    self._idle: queue.SimpleQueue = queue.SimpleQueue()
    self._models = _ModelCache(mj_model)

  def __call__(
    self,
    n_substeps: int,
    qpos: Any,
    qvel: Any,
    ctrl: Any,
    randomized: Mapping[str, Any],
  ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps robots of any leading shape, in C, under constant `ctrl`.

    Args:
      n_substeps: MuJoCo steps.
      qpos: (..., nq).
      qvel: (..., nv).
      ctrl: (..., nu).
      randomized: model fields by name, each (..., *shape of the field).

    Raises:
      ValueError: for less than one step.

    Returns:
      float32 qpos, qvel and the sensor readings at the start of the last
      substep, with the same leading shape; NaN for a robot that C gave up
      because its numbers were not finite or grew without bounds.
    """
    m = self._mj_model
    if n_substeps < 1:
      raise ValueError(f"{n_substeps} steps of physics, expected 1 or more")
    qpos, qvel, ctrl = (np.asarray(x) for x in (qpos, qvel, ctrl))
    leading = qpos.shape[:-1]
    size = int(np.prod(leading))
    if size == 0:  # C reads the first robot without asking whether it is there.
      widths = (m.nq, m.nv, m.nsensordata)
      empty = [np.zeros((*leading, width), np.float32) for width in widths]
      return empty[0], empty[1], empty[2]
    initial = np.zeros((size, 1 + m.nq + m.nv))
    initial[:, 1 : 1 + m.nq] = qpos.reshape(size, m.nq)
    initial[:, 1 + m.nq :] = qvel.reshape(size, m.nv)
    control = np.repeat(
      ctrl.reshape(size, 1, m.nu).astype(np.float64), n_substeps, axis=1
    )
    models = self._models.get(randomized, leading, size)
    pool, datas = self._acquire()
    try:
      state, sensordata = pool.rollout(
        models, datas, initial, control, nstep=n_substeps
      )
    finally:
      self._idle.put((pool, datas))
    # Given up, a robot is set to its first pose and stops in time.
    lost = state[:, -1, 0] < (n_substeps - 0.5) * m.opt.timestep
    state[lost] = sensordata[lost] = np.nan
    outputs = (
      state[:, -1, 1 : 1 + m.nq],
      state[:, -1, 1 + m.nq :],
      sensordata[:, -1],
    )
    return tuple(
      x.astype(np.float32).reshape(leading + x.shape[1:]) for x in outputs
    )

  def _acquire(self) -> tuple[rollout.Rollout, list[mujoco.MjData]]:
    """An idle thread pool with its scratch data, or a new one."""
    try:
      return self._idle.get_nowait()
    except queue.Empty:
      datas = [mujoco.MjData(self._mj_model) for _ in range(self._num_threads)]
      return rollout.Rollout(nthread=self._num_threads), datas


class _ModelCache:
  """MjModels for batches of randomised fields, which stay the same in a run."""

  _CAPACITY = 8

  def __init__(self, mj_model: mujoco.MjModel):
    self._mj_model = mj_model
    self._models: dict[bytes, list[mujoco.MjModel]] = {}

  def get(
    self, fields: Mapping[str, Any], leading: tuple[int, ...], size: int
  ) -> list[mujoco.MjModel]:
    """One model per robot, with `fields` (each leading + shape) written in."""
    if not fields:
      return [self._mj_model]
    values = {
      name: np.asarray(value).reshape(
        (size,) + np.asarray(value).shape[len(leading) :]
      )
      for name, value in fields.items()
    }
    digest = hashlib.blake2b(digest_size=16)
    for name, value in values.items():
      digest.update(name.encode())
      digest.update(value.tobytes())
    key = digest.digest()
    if key not in self._models:
      if len(self._models) >= self._CAPACITY:
        self._models.pop(next(iter(self._models)))
      self._models[key] = [self._write(values, i) for i in range(size)]
    return self._models[key]

  def _write(
    self, values: Mapping[str, np.ndarray], index: int
  ) -> mujoco.MjModel:
    model = copy.copy(self._mj_model)
    for name, value in values.items():
      getattr(model, name)[:] = value[index]
    return model
