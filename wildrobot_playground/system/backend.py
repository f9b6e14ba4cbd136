"""What a run takes from its machine: chosen here, and nowhere else.

jax is imported where it is asked: plain MuJoCo's side does without.
"""

import dataclasses
import os
import pathlib


@dataclasses.dataclass(frozen=True)
class Choices:
  """What `auto` means on a kind of machine.

  Attributes:
    preset: key of `config.PRESETS`.
    impl: physics engine, see `envs.physics`.
  """

  preset: str
  impl: str


_CPU = Choices("cpu", "mujoco")
_ACCELERATOR = Choices("gpu", "jax")


def choices(backend: str | None = None) -> Choices:
  """The choices of a backend of jax; its default one when None."""
  if backend is None:
    import jax

    backend = jax.default_backend()
  return _CPU if backend == "cpu" else _ACCELERATOR


def describe() -> str:
  """The devices of this run in words."""
  import jax

  device = jax.devices()[0]
  processes = ""
  if jax.process_count() > 1:
    processes = f" in {jax.process_count()} processes"
  kind = f" ({device.device_kind})" if device.device_kind != "cpu" else ""
  return (
    f"{device.platform} x {jax.device_count()}{processes}{kind},"
    f" {usable_cores()} cores"
  )


def usable_cores() -> int:
  """Cores that this process may use; not every system has affinities."""
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def free_bytes() -> float | None:
  """Free memory of the first device; None when nobody knows.

  Devices of a CPU share its memory evenly.
  """
  import jax

  device = jax.local_devices()[0]
  if device.platform != "cpu":
    stats = device.memory_stats()
    return stats["bytes_limit"] - stats["bytes_in_use"] if stats else None
  free = free_ram()
  return None if free is None else free / jax.local_device_count()


def free_ram() -> float | None:
  """Memory of this machine that is free [bytes]; None when nobody knows."""
  try:
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    sizes = dict(line.split(":") for line in lines)
    return 1024.0 * float(sizes["MemAvailable"].split()[0])
  except (OSError, KeyError, ValueError):
    return None
