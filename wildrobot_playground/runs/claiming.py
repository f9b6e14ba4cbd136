"""A run takes its folder, and writes down there what it was asked for."""

import contextlib
import pathlib
from collections.abc import Callable
from typing import Any

from wildrobot_playground import cli, distributed
from wildrobot_playground.amp import dataset as dataset_lib
from wildrobot_playground.runs import checkpoint, folder
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs import resume as resume_lib


def claim(run_dir: pathlib.Path, claims: contextlib.ExitStack) -> None:
  """Takes the folder of a run to go on with, while `claims` lasts.

  Raises:
    cli.UsageError: when another process writes it, or nobody can.
  """
  _for_all(lambda: claims.enter_context(folder.held(run_dir)), run_dir)


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
    cli.UsageError: when it cannot be written, or holds a run.
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
    return str(found)

  return pathlib.Path(_for_all(take, run_dir))


def write_down(
  plan: plan_lib.Plan,
  reference: dataset_lib.ReferenceDataset | None,
  goes_on: bool,
) -> None:
  """Writes reference and configuration where they are not there already.

  Raises:
    cli.UsageError: when they cannot be written.
  """

  def write() -> None:
    if reference is not None:
      dataset_lib.save(plan.run_dir / reference_lib.FILE, reference)
    # After the reference: who is stopped between both can ask for it again.
    if not goes_on or _differs(plan):
      checkpoint.save_config(plan.run_dir, plan_lib.describe(plan))

  _for_all(write, plan.run_dir)


def _differs(plan: plan_lib.Plan) -> bool:
  """Whether a run goes on with other settings or versions than it says."""
  saved = resume_lib.read_config(plan.run_dir)
  versions = plan_lib.describe(plan)["versions"]
  if saved.get("versions") != versions:
    return True
  return bool(plan_lib.differences(plan, saved))


def _for_all(act: Callable[[], Any], run_dir: pathlib.Path) -> Any:
  """What the first process does for all; its errors are everybody's.

  Returns:
    What `act` returned, a plain value as in JSON.

  Raises:
    cli.UsageError: when it failed.
  """
  problem = value = None
  if distributed.is_primary():
    try:
      value = act()
    except folder.BusyError as error:
      problem = str(error)
    except OSError as error:
      problem = f"the run folder {run_dir} cannot be written: {error.strerror}"
  problem, value = distributed.from_primary([problem, value])
  if problem is not None:
    raise cli.UsageError(problem)
  return value
