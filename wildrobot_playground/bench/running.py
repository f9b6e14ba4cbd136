"""A benchmark from request to page."""

import dataclasses
import json
import pathlib
import shlex
import sys
import time
from typing import Any

from wildrobot_playground.bench import jobs, results_page, suites
from wildrobot_playground.config import overrides
from wildrobot_playground.envs import physics
from wildrobot_playground.system import cli, errors, files, reading

_MODULE = "wildrobot_playground.bench"
_RESULTS, _PAGE = "benchmarks.json", "benchmarks.md"


@dataclasses.dataclass(frozen=True)
class Request:
  """What is asked for, as typed.

  Attributes:
    suites: keys of `suites.SUITES`.
    out: folder of the page, its plot and the rows.
    preset: key of `config.PRESETS`, or `auto`.
    impl: physics engines; the machine's usual ones when empty.
    num_envs: numbers of robots; the machine's usual ones when empty.
    rounds: measurements of each side.
    seeds: that are to learn to walk.
    environments: of Playground; all of them when empty.
    overrides: `--section.key=value` arguments.
  """

  suites: tuple[str, ...] = tuple(suites.SUITES)
  out: str = "runs/bench"
  preset: str = "auto"
  impl: tuple[str, ...] = ()
  num_envs: tuple[str, ...] = ()
  rounds: int = 5
  seeds: int = 3
  environments: tuple[str, ...] = ()
  overrides: tuple[str, ...] = ()


def run(request: Request) -> None:
  """Measures the suites, one after the other; writes after every case.

  Raises:
    UsageError: for a request that cannot be carried out.
    RunFailedError: when a measurement failed; the others are there.
  """
  for name in request.suites:
    cli.choose("suite", name, suites.SUITES)
  for impl in request.impl:
    cli.choose("engine", impl, physics.IMPLS[1:])
  settings, machine = _settings(request)
  command = shlex.join(["python", "-m", _MODULE, *sys.argv[1:]])
  folder = pathlib.Path(request.out)
  results = _earlier(folder / _RESULTS, machine)
  _write(folder, results)  # What cannot be written is told at once.
  for name in request.suites:
    results["suites"][name] = suites.kept(
      settings, name, results["suites"].get(name, [])
    )
    results["commands"][name] = command
    for case in suites.SUITES[name](settings):
      results["suites"][name] += _rows(name, case)
      _write(folder, results)
  print(f"page     {folder / _PAGE}")
  rows = [row for name in request.suites for row in results["suites"][name]]
  failed = sum("error" in row for row in rows)
  if failed:
    raise errors.RunFailedError(
      f"{failed} measurements failed; the page says why"
    )


def _settings(request: Request) -> tuple[suites.Settings, dict[str, Any]]:
  """What is asked for, and the machine that it is asked of.

  Raises:
    UsageError: for a number, preset or key that is none.
  """
  try:
    robots = tuple(int(text) for text in request.num_envs)
  except ValueError as error:
    raise errors.UsageError(
      f"--num_envs takes whole numbers: {error}"
    ) from error
  for number in robots:
    overrides.check_early({"ppo.num_envs": number}, (), ours=True)
  overrides.check_early({}, request.overrides, ours=True)
  if min(request.rounds, request.seeds) < 1:
    raise errors.UsageError("--rounds and --seeds start at 1")
  plan = {
    "preset": request.preset,
    "impl": request.impl[0] if request.impl else None,
    "num_envs": robots[0] if len(robots) == 1 else None,
    "overrides": request.overrides,
  }
  try:
    machine = jobs.run("machine")
    chosen = jobs.run("defaults", plan=plan)
  except jobs.JobError as error:
    raise errors.RunFailedError(str(error)) from error
  sizes = suites.SIZES["cpu" if machine["is_cpu"] else "gpu"]
  return suites.Settings(
    sizes=sizes.of(request.impl, robots),
    plan={**plan, **chosen},
    num_devices=machine["num_devices"],
    cores=machine["cores"],
    is_cpu=machine["is_cpu"],
    rounds=request.rounds,
    seeds=request.seeds,
    environments=request.environments,
    environment_robots=(robots or (suites.ENVIRONMENT_ROBOTS,))[0],
    engines=tuple(i for i in request.impl or ("jax",) if i != "mujoco"),
  ), machine


def _earlier(path: pathlib.Path, machine: dict[str, Any]) -> dict[str, Any]:
  """The results that a folder holds, or none yet.

  Raises:
    UsageError: when they are of another machine or of other versions.
  """
  if not path.exists():
    return {"machine": machine, "commands": {}, "suites": {}}
  try:
    read = json.loads(reading.text(path))
    results = {key: read[key] for key in ("machine", "commands", "suites")}
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise errors.UsageError(f"{path} is no benchmark's: {error}") from error
  if results["machine"] != machine:
    raise errors.UsageError(
      f"{path} is of another machine or of other versions; give another --out"
    )
  return results


def _rows(suite: str, case: suites.Case) -> list[suites.Row]:
  """A case's rows, or one that says why there are none."""
  print(f"{suite}: {case.label} ...", end=" ", flush=True)
  started = time.monotonic()
  try:
    rows = case.measure()
    said = "done"
  except jobs.JobError as error:
    rows, said = [{"case": case.label, "error": str(error)}], f"failed: {error}"
  print(f"{said} ({time.monotonic() - started:.0f} s)", flush=True)
  return rows


def _write(folder: pathlib.Path, results: dict[str, Any]) -> None:
  """Rows, page and plot.

  Raises:
    UsageError: when they cannot be written.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(folder / _RESULTS, json.dumps(results, indent=1) + "\n")
    files.write_text(folder / _PAGE, results_page.markdown(results))
    results_page.plot(results, folder / results_page.PLOT)
  except OSError as error:
    raise errors.UsageError(
      f"--out={folder} cannot be written: {error.strerror}"
    ) from error
