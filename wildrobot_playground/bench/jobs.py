"""The measurements, each in a process of its own.

`run` is the parent's side. The child is this module: it reads a job and its
arguments as JSON, and answers with JSON in its last line. A process a
measurement keeps them apart: its own cores, devices, compile cache and peak of
memory, and one that dies takes nothing with it.
"""

import dataclasses
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from wildrobot_playground.system import cli, errors, stopping

_STARTED = time.monotonic()
_HOST_DEVICES = "--xla_force_host_platform_device_count"


class JobError(RuntimeError):
  """A measurement that failed; the child's last line says why."""


def run(
  job: str,
  cores: int | None = None,
  host_devices: int = 1,
  cache: str = "",
  patience: float | None = None,
  **arguments: Any,
) -> dict[str, Any]:
  """Runs a job of `JOBS` in a process of its own.

  Args:
    job: its name.
    cores: how many it may use; all when None.
    host_devices: how many devices jax shall make of a CPU.
    cache: folder of its compile cache; the default one when empty.
    patience: seconds until it is given up; never when None.
    **arguments: of the job.

  Raises:
    UsageError: for arguments that cannot be used.
    JobError: when it fails, or takes longer than that.
  """
  environ = dict(os.environ)
  if cache:
    environ["JAX_COMPILATION_CACHE_DIR"] = cache
  if host_devices > 1:
    flags = environ.get("XLA_FLAGS", "")
    environ["XLA_FLAGS"] = f"{flags} {_HOST_DEVICES}={host_devices}"
  order = {"job": job, "cores": cores, "arguments": arguments}
  found = _finished(
    [sys.executable, "-m", __name__, json.dumps(order)], environ, patience
  )
  if found.returncode:
    lines = found.stderr.strip().splitlines() or [f"exit {found.returncode}"]
    said = lines[-1].removeprefix("error: ")
    raise (errors.UsageError if found.returncode == 2 else JobError)(said)
  return json.loads(found.stdout.strip().splitlines()[-1])


def _finished(
  command: list[str], environ: dict[str, str], patience: float | None
) -> subprocess.CompletedProcess[str]:
  """Waits for a child, which a signal to us ends as well.

  Raises:
    JobError: when it takes longer than `patience` [s].
  """
  children: list[subprocess.Popen[str]] = []

  def leave(number: int) -> None:
    for child in children:
      child.kill()
    stopping.Leaving()(number)

  pipe = subprocess.PIPE
  with (
    stopping.reacting(leave),
    subprocess.Popen(
      command, env=environ, stdout=pipe, stderr=pipe, text=True
    ) as child,
  ):
    children.append(child)
    try:
      out, err = child.communicate(timeout=patience)
    except subprocess.TimeoutExpired as error:
      child.kill()
      raise JobError(f"no answer in {patience:.0f} s") from error
  return subprocess.CompletedProcess(command, child.returncode, out, err)


def machine() -> dict[str, Any]:
  """The machine and the versions."""
  import jax

  from wildrobot_playground.runs.doctor import versions
  from wildrobot_playground.system import backend

  return {
    "devices": backend.describe(),
    "processor": _processor(),
    "system": f"{platform.system()} {platform.machine()}",
    "cores": backend.usable_cores(),
    "num_devices": jax.device_count(),
    "is_cpu": jax.default_backend() == "cpu",
    "versions": {
      "python": platform.python_version(),
      **versions.installed(),
    },
  }


def defaults(plan: dict[str, Any]) -> dict[str, Any]:
  """What `plans.make` fills in: preset, engine and number of robots."""
  from wildrobot_playground.bench import plans
  from wildrobot_playground.envs import physics

  made = plans.make(**plan)
  return {
    "preset": made.preset,
    "impl": physics.resolve_impl(made.env_config.impl),
    "num_envs": made.ppo.num_envs,
  }


def stepping(
  plan: dict[str, Any], control_steps: int, rounds: int
) -> dict[str, Any]:
  """Steps/s of the environment and, under the C engine, of MuJoCo alone.

  Args:
    plan: arguments of `plans.make`.
    control_steps: of a measurement.
    rounds: measurements.
  """
  from wildrobot_playground.bench import measuring, plans
  from wildrobot_playground.bench import stepping as stepping_lib
  from wildrobot_playground.envs import physics

  made = plans.make(**plan)
  sides = {"environment": stepping_lib.environment(made, control_steps)}
  if physics.resolve_impl(made.env_config.impl) == "mujoco":
    sides["mujoco.rollout"] = stepping_lib.mujoco_alone(made, control_steps)
  return _plain(measuring.alternate(sides, rounds))


def environments() -> dict[str, Any]:
  """Names of Playground's environments."""
  from wildrobot_playground.bench import environments as environments_lib

  return {"names": environments_lib.names()}


def environment(
  name: str, impl: str, num_envs: int, rounds: int
) -> dict[str, Any]:
  """Steps/s of an environment of Playground, and what compiling took.

  Under the C engine also of a bare loop over MuJoCo C, and of EnvPool where
  that is installed.

  Args:
    name: in Playground's registry.
    impl: the engine.
    num_envs: robots.
    rounds: measurements of each side.
  """
  from wildrobot_playground.bench import environments as environments_lib
  from wildrobot_playground.bench import measuring

  stepped = environments_lib.environment(name, impl, num_envs)
  sides = {"environment": stepped.measure}
  if impl == "mujoco":
    sides["mujoco.batch"] = environments_lib.mujoco_alone(stepped)
    pool = environments_lib.envpool(name, stepped)
    if pool is not None:
      sides["envpool"] = pool
  return {
    "rates": _plain(measuring.alternate(sides, rounds)),
    "compile_seconds": stepped.compile_seconds,
  }


def training(
  plan: dict[str, Any],
  sides: Sequence[str],
  iterations: int,
  rounds: int,
  devices: int = 1,
) -> dict[str, Any]:
  """Steps/s of trainers, what compiling took, and memory.

  Args:
    plan: arguments of `plans.make`.
    sides: of `amp`, `task` (our trainer without style) and `brax`.
    iterations: of a measurement.
    rounds: measurements.
    devices: how many to train on.
  """
  from wildrobot_playground.bench import measuring, plans, trainers

  def start(side: str) -> trainers.Training:
    weight = None if side == "amp" else 0.0
    made = plans.make(**plan, amp_weight=weight)
    if side == "brax":
      return trainers.brax(made, iterations, rounds, devices)
    return trainers.ours(made, iterations, devices)

  trainings = {side: start(side) for side in sides}
  warm = time.monotonic() - _STARTED
  rates = measuring.alternate(trainings, rounds)
  compiled = trainings[sides[0]].compiled
  for found in trainings.values():
    found.close()
  return {
    "rates": _plain(rates),
    "compile_seconds": compiled.seconds if compiled else None,
    "program_bytes": compiled.bytes if compiled else None,
    "start_seconds": warm,
    "peak_bytes": _peak_bytes(),
  }


def walking(plan: dict[str, Any], evaluations: int) -> dict[str, Any]:
  """Time to walking; see `walking.measure`.

  Args:
    plan: arguments of `plans.make`.
    evaluations: of a training that never walks.
  """
  from wildrobot_playground.bench import plans
  from wildrobot_playground.bench import walking as walking_lib

  return dataclasses.asdict(
    walking_lib.measure(plans.make(**plan), evaluations, _STARTED)
  )


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
  "machine": machine,
  "defaults": defaults,
  "stepping": stepping,
  "environments": environments,
  "environment": environment,
  "training": training,
  "walking": walking,
}


def _plain(rates: dict[str, Any]) -> dict[str, dict[str, float]]:
  return {name: dataclasses.asdict(rate) for name, rate in rates.items()}


def _processor() -> str:
  """Name of the processor, where the system tells."""
  try:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
      for line in lines:
        if line.startswith("model name"):
          return line.partition(":")[2].strip()
  except OSError:
    pass
  return platform.processor() or "unknown processor"


def _peak_bytes() -> int | None:
  """The most memory that the device, or on a CPU this process, has held."""
  import resource

  import jax

  device = jax.local_devices()[0]
  if device.platform == "cpu":
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return (device.memory_stats() or {}).get("peak_bytes_in_use")


def _main(arguments: Sequence[str]) -> int:
  """The child."""
  order = json.loads(arguments[0])
  if order["cores"] is not None and hasattr(os, "sched_setaffinity"):
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, usable[: order["cores"]])
  try:
    found = JOBS[order["job"]](**order["arguments"])
  except errors.UsageError:
    raise
  except Exception as error:  # jax ends its tracebacks with words of its own.
    first_line = (str(error).splitlines() or [""])[0]
    raise errors.RunFailedError(
      f"{type(error).__name__}: {first_line}"
    ) from error
  print(json.dumps(found))
  return 0


if __name__ == "__main__":
  cli.run(_main, takes_rest=True)
