"""What is measured: the plan of a training, as `train` would make it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import mujoco_playground

from wildrobot_playground.runs import plan as plan_lib

_ENV = "WildRobotWalk"


def make(
  preset: str,
  impl: str | None,
  overrides: Sequence[str] = (),
  num_envs: int | None = None,
  amp_weight: float | None = None,
  seed: int = 0,
) -> plan_lib.Plan:
  """A plan of a training.

  Args:
    preset: key of `config.PRESETS`, or `auto`.
    impl: physics engine; the preset's when None.
    overrides: `--section.key=value` arguments.
    num_envs: robots; batches grow where they would not divide. The preset's
      when None.
    amp_weight: share of style; the default when None.
    seed: of everything random.

  Raises:
    UsageError: for a name, key or value that is none.
  """
  request = plan_lib.Request(
    env=_ENV,
    preset=preset,
    impl=impl,
    amp_weight=amp_weight,
    seed=seed,
    overrides=tuple(overrides),
  )
  plan = plan_lib.make_plan(request)
  if num_envs is None:
    return plan
  needed = -(-num_envs // plan.ppo.num_minibatches)
  batch_size = max(plan.ppo.batch_size, needed)
  sizes = (f"--ppo.num_envs={num_envs}", f"--ppo.batch_size={batch_size}")
  return plan_lib.make_plan(
    dataclasses.replace(request, overrides=(*overrides, *sizes))
  )


def environment(plan: plan_lib.Plan) -> Any:
  """The plan's environment."""
  return mujoco_playground.registry.load(plan.env, config=plan.env_config)
