"""What a run will do: a request with every default filled in."""

import dataclasses
import datetime
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import mujoco_playground
from ml_collections import config_dict

from wildrobot_playground import robots
from wildrobot_playground.config import key_ranges, overrides, ranges
from wildrobot_playground.envs import presets as config_lib
from wildrobot_playground.robots import catalog, playground
from wildrobot_playground.runs import ppo_config, robot_option, saved_config
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs.logs import wandb_sink
from wildrobot_playground.system import backend, cli, errors

SECTIONS = saved_config.SECTIONS
# The most seen under random targets: 8 on flat ground, 13 on rough ground.
CONTACTS_PER_ROBOT = 16
_MANY_ROBOTS = 1024  # From there on, settings of Playground's are for a GPU.


@dataclasses.dataclass(frozen=True)
class Request:
  """What the user asked for; None means the preset's or the default's.

  Attributes:
    env: environment name.
    robot: name of a robot, or the folder of one; it walks where `env` is None.
    preset: key of `config.PRESETS`, or `auto`.
    amp_weight: share of style in the reward.
    num_timesteps: environment steps.
    seed: of everything random.
    impl: physics engine.
    run_dir: run folder.
    reference: path of a dataset or of a folder of clips.
    domain_randomization: vary friction, masses and servos.
    randomization: key of `config.RANDOMIZATIONS`; sets `domain_randomization`.
    init_from: run folder or stock Brax checkpoint whose networks to start with.
    check: look at reference and environment first, as the doctor does.
    evaluate: judge a few checkpoints on the way, and keep the best.
    video: render a video at the end.
    resume: `auto`, a run folder or a checkpoint; see `runs.store.resume`.
    resume_override: keys that may differ from those of the resumed run.
    wandb: how the run is shown at Weights & Biases.
    overrides: `--section.key=value` arguments.
  """

  env: str | None = None
  robot: str | None = None
  preset: str | None = None
  amp_weight: float | None = None
  num_timesteps: int | None = None
  seed: int | None = None
  impl: str | None = None
  run_dir: str | None = None
  reference: str | None = None
  domain_randomization: bool | None = None
  randomization: str | None = None
  init_from: str | None = None
  check: bool = True
  evaluate: bool = True
  video: bool = True
  resume: str | None = None
  resume_override: tuple[str, ...] = ()
  wandb: wandb_sink.Options = dataclasses.field(
    default_factory=wandb_sink.Options
  )
  overrides: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Plan:
  """A request with every default filled in.

  Attributes:
    env: environment name.
    robot: folder of a robot that is none of ours; None else.
    preset: key of `config.PRESETS`.
    ppo: PPO arguments.
    amp: see `config.amp_config`.
    env_config: the environment's configuration.
    seed: of everything random.
    run_dir: run folder.
    reference: path of a dataset or of a folder of clips; None for ours.
    domain_randomization: vary friction, masses and servos.
    init_from: run folder or stock Brax checkpoint whose networks to start with;
      None for fresh ones.
  """

  env: str
  robot: str | None
  preset: str
  ppo: config_dict.ConfigDict
  amp: config_dict.ConfigDict
  env_config: config_dict.ConfigDict
  seed: int
  run_dir: pathlib.Path
  reference: str | None
  domain_randomization: bool
  init_from: str | None

  @property
  def is_ours(self) -> bool:
    """Whether the environment is one of this package's."""
    return self.env in catalog.environments()


def make_plan(request: Request, saved: Mapping[str, Any] | None = None) -> Plan:
  """Fills in every default and applies preset, flags and overrides, in turn.

  Args:
    request: what was asked for.
    saved: `config.json` of the run to resume; its values are the defaults then.

  Raises:
    UsageError: naming the nearest valid environment, preset or key, or
      what a value must be.
  """
  where = pathlib.Path(request.run_dir or "") / saved_config.FILE
  if saved is not None:
    saved_config.check(saved, where)
    saved_config.require(saved, where, *SECTIONS)
  earlier = saved or {}
  robot = request.robot or earlier.get("robot")
  env = _environment(request.env or earlier.get("env"), robot)
  cli.choose("environment", env, mujoco_playground.registry.ALL_ENVS)
  preset = config_lib.resolve_preset(
    cli.choose(
      "preset",
      request.preset or earlier.get("preset", "auto"),
      ["auto", *config_lib.PRESETS],
    )
  )
  sections = _sections(env, preset, earlier, where)
  if request.randomization is not None:
    request = _randomize(request, sections["env_config"])
  _apply_flags(request, sections)
  overrides.apply_overrides(sections, request.overrides)
  if env in catalog.environments():
    _start_from_reference(request, sections["env_config"].reset_config)
    _make_room_for_contacts(sections)
  stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
  default_dir = pathlib.Path("runs") / f"{env}-{stamp}"
  given = {
    name: getattr(request, name)
    if getattr(request, name) is not None
    else earlier.get(name, default)
    for name, default in (
      ("seed", 0),
      ("reference", None),
      ("domain_randomization", False),
      ("init_from", None),
    )
  }
  _check(sections, given["seed"], env)
  return Plan(
    env=env,
    robot=_folder(robot),
    preset=preset,
    run_dir=pathlib.Path(request.run_dir or default_dir),
    **sections,
    **given,
  )


def _environment(env: str | None, robot: str | None) -> str:
  """The environment: as it is named, or the walking task of a robot.

  Raises:
    UsageError: for an environment of another robot.
  """
  if robot is None:
    return env or robots.WILDROBOT.environments[0]
  walks = robot_option.find(robot).environments
  if env is not None and env not in walks:
    raise errors.UsageError(
      f"--env={env} is no walking task of --robot={robot}; its are"
      f" {', '.join(walks)}"
    )
  return env or walks[0]


def _folder(robot: str | None) -> str | None:
  """Where a robot that is none of ours is found later: folder, or name."""
  if robot is None or robot in {shipped.name for shipped in catalog.SHIPPED}:
    return None
  if playground.brings(robot):
    return robot
  return str(pathlib.Path(robot).resolve())


def defaults(env: str) -> dict[str, config_dict.ConfigDict]:
  """The three configurations of an environment, without a preset.

  Raises:
    UsageError: for an environment without PPO arguments.
  """
  return {
    "ppo": ppo_config.find(env),
    "amp": config_lib.amp_config(),
    "env_config": mujoco_playground.registry.get_default_config(env),
  }


def _sections(
  env: str, preset: str, saved: Mapping[str, Any], where: pathlib.Path
) -> dict[str, config_dict.ConfigDict]:
  """The three configurations, before flags."""
  sections = defaults(env)
  if saved:
    for name, section in sections.items():
      saved_config.fill(section, saved, name, where)
  elif env in catalog.environments():
    config_lib.apply_preset(preset, sections)
  else:
    sections["amp"].weight = 0.0  # Playground's own emit no features.
    if preset == "cpu" and sections["ppo"].num_envs > _MANY_ROBOTS:
      sections["ppo"].update(config_lib.CPU_SIZES)
    if "impl" in sections["env_config"] and backend.choices().impl == "mujoco":
      sections["env_config"].impl = "auto"  # MJX is slow on a CPU.
  return sections


def _check(
  sections: Mapping[str, config_dict.ConfigDict], seed: int, env: str
) -> None:
  """Refuses what a key may not be, and what does not fit together.

  Raises:
    UsageError: naming the key, its value and what it must be.
  """
  try:
    key_ranges.check("", {"seed": seed})
    key_ranges.check_prior(sections["amp"])
    for name, section in sections.items():
      flat = ranges.flatten(section)
      if name == "env_config" and env not in catalog.environments():
        # Playground's own have infinities among their defaults.
        usual = ranges.flatten(
          mujoco_playground.registry.get_default_config(env)
        )
        flat = {key: v for key, v in flat.items() if v != usual.get(key)}
        key_ranges.check(name, flat, ours=False)
      else:
        key_ranges.check(name, flat)
    key_ranges.check_batches(sections["ppo"])
  except key_ranges.RangeError as error:
    raise errors.UsageError(str(error)) from error


def _randomize(request: Request, env_config: config_dict.ConfigDict) -> Request:
  """Applies a randomisation's settings; what else follows from it."""
  name = cli.choose(
    "randomization", request.randomization or "", config_lib.RANDOMIZATIONS
  )
  try:
    env_config.update_from_flattened_dict(config_lib.RANDOMIZATIONS[name])
  except (KeyError, AttributeError) as error:
    raise errors.UsageError(
      "--randomization is for WildRobot's environments only"
    ) from error
  if request.domain_randomization is not None:
    return request
  return dataclasses.replace(request, domain_randomization=name != "off")


def _apply_flags(
  request: Request, sections: dict[str, config_dict.ConfigDict]
) -> None:
  if request.num_timesteps is not None:
    sections["ppo"].num_timesteps = request.num_timesteps
  if request.amp_weight is not None:
    sections["amp"].weight = request.amp_weight
  if request.impl is not None:
    sections["env_config"].impl = request.impl


def _make_room_for_contacts(
  sections: dict[str, config_dict.ConfigDict],
) -> None:
  """Warp shares one buffer of contacts among all robots; it must hold them."""
  env_config = sections["env_config"]
  if env_config.impl == "warp":
    needed = CONTACTS_PER_ROBOT * sections["ppo"].num_envs
    env_config.naconmax = max(env_config.naconmax, needed)


def _start_from_reference(
  request: Request, reset_config: config_dict.ConfigDict
) -> None:
  """Episodes start in the motion that is imitated, where its clips are here."""
  if not request.reference or reset_config.reference_clips:
    return
  folder = reference_lib.clips_of(request.reference)
  if folder is not None:
    reset_config.reference_clips = str(folder.resolve())
  elif reset_config.reference_probability > 0:
    print(
      f"note: no clips beside {request.reference}; episodes start in poses of"
      " the shipped walks",
      file=sys.stderr,
    )
