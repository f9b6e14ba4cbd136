"""The arguments of `ppo.train`: known by name, in range, divisible."""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from typing import Any

from brax.training.agents.ppo import networks, optimizer
from ml_collections import config_dict

from wildrobot_playground.config import key_ranges, ranges

# Arguments of Brax's that ours answers otherwise.
_INSTEAD = {
  "save_checkpoint_path": "save them in policy_params_fn",
  "restore_checkpoint_path": "load them and pass restore_params",
}


@dataclasses.dataclass(frozen=True)
class PPOSettings:
  """Brax's PPO arguments, with Brax's names, meanings and defaults.

  Source: `brax.training.agents.ppo.train.train` of Brax 0.14.2.
  """

  num_envs: int = 1
  episode_length: int = 1000
  action_repeat: int = 1
  wrap_env: bool = True
  vision: bool = False
  augment_pixels: bool = False
  learning_rate: float = 1e-4
  entropy_cost: float = 1e-4
  discounting: float = 0.9
  unroll_length: int = 10
  batch_size: int = 32
  num_minibatches: int = 16
  num_updates_per_batch: int = 2
  num_evals: int = 1
  num_resets_per_eval: int = 0
  normalize_observations: bool = False
  normalize_observations_std_eps: float = 0.0
  normalize_observations_mode: str = "welford"
  normalize_until_count: int | None = None
  reward_scaling: float = 1.0
  clipping_epsilon: float = 0.3
  clipping_epsilon_value: float | None = None
  gae_lambda: float = 0.95
  max_grad_norm: float | None = None
  normalize_advantage: bool = True
  vf_loss_coefficient: float = 0.5
  bootstrap_on_timeout: bool = False
  use_distributional_critic: bool = False
  desired_kl: float = 0.01
  learning_rate_schedule: str | optimizer.LRSchedule | None = None
  learning_rate_schedule_min_lr: float = 1e-5
  learning_rate_schedule_max_lr: float = 1e-2
  log_training_metrics: bool = False
  training_metrics_steps: int | None = None
  restore_value_fn: bool = True
  network_factory: Callable[..., networks.PPONetworks] = (
    networks.make_ppo_networks
  )

  @property
  def steps_per_iteration(self) -> int:
    """Environment steps that one iteration collects, over all devices."""
    samples = self.batch_size * self.num_minibatches
    return samples * self.unroll_length * self.action_repeat

  @property
  def adapts_learning_rate(self) -> bool:
    """Whether the learning rate follows the policy's divergence."""
    schedule = self.learning_rate_schedule or optimizer.LRSchedule.NONE
    return optimizer.LRSchedule(schedule) is optimizer.LRSchedule.ADAPTIVE_KL

  @property
  def needs_values(self) -> bool:
    """Whether the values of the states are kept while data is collected."""
    return self.bootstrap_on_timeout or self.clipping_epsilon_value is not None


def settings_of(ppo: Mapping[str, Any]) -> PPOSettings:
  """The settings of keyword arguments; names the nearest for an unknown one."""
  known = [f.name for f in dataclasses.fields(PPOSettings)]
  for name in ppo:
    if name not in known:
      near = difflib.get_close_matches(name, known, n=1)
      hint = f"; did you mean '{near[0]}'?" if near else ""
      if name in _INSTEAD:
        hint = f"; {_INSTEAD[name]}"
      raise TypeError(f"train() has no argument '{name}'{hint}")
  return PPOSettings(**ppo)


def check_ranges(
  num_timesteps: int,
  seed: int,
  amp: config_dict.ConfigDict | None,
  ppo: Mapping[str, Any],
) -> None:
  """Raises ValueError for an argument outside of its range."""
  if num_timesteps:  # None at all gives the first parameters, as in Brax.
    key_ranges.check("ppo", {"num_timesteps": num_timesteps})
  key_ranges.check("", {"seed": seed})
  given = {k: v for k, v in ppo.items() if k != "network_factory"}
  match given.get("learning_rate_schedule"):
    case optimizer.LRSchedule() as schedule:
      given["learning_rate_schedule"] = schedule.value
  key_ranges.check("ppo", given)
  if amp is not None:
    key_ranges.check_prior(amp)
    key_ranges.check("amp", ranges.flatten(amp))


def check_together(settings: PPOSettings) -> None:
  """Raises ValueError for arguments that exclude or need each other."""
  if settings.vision and settings.action_repeat != 1:
    raise ValueError(
      f"action_repeat {settings.action_repeat} with vision would render images"
      " that nobody sees; repeat actions inside of the environment"
    )
  if (
    settings.use_distributional_critic
    and settings.clipping_epsilon_value is None
  ):
    raise ValueError(
      "use_distributional_critic needs clipping_epsilon_value: it is the"
      " threshold of its Huber loss"
    )


def check_sizes(
  settings: PPOSettings, replay_size: int, num_devices: int
) -> None:
  """Raises ValueError for sizes that do not divide."""
  key_ranges.check_batches(vars(settings))
  for name, size in (
    ("num_envs", settings.num_envs),
    ("batch_size", settings.batch_size),
    ("amp.replay_size", replay_size),
  ):
    if size % num_devices:
      raise ValueError(
        f"{name} {size} must be a multiple of the {num_devices} devices"
      )
