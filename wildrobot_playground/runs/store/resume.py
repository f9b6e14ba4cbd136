"""Going on with a run: which checkpoint, and whether it fits."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from wildrobot_playground.amp.programs import RunState
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import plan_record, saved_config
from wildrobot_playground.runs.store import checkpoint, snapshots
from wildrobot_playground.runs.store.manifest import SnapshotError
from wildrobot_playground.system import distributed, errors

_MOST_DEVICES = 2**20
SHARED = "the run folder must be on a file system that all processes share"


@dataclasses.dataclass(frozen=True)
class Resume:
  """What a run goes on with.

  Attributes:
    folder: the run folder.
    steps: of the checkpoint; None for the newest that verifies.
  """

  folder: pathlib.Path
  steps: int | None = None


def find(
  resume: str, run_dir: str | None, root: pathlib.Path = pathlib.Path("runs")
) -> Resume | None:
  """What to go on with; None to start afresh.

  Args:
    resume: `auto` (the run folder given, or the newest one with a checkpoint;
      none at all starts afresh), a run folder, or a folder below `checkpoints`.
    run_dir: the run folder given, if any.
    root: where `auto` looks.

  Raises:
    UsageError: when what was named holds no checkpoint.
  """
  if resume == "auto":
    found = pathlib.Path(run_dir) if run_dir else _newest(root)
    return Resume(found) if found and _has_snapshots(found) else None
  path = pathlib.Path(resume)
  if path.parent.name == snapshots.FOLDER:
    steps = snapshots.steps_of(path.name)
    if steps is None or not path.is_dir():
      raise errors.UsageError(f"--resume={resume}: no such checkpoint")
    return Resume(path.parent.parent, steps)
  if not _has_snapshots(path):
    raise errors.UsageError(
      f"--resume={resume}: this folder has no {snapshots.FOLDER}/ to go on with"
    )
  return Resume(path)


def check(
  plan: plan_lib.Plan, saved: Mapping[str, Any], allowed: Sequence[str]
) -> None:
  """Refuses to go on with other settings than the run was started with.

  Raises:
    UsageError: listing the keys that differ and are not `allowed`.
  """
  different = plan_record.differences(plan, saved)
  unknown = [key for key in allowed if key not in different]
  if unknown:
    raise errors.UsageError(
      f"--resume_override={unknown[0]}: this key is not among those that differ"
    )
  refused = [
    f"{key} ({change})"
    for key, change in different.items()
    if key not in allowed
  ]
  if refused:
    raise errors.UsageError(
      "the run to resume was started with other settings:"
      f" {', '.join(refused)}; drop the flags, or name the keys in"
      " --resume_override"
    )


def restore(
  state: RunState, store: snapshots.Snapshots, steps: int | None
) -> tuple[RunState, dict[str, Any], list[str]]:
  """The newest state that verifies, the host's memory, and what to say of it.

  On another number of devices the learner goes on; the robots start anew, and
  so does the memory of past features.

  Raises:
    UsageError: when no checkpoint verifies, or not the same one for all
      processes.
  """
  devices = state.device_keys.shape[0]

  def template(meta: Mapping[str, Any]) -> RunState:
    count = meta.get("num_devices")
    if not isinstance(count, int) or not 1 <= count <= _MOST_DEVICES:
      raise SnapshotError(
        f"a checkpoint in {store.folder} is of {count!r} devices"
      )
    if not isinstance(meta.get("memory", {}), dict):
      raise SnapshotError(
        f"a checkpoint in {store.folder} has a damaged memory"
      )
    return state.replace(device_keys=np.zeros((count, 2), np.uint32))

  try:
    saved, meta, notes = store.restore(template, steps)
  except SnapshotError as error:
    raise errors.UsageError(str(error)) from error
  if store.restored_steps != distributed.from_primary(store.restored_steps):
    raise errors.UsageError(
      f"{store.folder} is not the first process's: {SHARED}"
    )
  notes = [f"skipped {note}" for note in notes]
  if meta["num_devices"] != devices:
    notes.append(
      f"the checkpoint is of {meta['num_devices']} devices, this run has"
      f" {devices}: the learner goes on, the robots start anew"
    )
    key = jax.random.fold_in(saved.local_key, saved.iteration)
    prior = saved.training_state.prior
    if prior is not None and state.training_state.prior is not None:
      # Its rows were split over the devices of then.
      prior = prior.replace(replay=state.training_state.prior.replay)
    saved = saved.replace(
      training_state=saved.training_state.replace(prior=prior),
      env_state=state.env_state,
      device_keys=jax.random.split(key, devices),
    )
  return saved, meta.get("memory", {}), notes


def read_config(run_dir: pathlib.Path) -> dict[str, Any]:
  """`config.json` of the run to resume.

  Raises:
    UsageError: when it is missing or damaged.
  """
  path = run_dir / checkpoint.CONFIG_FILE
  try:
    config = checkpoint.load_config(run_dir)
    saved_config.require(config, path, "env", *saved_config.SECTIONS)
  except ValueError as error:
    raise errors.UsageError(str(error)) from error
  return config


def _has_snapshots(run_dir: pathlib.Path) -> bool:
  return bool(snapshots.Snapshots(run_dir).steps())


def _newest(root: pathlib.Path) -> pathlib.Path | None:
  """The run folder below `root` whose checkpoints changed last."""
  runs = [
    path.parent
    for path in root.glob(f"*/{checkpoint.CONFIG_FILE}")
    if _has_snapshots(path.parent)
  ]
  return max(
    runs,
    key=lambda run: (run / snapshots.FOLDER).stat().st_mtime,
    default=None,
  )
