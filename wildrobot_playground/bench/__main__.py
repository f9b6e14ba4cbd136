r"""Measures speed, memory and time to walking; writes a page with a plot.

  python -m wildrobot_playground.bench --out=docs
  python -m wildrobot_playground.bench --suites=training --num_envs=8192,16384

Any key of a training's configuration can be overridden as for `train`. What is
measured goes to `benchmarks.json` at once; started again, only the suites asked
for are measured anew.
"""

import json
import pathlib
import shlex
import sys
import time
from collections.abc import Sequence
from typing import Any

from absl import flags

from wildrobot_playground import cli
from wildrobot_playground.bench import jobs, page, suites
from wildrobot_playground.envs import physics

_SUITES = flags.DEFINE_list(
  "suites", list(suites.SUITES), "What to measure; everything by default."
)
_OUT = flags.DEFINE_string(
  "out", "runs/bench", "Folder of benchmarks.md, .png and .json."
)
_PRESET = flags.DEFINE_string("preset", "auto", "Settings to start from.")
_IMPL = flags.DEFINE_list(
  "impl", [], "Engines: mujoco, jax, warp; the machine's usual ones by default."
)
_NUM_ENVS = flags.DEFINE_list(
  "num_envs", [], "Numbers of robots; the machine's usual ones by default."
)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Measurements of each side.")
_SEEDS = flags.DEFINE_integer("seeds", 3, "Seeds that are to learn to walk.")

_MODULE = "wildrobot_playground.bench"
_RESULTS, _PAGE = "benchmarks.json", "benchmarks.md"


def main(overrides: Sequence[str]) -> int:
  """Measures the suites, one after the other."""
  for name in _SUITES.value:
    cli.choose("suite", name, suites.SUITES)
  for impl in _IMPL.value:
    cli.choose("engine", impl, physics.IMPLS[1:])
  settings, machine = _settings(overrides)
  folder = pathlib.Path(_OUT.value)
  try:
    folder.mkdir(parents=True, exist_ok=True)
    results = _earlier(folder / _RESULTS, machine)
    for name in _SUITES.value:
      results["suites"][name] = []
      for case in suites.SUITES[name](settings):
        results["suites"][name] += _rows(name, case)
        _write(folder, results)
  except OSError as error:
    raise cli.UsageError(
      f"--out={folder} cannot be written: {error.strerror}"
    ) from error
  print(f"page     {folder / _PAGE}")
  rows = [row for name in _SUITES.value for row in results["suites"][name]]
  failed = sum("error" in row for row in rows)
  if failed:
    raise cli.RunFailedError(f"{failed} measurements failed; the page says why")
  return 0


def _settings(
  overrides: Sequence[str],
) -> tuple[suites.Settings, dict[str, Any]]:
  """What is asked for, and the machine that it is asked of.

  Raises:
    cli.UsageError: for a number, preset or key that is none.
  """
  try:
    robots = tuple(int(text) for text in _NUM_ENVS.value)
  except ValueError as error:
    raise cli.UsageError(f"--num_envs takes whole numbers: {error}") from error
  if min((*robots, _ROUNDS.value, _SEEDS.value)) < 1:
    raise cli.UsageError("--num_envs, --rounds and --seeds start at 1")
  plan = {
    "preset": _PRESET.value,
    "impl": _IMPL.value[0] if _IMPL.value else None,
    "num_envs": robots[0] if len(robots) == 1 else None,
    "overrides": tuple(overrides),
  }
  try:
    machine = jobs.run("machine")
    chosen = jobs.run("defaults", plan=plan)
  except jobs.JobError as error:
    raise cli.RunFailedError(str(error)) from error
  sizes = suites.SIZES["cpu" if machine["is_cpu"] else "gpu"]
  return suites.Settings(
    sizes=sizes.of(tuple(_IMPL.value), robots),
    plan={**plan, **chosen},
    num_devices=machine["num_devices"],
    cores=machine["cores"],
    is_cpu=machine["is_cpu"],
    rounds=_ROUNDS.value,
    seeds=_SEEDS.value,
  ), machine


def _earlier(path: pathlib.Path, machine: dict[str, Any]) -> dict[str, Any]:
  """The results that a folder holds, or none yet.

  Raises:
    cli.UsageError: when they are of another machine or of other versions.
  """
  if not path.exists():
    return {"machine": machine, "suites": {}}
  try:
    results = json.loads(path.read_text())
    measured_on = results["machine"]
  except (ValueError, KeyError) as error:
    raise cli.UsageError(f"{path} is no benchmark's: {error}") from error
  if measured_on != machine:
    raise cli.UsageError(
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
  command = shlex.join(["python", "-m", _MODULE, *sys.argv[1:]])
  (folder / _RESULTS).write_text(json.dumps(results, indent=1) + "\n")
  (folder / _PAGE).write_text(page.markdown(results, command))
  page.plot(results, folder / page.PLOT)


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
