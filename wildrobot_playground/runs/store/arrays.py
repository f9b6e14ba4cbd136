"""Arrays of a pytree on disk, through orbax: by path, in the tree's order."""

import errno
import os
import pathlib
import shutil
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from wildrobot_playground.runs.store.manifest import SnapshotError
from wildrobot_playground.system import reading

_FOLDER = "arrays"
_SPARE = 1_000_000  # bytes beside the arrays


def by_path(state: Any) -> dict[str, np.ndarray]:
  """Every array of a pytree under its path; the order is the tree's.

  Arrays without elements are left out: orbax does not write them.
  """
  leaves, _ = jax.tree_util.tree_flatten_with_path(state)
  return {
    jax.tree_util.keystr(path): np.asarray(x)
    for path, x in leaves
    if np.size(x)
  }


def fill(template: Any, arrays: dict[str, np.ndarray], where: str) -> Any:
  """A tree like `template` with the arrays of a snapshot."""
  leaves, _ = jax.tree_util.tree_flatten_with_path(template)
  expected = {
    jax.tree_util.keystr(path): leaf for path, leaf in leaves if np.size(leaf)
  }
  different = sorted(set(expected) ^ set(arrays))
  if different:
    raise SnapshotError(
      f"{where} is of another configuration: only one of both has"
      f" {', '.join(different[:3])}"
    )
  for name, leaf in expected.items():
    if arrays[name].shape != leaf.shape or arrays[name].dtype != leaf.dtype:
      raise SnapshotError(
        f"{where} is of another configuration: {name} is"
        f" {arrays[name].dtype}{arrays[name].shape}, expected"
        f" {leaf.dtype}{leaf.shape}"
      )
  return jax.tree_util.tree_map_with_path(
    lambda path, leaf: arrays.get(jax.tree_util.keystr(path), leaf), template
  )


def write(folder: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
  """Writes arrays, numbered: a path may hold what a file name may not."""
  numbered = {f"{i:05d}": x for i, x in enumerate(arrays.values())}
  with checkpointer() as writer:
    writer.save(folder / _FOLDER, numbered)


def read(folder: pathlib.Path, names: list[str]) -> dict[str, np.ndarray]:
  """The arrays that `write` wrote, under names in their order.

  Raises:
    SnapshotError: when they cannot be read.
  """
  reading.check_name(folder, "orbax", SnapshotError)
  try:
    with checkpointer() as reader:
      numbered = reader.restore(folder / _FOLDER)
    return dict(
      zip(names, (numbered[k] for k in sorted(numbered)), strict=True)
    )
  except Exception as error:
    first_line = (str(error) or repr(error)).splitlines()[0]
    raise SnapshotError(f"{folder} cannot be read: {first_line}") from error


def checkpointer() -> ocp.Checkpointer:
  """Orbax's, for a tree that is this process's alone to write or to read.

  Its default waits for all processes, in each save and each restore.
  """
  me = jax.process_index()
  return ocp.Checkpointer(
    ocp.PyTreeCheckpointHandler(),
    multiprocessing_options=ocp.options.MultiprocessingOptions(
      primary_host=me,
      active_processes={me},
      barrier_sync_key_prefix=f"process{me}",
    ),
  )


def check_room(folder: pathlib.Path, arrays: Any) -> None:
  """Looks for room before orbax runs out of it, which it says in tracebacks.

  Args:
    folder: where it is to be written.
    arrays: a pytree of them.

  Raises:
    OSError: when the disk has not the room.
  """
  size = sum(np.asarray(x).nbytes for x in jax.tree.leaves(arrays))
  if shutil.disk_usage(folder).free < size + _SPARE:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
