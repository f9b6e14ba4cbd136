"""Our trainer and stock Brax's, each advanced a few iterations at a time.

Both go on compiled and warm, so that they can be measured in turn.
"""

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import mujoco_playground
from brax.training.agents.ppo import train as brax_ppo

from wildrobot_playground.amp import ppo
from wildrobot_playground.amp.hooks import Hooks
from wildrobot_playground.amp.programs import Compiled, RunState
from wildrobot_playground.bench import plans
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs.store import checkpoint

_FOREVER = 10**12  # steps


class _EndedError(Exception):
  """Thrown into a training that is not needed any more."""


class Training:
  """A training in a thread of its own, which advances when it is called.

  Attributes:
    compiled: what compiling took, for our trainer.
  """

  def __init__(self, train: Callable[["Training"], None]):
    """Returns when the training is compiled and warm.

    Args:
      train: trains, and calls `pause` with its rate [steps/s] after every
        measurement; its first measurement only warms up.
    """
    self.compiled: Compiled | None = None
    self._go = threading.Semaphore(0)
    self._said: queue.Queue[float | Exception] = queue.Queue()
    self._ended = False
    self._thread = threading.Thread(
      target=self._run, args=(train,), daemon=True
    )
    self._thread.start()
    self._wait()

  def __call__(self) -> float:
    """Trains for a measurement; returns its rate [steps/s]."""
    self._go.release()
    return self._wait()

  def pause(self, rate: float) -> None:
    """Called by the training: tells the rate, waits for the next call."""
    self._said.put(rate)
    self._go.acquire()
    if self._ended:
      raise _EndedError

  def close(self) -> None:
    """Ends the training and frees its memory."""
    self._ended = True
    self._go.release()
    self._thread.join()

  def _wait(self) -> float:
    said = self._said.get()
    if isinstance(said, Exception):
      raise said
    return said

  def _run(self, train: Callable[["Training"], None]) -> None:
    try:
      train(self)
      self._said.put(RuntimeError("the training ended by itself"))
    except _EndedError:
      pass
    except Exception as error:
      self._said.put(error)


def ours(
  plan: plan_lib.Plan,
  iterations: int,
  num_devices: int = 1,
) -> Training:
  """Our PPO with the plan's motion prior.

  Args:
    plan: of the training.
    iterations: of a measurement.
    num_devices: how many devices to train on.
  """
  arguments = checkpoint.train_arguments(plan.ppo)

  def train(training: Training) -> None:
    rate = _Rate(iterations * _steps_per_iteration(arguments))
    done = 0

    def keep(steps: int, state: RunState, memory: Any) -> None:
      nonlocal done
      del steps, memory
      done += 1
      if done % iterations == 0:
        jax.block_until_ready(state)
        training.pause(rate())
        rate.restart()

    def compiled(found: Compiled) -> None:
      training.compiled = found
      rate.restart()

    environment = plans.environment(plan)
    ppo.train(
      environment,
      amp=plan.amp,
      reference=reference_lib.find(plan.reference, environment),
      seed=plan.seed,
      run_evals=False,
      hooks=Hooks(compiled_fn=compiled, state_fn=keep),
      devices=jax.devices()[:num_devices],
      **{**arguments, "num_timesteps": _FOREVER},
    )

  return Training(train)


def brax(
  plan: plan_lib.Plan, iterations: int, rounds: int, num_devices: int = 1
) -> Training:
  """Stock Brax PPO with the plan's arguments, and no style.

  Args:
    plan: of the training.
    iterations: of a measurement.
    rounds: measurements at most.
    num_devices: how many devices to train on.
  """
  arguments = checkpoint.train_arguments(plan.ppo)
  # The first two epochs compile, and one is left when it is closed.
  epochs = rounds + 3

  def train(training: Training) -> None:
    measured = []

    def progress(steps: int, metrics: Mapping[str, Any]) -> None:
      del steps
      rate = float(metrics.get("training/sps", math.nan))
      if not math.isnan(rate):
        measured.append(rate)
      if len(measured) > 1:
        training.pause(rate)

    brax_ppo.train(
      environment=plans.environment(plan),
      wrap_env_fn=mujoco_playground.wrapper.wrap_for_brax_training,
      progress_fn=progress,
      seed=plan.seed,
      num_eval_envs=1,
      max_devices_per_host=num_devices,
      **{
        **arguments,
        "num_timesteps": epochs * iterations * _steps_per_iteration(arguments),
        "num_evals": epochs + 1,
      },
    )

  return Training(train)


class _Rate:
  """Steps per second since the last start."""

  def __init__(self, steps: int):
    self._steps = steps
    self.restart()

  def restart(self) -> None:
    self._started = time.perf_counter()

  def __call__(self) -> float:
    return self._steps / (time.perf_counter() - self._started)


def _steps_per_iteration(arguments: Mapping[str, Any]) -> int:
  return (
    arguments["batch_size"]
    * arguments["num_minibatches"]
    * arguments["unroll_length"]
  )
