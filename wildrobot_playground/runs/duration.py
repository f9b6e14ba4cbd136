"""How long a training takes: guessed before it starts, then measured."""

import itertools
import time
from collections.abc import Callable

import jax
from ml_collections import config_dict

from wildrobot_playground.envs import physics
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.system import backend

# Time of one core [s] in a control step of a robot, measured on a Xeon: of a
# time step of MuJoCo C, of a weight of policy and value in a pass forward (back
# is two more), of all the rest; and what a run does beside training.
_TIME_STEP, _WEIGHT, _REST = 12e-6, 27e-12, 38e-6
_BESIDE = 1.15
_OBSERVATION_SIZES = (38, 96)  # of policy and value

_FEWEST_ITERATIONS, _SHORTEST = 3, 10.0  # s, of a measurement


def guess(plan: plan_lib.Plan, steps: int) -> float | None:
  """Seconds that `steps` take, about; None where nobody measured it."""
  on_cpu = jax.default_backend() == "cpu"
  if not plan.is_ours or not on_cpu:
    return None
  if physics.resolve_impl(plan.env_config.impl) != "mujoco":
    return None
  passes = 1 + 3 * plan.ppo.num_updates_per_batch
  substeps = plan.env_config.ctrl_dt / plan.env_config.sim_dt
  step = _TIME_STEP * substeps * plan.ppo.action_repeat + _REST
  step += _WEIGHT * passes * _num_weights(plan.ppo.network_factory)
  return _BESIDE * steps * step / backend.usable_cores()


def _num_weights(networks: config_dict.ConfigDict) -> int:
  hidden = (
    networks.policy_hidden_layer_sizes,
    networks.value_hidden_layer_sizes,
  )
  return sum(
    a * b
    for size, layers in zip(_OBSERVATION_SIZES, hidden, strict=True)
    for a, b in itertools.pairwise((size, *layers))
  )


class Measurement:
  """Tells once, after the first iterations, how long the rest takes."""

  def __init__(
    self, total_steps: int, clock: Callable[[], float] = time.monotonic
  ):
    """Starts with the first iteration's end: what comes before is no rate.

    Args:
      total_steps: of the whole run.
      clock: seconds.
    """
    self._total = total_steps
    self._clock = clock
    self._first: tuple[int, float] | None = None
    self._iterations = 0
    self._told = False

  def __call__(self, steps: int) -> str | None:
    """What to say after `steps`, when it is time to."""
    now = self._clock()
    if self._first is None:
      self._first = steps, now
      return None
    self._iterations += 1
    first_steps, started = self._first
    spent = now - started
    enough = self._iterations >= _FEWEST_ITERATIONS and spent >= _SHORTEST
    if self._told or not enough or steps >= self._total:
      return None
    self._told = True
    rate = (steps - first_steps) / spent
    return (
      f"{said((self._total - steps) / rate)} to go, measured at {rate:,.0f}"
      " steps/s"
    )


def said(seconds: float) -> str:
  """A time in words, to about a tenth."""
  minutes = seconds / 60
  if minutes < 1:
    return "less than a minute"
  if minutes < 100:
    return f"about {minutes:.0f} min"
  return f"about {minutes / 60:.1f} h"
