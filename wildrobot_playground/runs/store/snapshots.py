"""Full training states on disk: saved in the background, verified, pruned.

A snapshot is a folder `checkpoints/<steps>/` with an orbax checkpoint of every
array, numbered in the state's order, and a manifest with their paths in the
state and the sha256 of every file. It appears under its name only when it is
complete.
"""

import math
import pathlib
import re
import shutil
import sys
import threading
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from wildrobot_playground.runs.store import arrays, manifest
from wildrobot_playground.runs.store import folder as run_folder
from wildrobot_playground.runs.store.manifest import SnapshotError

FOLDER = "checkpoints"
_NAME = re.compile(r"[0-9]{12}|[1-9][0-9]{12,17}")
_LEFTOVER = re.compile(r"\..*\.(writing|removing)")


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
    named = arrays.by_path(jax.device_get(state))
    self._thread = threading.Thread(
      target=self._write, args=(steps, named, meta), name="snapshot"
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
        found = manifest.verified(path)
        named = arrays.read(path, found["arrays"])
        state = arrays.fill(template(found["meta"]), named, str(path))
      except SnapshotError as error:
        skipped.append(str(error))
        continue
      self.restored_steps = candidate
      return state, found["meta"], skipped
    reasons = "; ".join(skipped) or "there is none"
    raise SnapshotError(f"no usable checkpoint in {self.folder}: {reasons}")

  def path(self, steps: int) -> pathlib.Path:
    """The folder of a snapshot."""
    return self.folder / _name(steps)

  def _write(
    self, steps: int, named: dict[str, np.ndarray], meta: dict[str, Any]
  ) -> None:
    staging = self.folder / f".{_name(steps)}.writing"
    try:
      self.folder.mkdir(parents=True, exist_ok=True)
      self._sweep()
      arrays.check_room(self.folder, named)
      staging.mkdir()
      arrays.write(staging, named)
      manifest.write(staging, meta, list(named))
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
        cost = manifest.read(self.path(steps))["meta"].get("cost")
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


def read(path: pathlib.Path) -> dict[str, np.ndarray]:
  """The arrays of a snapshot by their path in the state.

  Raises:
    SnapshotError: when it does not verify.
  """
  return arrays.read(path, manifest.verified(path)["arrays"])


def _is_number(value: Any) -> bool:
  return isinstance(value, (int, float)) and not isinstance(value, bool)
