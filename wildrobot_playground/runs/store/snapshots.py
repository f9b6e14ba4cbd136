"""Full training states on disk: saved in the background, verified, pruned.

A snapshot is a folder `checkpoints/<steps>/` with an orbax checkpoint of every
array, numbered in the state's order, and a manifest with their paths in the
state and the sha256 of every file. It appears under its name only when it is
complete.
"""

import errno
import hashlib
import json
import math
import os
import pathlib
import re
import shutil
import sys
import threading
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from wildrobot_playground.runs.store import folder as run_folder
from wildrobot_playground.system import files, reading

FOLDER = "checkpoints"
_MANIFEST = "manifest.json"
_ARRAYS = "arrays"
_SPARE = 1_000_000  # bytes beside the arrays
_NAME = re.compile(r"[0-9]{12}|[1-9][0-9]{12,17}")
_LEFTOVER = re.compile(r"\..*\.(writing|removing)")


class SnapshotError(ValueError):
  """A snapshot that cannot be used; one line says why."""


class Snapshots:
  """The snapshots of a run folder.

  Attributes:
    folder: where they are.
    last_error: why the newest save failed; None when it did not.
    restored_steps: of the snapshot that `restore` took; 0 before.
  """

  def __init__(self, run_dir: pathlib.Path, keep: int = 3):
    """Touches nothing yet.

    Args:
      run_dir: the run folder.
      keep: how many of the newest snapshots stay, beside the best.
    """
    self.folder = (run_dir / FOLDER).resolve()
    self._run_dir = run_dir
    self.last_error: str | None = None
    self.restored_steps = 0
    self._keep = keep
    self._thread: threading.Thread | None = None

  def save(self, steps: int, state: Any, meta: dict[str, Any]) -> None:
    """Copies `state` off this process's devices and writes it meanwhile.

    A save that fails (disk full, folder not writable) is logged, leaves no half
    snapshot and does not stop the run.

    Args:
      steps: environment steps so far; names the snapshot.
      state: a pytree of arrays.
      meta: plain values to keep beside it.
    """
    self.wait()
    arrays = _by_path(jax.device_get(state))
    self._thread = threading.Thread(
      target=self._write, args=(steps, arrays, meta), name="snapshot"
    )
    self._thread.start()

  def wait(self) -> None:
    """Returns when no save is under way."""
    if self._thread is not None:
      self._thread.join()
      self._thread = None

  def steps(self) -> list[int]:
    """The steps of all snapshots, oldest first; none is verified."""
    if not self.folder.is_dir():
      return []
    found = (
      steps_of(path.name) for path in self.folder.iterdir() if path.is_dir()
    )
    return sorted(steps for steps in found if steps is not None)

  def set_aside_after(self, steps: int) -> list[pathlib.Path]:
    """Renames the snapshots beyond `steps`, which a resumed run makes anew.

    Left in place, they would look newer than what the run goes on to save.

    Returns:
      Where they are now.
    """
    moved = []
    for later in self.steps():
      if later > steps:
        target = self.folder / f"superseded-{later:012d}"
        _remove(target)
        moved.append(self.path(later).rename(target))
    return moved

  def restore(
    self,
    template: Callable[[dict[str, Any]], Any],
    steps: int | None = None,
  ) -> tuple[Any, dict[str, Any], list[str]]:
    """Reads the newest snapshot that verifies.

    Args:
      template: a snapshot's `meta` to a state of the same structure, for
        shapes and dtypes.
      steps: take exactly this one instead.

    Returns:
      The state as numpy arrays, its `meta`, and one line for every newer
      snapshot that had to be skipped.

    Raises:
      SnapshotError: when there is none that verifies.
    """
    candidates = [steps] if steps is not None else self.steps()[::-1]
    skipped = []
    for candidate in candidates:
      path = self.path(candidate)
      try:
        manifest = _verified(path)
        arrays = _read(path, manifest["arrays"])
        state = _fill(template(manifest["meta"]), arrays, str(path))
      except SnapshotError as error:
        skipped.append(str(error))
        continue
      self.restored_steps = candidate
      return state, manifest["meta"], skipped
    reasons = "; ".join(skipped) or "there is none"
    raise SnapshotError(f"no usable checkpoint in {self.folder}: {reasons}")

  def path(self, steps: int) -> pathlib.Path:
    """The folder of a snapshot."""
    return self.folder / _name(steps)

  def _write(
    self, steps: int, arrays: dict[str, np.ndarray], meta: dict[str, Any]
  ) -> None:
    staging = self.folder / f".{_name(steps)}.writing"
    try:
      self.folder.mkdir(parents=True, exist_ok=True)
      self._sweep()
      check_room(self.folder, arrays)
      staging.mkdir()
      with checkpointer() as writer:
        # A path may hold what a file name may not.
        numbered = {f"{i:05d}": x for i, x in enumerate(arrays.values())}
        writer.save(staging / _ARRAYS, numbered)
      manifest = {
        "meta": meta,
        "arrays": list(arrays),
        "sha256": digests(staging),
      }
      manifest["digest"] = _digest(manifest)
      files.write_json(staging / _MANIFEST, manifest)
      _remove(self.path(steps))
      staging.rename(self.path(steps))
      run_folder.now_trained(self._run_dir)
      self._prune()
      self.last_error = None
    except Exception as error:  # Training goes on without this snapshot.
      shutil.rmtree(staging, ignore_errors=True)
      first = self.last_error is None
      self.last_error = f"{type(error).__name__}: {error}".splitlines()[0]
      if first:  # Said once, until one is written again.
        print(
          f"\nwarning: checkpoint at {steps} steps not written"
          f" ({self.last_error}); training goes on and tries again",
          file=sys.stderr,
        )

  def _prune(self) -> None:
    best = self.best()
    for steps in self.steps()[: -self._keep]:
      if steps != best:
        _remove(self.path(steps))

  def _sweep(self) -> None:
    """Removes what killed processes left half written or half removed."""
    for path in self.folder.iterdir():
      if _LEFTOVER.fullmatch(path.name):
        shutil.rmtree(path, ignore_errors=True)

  def best(self) -> int | None:
    """Steps of the snapshot whose `meta["cost"]` is least, if any has one."""
    costs = {}
    for steps in self.steps():
      try:
        cost = _manifest(self.path(steps))["meta"].get("cost")
      except SnapshotError:
        continue
      if _is_number(cost) and math.isfinite(cost):
        costs[cost] = steps
    return costs[min(costs)] if costs else None


def steps_of(name: str) -> int | None:
  """The steps that a snapshot's folder is named after; None for other names."""
  return int(name) if _NAME.fullmatch(name) else None


def _name(steps: int) -> str:
  return f"{steps:012d}"


def _remove(path: pathlib.Path) -> None:
  """Removes a snapshot; a process killed meanwhile leaves no half one."""
  if path.is_dir():
    half = path.rename(path.with_name(f".{path.name}.removing"))
    shutil.rmtree(half, ignore_errors=True)


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


def _by_path(state: Any) -> dict[str, np.ndarray]:
  """Every array of a pytree under its path; the order is the tree's.

  Arrays without elements are left out: orbax does not write them.
  """
  leaves, _ = jax.tree_util.tree_flatten_with_path(state)
  return {
    jax.tree_util.keystr(path): np.asarray(x)
    for path, x in leaves
    if np.size(x)
  }


def _fill(template: Any, arrays: dict[str, np.ndarray], where: str) -> Any:
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


def read(path: pathlib.Path) -> dict[str, np.ndarray]:
  """The arrays of a snapshot by their path in the state.

  Raises:
    SnapshotError: when it does not verify.
  """
  return _read(path, _verified(path)["arrays"])


def _read(path: pathlib.Path, names: list[str]) -> dict[str, np.ndarray]:
  reading.check_name(path, "orbax", SnapshotError)
  try:
    with checkpointer() as reader:
      numbered = reader.restore(path / _ARRAYS)
    return dict(
      zip(names, (numbered[k] for k in sorted(numbered)), strict=True)
    )
  except Exception as error:
    first_line = (str(error) or repr(error)).splitlines()[0]
    raise SnapshotError(f"{path} cannot be read: {first_line}") from error


def _verified(path: pathlib.Path) -> dict[str, Any]:
  """The manifest of a snapshot whose files are all as they were written."""
  manifest = _manifest(path)
  try:
    found = digests(path)
  except OSError as error:  # Removed by the run that it is of, meanwhile.
    raise SnapshotError(f"{path} cannot be read: {error.strerror}") from error
  if difference := changed(manifest["sha256"], found):
    raise SnapshotError(f"{path}: {difference}")
  return manifest


def _manifest(path: pathlib.Path) -> dict[str, Any]:
  """The manifest of a snapshot; its files are not looked at.

  Raises:
    SnapshotError: when it is missing, or not what `Snapshots` writes.
  """
  file = path / _MANIFEST
  try:
    manifest = json.loads(reading.text(file))
  except (OSError, ValueError, RecursionError) as error:
    raise SnapshotError(
      f"{path} has no readable manifest ({type(error).__name__})"
    ) from error
  kinds = {"meta": dict, "arrays": list, "sha256": dict}
  for name, kind in kinds.items():
    if not isinstance(manifest, dict) or not isinstance(
      manifest.get(name), kind
    ):
      raise SnapshotError(f"{file} is no manifest: it has no {name}")
  if not all(isinstance(name, str) for name in manifest["arrays"]):
    raise SnapshotError(f"{file} is no manifest: an array has no name")
  # Those of earlier versions have no digest of their own.
  if "digest" in manifest and manifest["digest"] != _digest(manifest):
    raise SnapshotError(f"{path}: the file {_MANIFEST} has changed")
  return manifest


def _digest(manifest: dict[str, Any]) -> str:
  """Sha256 of what a manifest says."""
  said = {key: value for key, value in manifest.items() if key != "digest"}
  text = json.dumps(said, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()


def _is_number(value: Any) -> bool:
  return isinstance(value, (int, float)) and not isinstance(value, bool)


def changed(expected: dict[str, Any], found: dict[str, str]) -> str | None:
  """The first file whose digest is not as expected, in words."""
  for name in sorted(expected.keys() | found.keys()):
    if expected.get(name) != found.get(name):
      what = "is missing" if name not in found else "has changed"
      shown = name[:200] if name.isprintable() else repr(name[:200])
      return f"the file {shown} {what}"
  return None


def digests(folder: pathlib.Path, manifest: str = _MANIFEST) -> dict[str, str]:
  """Sha256 of every file below `folder` but the manifest."""
  return {
    str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(folder.rglob("*"))
    if path.is_file() and path != folder / manifest
  }
