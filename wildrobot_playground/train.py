r"""Trains a policy, with or without an adversarial motion prior.

  python -m wildrobot_playground.train --env=WildRobotWalk --amp_weight=0.3

Any key of a configuration can be overridden:

  --amp.disc_lr=5e-5 --ppo.num_envs=1024 \
  --env_config.reward_config.scales.tracking_lin_vel=4.0

docs/keys.md lists all of them, with what they may be.
"""

import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from wildrobot_playground.config import overrides
from wildrobot_playground.runs import robot_option
from wildrobot_playground.system import cli, errors

if TYPE_CHECKING:
  from wildrobot_playground.runs import plan as plan_lib

flags.adopt_module_key_flags(robot_option)
_ENV = flags.DEFINE_string(
  "env",
  None,
  "Environment, ours or Playground's; the robot's walking task by default.",
)
flags.DEFINE_alias("env_name", "env")
_AMP_WEIGHT = flags.DEFINE_float(
  "amp_weight",
  None,
  "Share of style in the reward, 0 (pure task) to 1; 0.3 by default.",
)
_PRESET = flags.DEFINE_string(
  "preset",
  None,
  "Settings to start from: auto (the default), cpu, gpu, original_v010,"
  " original_v020, original_v030, mimickit, amp_for_hardware or legged_lab.",
)
_NUM_TIMESTEPS = flags.DEFINE_integer(
  "num_timesteps", None, "Environment steps; the preset's by default."
)
_SEED = flags.DEFINE_integer(
  "seed", None, "Seed of everything random; 0 by default."
)
_IMPL = flags.DEFINE_string(
  "impl", None, "Physics engine: auto, mujoco, jax or warp."
)
_RUN_DIR = flags.DEFINE_string(
  "run_dir", None, "Run folder; runs/<env>-<time> by default."
)
_REFERENCE = flags.DEFINE_string(
  "reference",
  None,
  "Reference: a dataset (.npz) or a folder of clips; ours by default.",
)
_DOMAIN_RANDOMIZATION = flags.DEFINE_boolean(
  "domain_randomization", None, "Vary friction, masses and servos."
)
_RANDOMIZATION = flags.DEFINE_string(
  "randomization",
  None,
  "off, mild or strong: ranges of domain randomisation, pushes and delays.",
)
_INIT_FROM = flags.DEFINE_string(
  "init_from",
  None,
  "Start with the networks of a run folder, of an export, of a stock Brax"
  " checkpoint, or of a shipped policy by its name.",
)
_RESUME = flags.DEFINE_string(
  "resume",
  None,
  "Go on with a run: auto, a run folder, or a folder in its checkpoints/.",
)
_RESUME_OVERRIDE = flags.DEFINE_list(
  "resume_override", [], "Keys that may differ from the resumed run's."
)
_CHECK = flags.DEFINE_boolean(
  "check", True, "Look at reference and environment first, as the doctor does."
)
_EVALUATE = flags.DEFINE_boolean(
  "evaluate", True, "Judge a few checkpoints on the way, and keep the best."
)
_WANDB = flags.DEFINE_enum(
  "wandb",
  "auto",
  ["auto", "online", "offline", "disabled"],
  "Weights & Biases; auto is online where a login exists, else offline.",
)
_WANDB_PROJECT = flags.DEFINE_string(
  "wandb_project", "wildrobot-playground", "Project there."
)
_WANDB_ENTITY = flags.DEFINE_string("wandb_entity", "", "User or team there.")
_WANDB_TAGS = flags.DEFINE_list("wandb_tags", [], "Tags of the run there.")
_WANDB_GROUP = flags.DEFINE_string("wandb_group", "", "Its group.")
_WANDB_NOTES = flags.DEFINE_string("wandb_notes", "", "Notes on it.")
_VIDEO = flags.DEFINE_boolean("video", True, "Render a video at the end.")
_COORDINATOR = flags.DEFINE_string(
  "coordinator",
  None,
  "host:port of the first of several processes; not needed under SLURM.",
)
_NUM_PROCESSES = flags.DEFINE_integer(
  "num_processes", None, "How many processes train together."
)
_PROCESS_ID = flags.DEFINE_integer(
  "process_id", None, "Which of them this is, from 0 on."
)


def main(arguments: Sequence[str]) -> int:
  """Turns the flags into a run; see `runs.training`."""
  _check_resume()
  overrides.check_early(
    {
      "seed": _SEED.value,
      "ppo.num_timesteps": _NUM_TIMESTEPS.value,
      "env_config.impl": _IMPL.value,
    },
    arguments,
    ours=_is_ours(),
  )
  # Imported here: `cli.run` prepares the process for jax first.
  from wildrobot_playground.system import distributed

  distributed.join(_COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value)
  from wildrobot_playground.runs import training

  request = _request(arguments)
  with distributed.only_primary_speaks():
    training.run(request)
  return 0


def _is_ours() -> bool:
  """Whether a new run of a walking task is asked for."""
  from wildrobot_playground.robots import catalog

  robot_option.chosen()
  if _ENV.value is None:
    return _RESUME.value is None
  return _ENV.value in catalog.environments()


def check(arguments: Sequence[str]) -> str:
  """Refuses the settings that `main` would refuse; starts nothing.

  Args:
    arguments: what the flags left over.

  Returns:
    All settings, written out: equal for equal trainings.

  Raises:
    UsageError: for a key or a value that is none.
  """
  _check_resume()
  from wildrobot_playground.runs import plan, plan_record

  request = _request(arguments)
  made = plan_record.flat(plan_record.describe(plan.make_plan(request)))
  others = (request.check, request.evaluate, request.video, request.wandb)
  return repr((sorted(made.items()), others))


def _check_resume() -> None:
  """Refuses flags beside `--resume`, or without it, that would do nothing.

  Raises:
    UsageError: naming the flag.
  """
  resume, run_dir = _RESUME.value, _RUN_DIR.value
  if resume is None and _RESUME_OVERRIDE.value:
    raise errors.UsageError(
      f"--resume_override={','.join(_RESUME_OVERRIDE.value)} needs"
      " --resume=RUN_FOLDER"
    )
  if resume in (None, "auto") or run_dir is None:
    return
  where = os.path.realpath(run_dir)
  here = pathlib.Path(os.path.realpath(resume))
  if where not in (str(here), str(here.parent.parent)):
    raise errors.UsageError(
      f"--resume={resume} goes on in its own folder, and --run_dir={run_dir} is"
      " another; drop --run_dir, or start a new run there with --init_from"
    )


def _request(arguments: Sequence[str]) -> "plan_lib.Request":
  """What the flags ask for."""
  from wildrobot_playground.runs import plan
  from wildrobot_playground.runs.logs import wandb_sink

  return plan.Request(
    env=_ENV.value,
    robot=robot_option.ROBOT.value,
    preset=_PRESET.value,
    amp_weight=_AMP_WEIGHT.value,
    num_timesteps=_NUM_TIMESTEPS.value,
    seed=_SEED.value,
    impl=_IMPL.value,
    run_dir=_RUN_DIR.value,
    reference=_REFERENCE.value,
    domain_randomization=_DOMAIN_RANDOMIZATION.value,
    randomization=_RANDOMIZATION.value,
    init_from=_INIT_FROM.value,
    check=_CHECK.value,
    evaluate=_EVALUATE.value,
    video=_VIDEO.value,
    resume=_RESUME.value,
    resume_override=tuple(_RESUME_OVERRIDE.value),
    wandb=wandb_sink.Options(
      mode=_WANDB.value,
      project=_WANDB_PROJECT.value,
      entity=_WANDB_ENTITY.value,
      tags=tuple(_WANDB_TAGS.value),
      group=_WANDB_GROUP.value,
      notes=_WANDB_NOTES.value,
    ),
    overrides=tuple(arguments),
  )


def run() -> None:
  """Entry point of the command line."""
  cli.run(main, takes_rest=True, needs_reader=False)


if __name__ == "__main__":
  run()
