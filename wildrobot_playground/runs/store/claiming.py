"""A run takes its folder, and writes down there what it was asked for."""

import contextlib
import hashlib
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import plan_record
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs.store import checkpoint, folder
from wildrobot_playground.runs.store import resume as resume_lib
from wildrobot_playground.system import distributed, errors, reading

_CLIPS = "start_clips_sha256"  # In `config.json`.
_CLIPS_KEY = "env_config.reset_config.reference_clips"


def claim(run_dir: pathlib.Path, claims: contextlib.ExitStack) -> None:
  """Takes the folder of a run to go on with, while `claims` lasts.

  Raises:
    UsageError: when another process writes it, or nobody can.
  """

  def take() -> None:
    claims.enter_context(folder.held(run_dir))
    folder.now_trained(run_dir)  # A killed process may not have come to it.

  _for_all(take, run_dir)


def claim_new(
  run_dir: pathlib.Path, is_named: bool, claims: contextlib.ExitStack
) -> pathlib.Path:
  """Takes a folder for a new run, while `claims` lasts.

  Args:
    run_dir: its wanted name.
    is_named: by the user: then it is that folder or none.
    claims: end with the run.

  Returns:
    The folder.

  Raises:
    UsageError: when it cannot be written, holds a run, or files that a run
      would overwrite.
  """

  def take() -> str:
    found = run_dir
    if is_named:
      found.mkdir(parents=True, exist_ok=True)
    else:
      found = folder.make_new(run_dir)
    claims.enter_context(folder.held(found))
    if checkpoint.holds_run(found):
      raise folder.BusyError(
        f"{found} already holds a run; go on with --resume={found},"
        " or give another --run_dir"
      )
    folder.start(found)
    return str(found)

  return pathlib.Path(_for_all(take, run_dir))


def write_down(
  plan: plan_lib.Plan,
  reference: dataset_lib.ReferenceDataset | None,
  goes_on: bool,
) -> None:
  """Writes reference and configuration where they are not there already.

  Raises:
    UsageError: when they cannot be written.
  """

  def write() -> None:
    config = {**plan_record.describe(plan), _CLIPS: _digest_of_clips(plan)}
    if reference is not None:
      dataset_lib.save(plan.run_dir / reference_lib.FILE, reference)
    # After the reference: who is stopped between both can ask for it again.
    if not goes_on or _differs(plan, config):
      checkpoint.save_config(plan.run_dir, config)

  _for_all(write, plan.run_dir)


def _differs(plan: plan_lib.Plan, config: Mapping[str, Any]) -> bool:
  """Whether a run goes on with other settings or versions than it says.

  Other clips behind the same setting are told: the run's features are its own
  copy, its first poses are not.
  """
  saved = resume_lib.read_config(plan.run_dir)
  different = plan_record.differences(plan, saved)
  clips = saved.get(_CLIPS)
  if clips not in (None, config[_CLIPS]) and _CLIPS_KEY not in different:
    folder_of_clips = plan.env_config.reset_config.reference_clips
    print(
      f"warning: the clips in {folder_of_clips} have changed since the run"
      " began; its episodes start in other poses from now on",
      file=sys.stderr,
    )
  return bool(different) or any(
    saved.get(key) != config[key] for key in ("versions", _CLIPS)
  )


def _digest_of_clips(plan: plan_lib.Plan) -> str | None:
  """Sha256 of the clips that episodes start in; None for the shipped ones."""
  reset = plan.env_config.get("reset_config", {})
  if not reset.get("reference_clips"):
    return None
  digest = hashlib.sha256()
  for path in sorted(pathlib.Path(reset.reference_clips).glob("*.npz")):
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    digest.update(f"{path.name} {content}\n".encode())
  return digest.hexdigest()


def _for_all(act: Callable[[], Any], run_dir: pathlib.Path) -> Any:
  """What the first process does for all; its errors are everybody's.

  Returns:
    What `act` returned, a plain value as in JSON.

  Raises:
    UsageError: when it failed.
  """
  problem = value = None
  if distributed.is_primary():
    try:
      reading.check_name(run_dir, "orbax", folder.BusyError)
      value = act()
    except folder.BusyError as error:
      problem = str(error)
    except OSError as error:
      problem = f"the run folder {run_dir} cannot be written: {error.strerror}"
  problem, value = distributed.from_primary([problem, value])
  if problem is not None:
    raise errors.UsageError(problem)
  return value
