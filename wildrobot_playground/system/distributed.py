"""Several processes as one run: joining them, and what they tell each other.

Every process runs the same program over all devices of all processes. The
first one speaks and writes for all of them.
"""

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from wildrobot_playground.system import errors

_MESSAGE_BYTES = 65536
_AXIS = "processes"
# The first process evaluates and renders while the others wait to leave.
_SHUTDOWN_SECONDS = 3600


def join(
  coordinator: str | None = None,
  num_processes: int | None = None,
  process_id: int | None = None,
) -> None:
  """Joins the other processes of a run; call it before anything else of jax.

  Without arguments it joins the tasks of a SLURM step, and does nothing where
  there are none or only one.

  Args:
    coordinator: host:port of the first process; the others connect to it.
    num_processes: how many there are.
    process_id: which one this is, from 0 on.

  Raises:
    UsageError: for some of the arguments without the others, for numbers
      that do not fit, and when the others cannot be reached.
  """
  given = {
    "--coordinator": coordinator or None,
    "--num_processes": num_processes,
    "--process_id": process_id,
  }
  missing = [name for name, value in given.items() if value is None]
  if len(missing) == len(given):
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) <= 1:
      return
  elif missing:
    raise errors.UsageError(
      f"{' and '.join(missing)} missing: several processes need all of"
      f" {', '.join(given)}"
    )
  if num_processes is not None and process_id is not None:
    if not 0 <= process_id < num_processes:
      raise errors.UsageError(
        f"--process_id={process_id} must be between 0 and"
        f" --num_processes={num_processes} - 1"
      )
    if num_processes == 1:
      return
  jax.config.update("jax_cpu_collectives_implementation", "gloo")
  # It would take SIGTERM away from us; see `stopping`.
  jax.config.update("jax_enable_preemption_service", False)
  try:
    jax.distributed.initialize(
      coordinator or None,
      num_processes,
      process_id,
      shutdown_timeout_seconds=_SHUTDOWN_SECONDS,
    )
  except (RuntimeError, ValueError) as error:
    first_line = str(error).splitlines()[0]
    raise errors.UsageError(
      f"cannot join the other processes: {first_line}"
    ) from error


def is_primary() -> bool:
  """Whether this process speaks and writes for all of them."""
  return jax.process_index() == 0


@contextlib.contextmanager
def only_primary_speaks() -> Iterator[None]:
  """Drops what the other processes print while it lasts; errors come after."""
  with contextlib.ExitStack() as stack:
    if not is_primary():
      sink = stack.enter_context(open(os.devnull, "w"))
      stack.enter_context(contextlib.redirect_stdout(sink))
      stack.enter_context(contextlib.redirect_stderr(sink))
    yield


def from_primary(value: Any) -> Any:
  """The first process's `value`, on all of them; plain values as in JSON."""
  if jax.process_count() == 1:
    return value
  message = np.zeros(_MESSAGE_BYTES, np.uint8)
  text = json.dumps(value).encode()
  message[: len(text)] = np.frombuffer(text, np.uint8)
  received = multihost_utils.broadcast_one_to_all(message)
  return json.loads(bytes(np.asarray(received)).rstrip(b"\0"))


def put(tree: Any, shardings: Any) -> Any:
  """Arrays on the devices of all processes.

  Args:
    tree: arrays of this process, the same ones on all, or already in place.
    shardings: of every leaf, or one for all.
  """
  if jax.process_count() == 1:
    return jax.device_put(tree, shardings)
  if isinstance(shardings, NamedSharding):
    shardings = jax.tree.map(lambda _: shardings, tree)
  return jax.tree.map(_put, tree, shardings)


def _put(x: Any, sharding: NamedSharding) -> jax.Array:
  if isinstance(x, jax.Array) and not x.is_fully_addressable:
    return jax.device_put(x, sharding)
  x = np.asarray(x)
  return jax.make_array_from_callback(x.shape, sharding, lambda part: x[part])


def fetch(tree: Any) -> Any:
  """Every array whole, as numpy, on all processes; all of them must call it."""
  leaves, structure = jax.tree.flatten(tree)
  spread = [
    i
    for i, x in enumerate(leaves)
    if isinstance(x, jax.Array) and not x.is_fully_addressable
  ]
  if spread:
    mesh = leaves[spread[0]].sharding.mesh
    whole = _gather(mesh)([leaves[i] for i in spread])
    for i, x in zip(spread, whole, strict=True):
      leaves[i] = x.addressable_data(0)
  return jax.device_get(jax.tree.unflatten(structure, leaves))


@functools.lru_cache
def _gather(mesh: Mesh) -> Any:
  return jax.jit(
    lambda x: x, out_shardings=NamedSharding(mesh, PartitionSpec())
  )


class Vote:
  """Whether any process said yes, one call later; all of them must call it.

  One call later, for then nobody waits for the devices: the answer to the last
  question is there by the time that the next one is asked. Alone, a process
  has its answer at once.
  """

  def __init__(self) -> None:
    """Nobody has said anything."""
    self._pending: jax.Array | None = None

  def __call__(self, yes: bool) -> bool:
    """Says `yes` or no, and returns what the vote before came to."""
    if jax.process_count() == 1:
      return yes
    before, self._pending = self._pending, _any(yes)
    return before is not None and bool(before.addressable_data(0))


def _any(yes: bool) -> jax.Array:
  mesh = _mesh()
  votes = jax.make_array_from_callback(
    (mesh.size,),
    NamedSharding(mesh, PartitionSpec(_AXIS)),
    lambda part: np.full(1, yes),
  )
  return _counter()(votes)


@functools.lru_cache
def _mesh() -> Mesh:
  return jax.make_mesh((jax.device_count(),), (_AXIS,))


@functools.lru_cache
def _counter() -> Any:
  return jax.jit(jp.any, out_shardings=NamedSharding(_mesh(), PartitionSpec()))
