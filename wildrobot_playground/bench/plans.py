"""What is measured: the plan of a training, as `train` would make it."""

from collections.abc import Sequence

from wildrobot_playground.runs import plan as plan_lib

ENV = "WildRobotWalk"


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
    cli.UsageError: for a name, key or value that is none.
  """
  plan = plan_lib.make_plan(
    plan_lib.Request(
      env=ENV,
      preset=preset,
      impl=impl,
      amp_weight=amp_weight,
      seed=seed,
      overrides=tuple(overrides),
    )
  )
  if num_envs is not None:
    plan.ppo.num_envs = num_envs
    needed = -(-num_envs // plan.ppo.num_minibatches)
    plan.ppo.batch_size = max(plan.ppo.batch_size, needed)
  return plan
