"""Whether an exported policy does as the original, and how long it takes."""

import time
from collections.abc import Callable

import numpy as np

from wildrobot_playground.policy import controller
from wildrobot_playground.runs.exporting.trained import ExportError, Trained

_MAX_DIFFERENCE = 1e-5
_RANDOM = 10_000  # observations
_LATENCY_STEPS = 2000


def prove(
  name: str,
  trained: Trained,
  infer: Callable[[np.ndarray], np.ndarray],
) -> list[str]:
  """Compares with the original on random observations.

  Raises:
    ExportError: when an action differs by more than 1e-5.
  """
  size = trained.observation_size
  rows = np.random.default_rng(0).normal(size=(_RANDOM, size))
  if trained.normalizer is not None:
    mean, std = trained.normalizer
    rows = rows * std + mean
  rows = rows.astype(np.float32)
  difference = float(
    np.max(np.abs(infer(rows) - np.asarray(trained.policy(rows))))
  )
  if not difference <= _MAX_DIFFERENCE:
    raise ExportError(
      f"{name} and the original differ by {difference:.2g} on random"
      f" observations, more than {_MAX_DIFFERENCE:g}: nothing was written"
    )
  return [
    f"{name:8s} within {difference:.1g} of the original on {_RANDOM:,} random"
    " observations"
  ]


def latency(policy: controller.Policy) -> str:
  """How long a robot waits for one control step: medians, in a line."""
  readings = controller.Readings(
    orientation=np.array([1.0, 0.0, 0.0, 0.0], np.float32),
    gyro=np.zeros(3, np.float32),
    joint_pos=policy.controller.default_pose,
    joint_vel=np.zeros_like(policy.controller.default_pose),
  )
  policy.reset(readings.orientation)
  observation = policy.observe(readings, 0.3)
  network = _median_ms(lambda: policy.infer(observation))
  whole = _median_ms(lambda: policy.step(readings, 0.3))
  return (
    f"latency  {network:.3f} ms the network, {whole:.3f} ms the whole control"
    " step, one thread"
  )


def network_latency(infer: Callable[[np.ndarray], object], size: int) -> str:
  """The same for a network that no control loop of ours runs."""
  observation = np.zeros((1, size), np.float32)
  return (
    f"latency  {_median_ms(lambda: infer(observation)):.3f} ms the network, one"
    " thread"
  )


def _median_ms(act: Callable[[], object]) -> float:
  times = []
  for _ in range(_LATENCY_STEPS):
    started = time.perf_counter()
    act()
    times.append(time.perf_counter() - started)
  return 1e3 * float(np.median(times))
