"""Which values every key of a configuration may have: one table.

Looked up by flags, overrides, presets, the `config.json` of a resumed run, the
environment and the trainer. It imports nothing heavy, so that a bad value is
told at once.
"""

import math
from collections.abc import Mapping
from typing import Any

from wildrobot_playground.config.ranges import (
  Choice,
  Finite,
  Layers,
  Maybe,
  Number,
  Range,
  Rising,
  Switch,
  Text,
  Whole,
  show,
)


class RangeError(ValueError):
  """A value that its key may not have; one line says which, and what may."""


# What is divided by, or drawn from, stays clear of float32's zero.
_TINY = 1e-6
_SHARE = Number(0, 1)
_RATE = Number(0, 1)
_MASS = Rising(Number(0.01, 100))  # A factor on what may not vanish.
_LOSS = Rising(Number(0, 100))  # A factor on what may.
_STEPS_LATE = Rising(Whole(0, 50, "control steps"))
_WEIGHT = Number(0, 1e4)  # Of a term of a loss.
_REWARD = Number(0, 1e4, "per second")
_COST = Number(-1e4, 0, "per second")
_SPEEDS = Rising(Number(0, 10, "m/s"))

_PLAIN: dict[str, Range] = {"seed": Whole(0, 2**31 - 1)}

_PPO: dict[str, Range] = {
  "num_timesteps": Whole(1, 10**12),
  "num_evals": Whole(0, 1000),
  "num_resets_per_eval": Whole(0, 1000),
  "num_eval_envs": Whole(1, 2**20),
  "reward_scaling": Number(_TINY, 1e6),
  "episode_length": Whole(1, 10**6, "control steps"),
  "normalize_observations": Switch(),
  "normalize_advantage": Switch(),
  "action_repeat": Whole(1, 100),
  "unroll_length": Whole(1, 10_000),
  "num_minibatches": Whole(1, 10_000),
  "num_updates_per_batch": Whole(1, 1000),
  "discounting": _SHARE,
  "gae_lambda": _SHARE,
  "learning_rate": _RATE,
  "entropy_cost": _WEIGHT,
  "clipping_epsilon": Number(_TINY, 10),
  "vf_loss_coefficient": _WEIGHT,
  "num_envs": Whole(1, 2**20),
  "batch_size": Whole(1, 2**24),
  "max_grad_norm": Maybe(Number(_TINY, 1e6)),
  "max_devices_per_host": Maybe(Whole(1, 2**16)),
  "wrap_env": Switch(),
  "vision": Switch(),
  "augment_pixels": Switch(),
  "normalize_observations_std_eps": Number(0, 1e3),
  "normalize_observations_mode": Choice(("welford", "ema")),
  "normalize_until_count": Maybe(Whole(0, 10**9, "control steps")),
  "clipping_epsilon_value": Maybe(Number(_TINY, 1e6)),
  "bootstrap_on_timeout": Switch(),
  "use_distributional_critic": Switch(),
  "desired_kl": Number(_TINY, 100),
  "learning_rate_schedule": Maybe(Choice(("NONE", "ADAPTIVE_KL"))),
  "learning_rate_schedule_min_lr": _RATE,
  "learning_rate_schedule_max_lr": _RATE,
  "log_training_metrics": Switch(),
  "training_metrics_steps": Maybe(Whole(1, 10**12)),
  "restore_value_fn": Switch(),
  "network_factory.policy_hidden_layer_sizes": Layers(),
  "network_factory.value_hidden_layer_sizes": Layers(),
  "network_factory.policy_obs_key": Choice(("state", "privileged_state")),
  "network_factory.value_obs_key": Choice(("state", "privileged_state")),
}

_VELOCITY_MODE = Choice(("direction", "soft_direction", "raw"))
_AMP: dict[str, Range] = {
  "weight": Number(0, 1000, note="to 1 unless mixing is sum"),
  "mixing": Choice(("share", "sum", "lerp")),
  "style_reward_scale": _REWARD,
  "loss": Choice(("lsgan", "bce", "wgan")),
  "history": Whole(1, 100),
  "disc_hidden_layer_sizes": Layers(),
  "disc_activation": Choice(("elu", "relu", "swish", "tanh")),
  "disc_optimizer": Choice(("adam", "sgd")),
  "disc_lr": _RATE,
  "disc_batch_size": Whole(1, 2**20),
  "disc_updates": Whole(1, 1000),
  "disc_penalty_type": Choice(("r1", "r1_both", "wgan_gp")),
  "disc_grad_penalty": _WEIGHT,
  "disc_input_noise": Number(0, 100, "standard deviations"),
  "disc_label_smoothing": Number(0, 0.5, below=True),
  "disc_logit_reg": _WEIGHT,
  "disc_weight_decay": _RATE,
  "spectral_norm": Switch(),
  "replay_size": Whole(0, 10**8),
  "auto_tune": Switch(),
  "playground.velocity_mode": _VELOCITY_MODE,
  "playground.reference_probability": _SHARE,
  "playground.slowest_command": Number(0, 10, "m/s or rad/s"),
}

_ENV: dict[str, Range] = {
  "ctrl_dt": Number(0.001, 1, "s"),
  "sim_dt": Number(0.0001, 0.1, "s"),
  "episode_length": Whole(1, 10**6, "control steps"),
  "action_repeat": Whole(1, 100),
  "action_scale": Number(_TINY, 10, "rad"),
  "action_filter": Number(0, 1, below=True),
  "held_joints": Text("names of joints, with commas, or nothing"),
  "gait_frequency": Number(0, 100, "Hz"),
  "velocity_mode": _VELOCITY_MODE,
  "amp_speed_range": _SPEEDS,
  "amp_speed_fade": Number(_TINY, 100, "m/s"),
  "velocity_time_constant": Number(0.001, 100, "s"),
  "soft_joint_pos_limit_factor": _SHARE,
  "min_height": Number(-10, 10, "m"),
  "max_height": Number(-10, 10, "m"),
  "max_tilt": Number(0, math.pi, "rad"),
  "command_config.lin_vel_x": _SPEEDS,
  "command_config.standing_probability": _SHARE,
  "command_config.dead_band": Number(0, 10, "m/s"),
  "command_config.resampling_time": Number(0.001, 1e9, "s"),
  "command_config.curriculum.enable": Switch(),
  "command_config.curriculum.start": Number(0, 10, "m/s"),
  "command_config.curriculum.bin_width": Number(0.001, 10, "m/s"),
  "command_config.curriculum.limit_share": _SHARE,
  "command_config.curriculum.success_error": Number(_TINY, 10, "m/s"),
  "command_config.curriculum.settle_time": Number(0, 1e9, "s"),
  "command_config.curriculum.judge_time": Number(0, 1e9, "s"),
  "command_config.curriculum.falls": Whole(1, 10**6),
  "noise_config.level": Number(0, 100),
  "noise_config.scales.joint_pos": Number(0, 10, "rad"),
  "noise_config.scales.joint_vel": Number(0, 100, "rad/s"),
  "noise_config.scales.gyro": Number(0, 100, "rad/s"),
  "noise_config.scales.gravity": Number(0, 10),
  "noise_config.scales.heading": Number(0, 10, "rad"),
  "reset_config.joint_pos": Number(0, 10, "rad"),
  "reset_config.joint_vel": Number(0, 100, "rad/s"),
  "reset_config.reference_probability": _SHARE,
  "reset_config.reference_clips": Text("a folder, or nothing"),
  "reward_config.scales.tracking_lin_vel": _REWARD,
  "reward_config.scales.tracking_heading": _REWARD,
  "reward_config.scales.base_height": _REWARD,
  "reward_config.scales.feet_air_time": _REWARD,
  "reward_config.scales.orientation": _COST,
  "reward_config.scales.ang_vel_xy": _COST,
  "reward_config.scales.lin_vel_z": _COST,
  "reward_config.scales.torques": _COST,
  "reward_config.scales.action_rate": _COST,
  "reward_config.scales.joint_limits": _COST,
  "reward_config.scales.foot_slip": _COST,
  "reward_config.scales.feet_too_close": _COST,
  "reward_config.scales.stand_still": _COST,
  "reward_config.scales.waist_yaw": _COST,
  "reward_config.scales.arm_deviation": _COST,
  "reward_config.scales.termination": _COST,
  "reward_config.tracking_sigma": Number(_TINY, 100, "m/s"),
  "reward_config.heading_sigma": Number(_TINY, 100, "rad²"),
  "reward_config.height_target": Number(-10, 10, "m"),
  "reward_config.height_sigma": Number(_TINY, 100, "m²"),
  "reward_config.feet_distance": Number(0, 10, "m"),
  "reward_config.air_time_range": Rising(Number(0, 100, "s")),
  "push_config.enable": Switch(),
  "push_config.interval": Number(0.001, 1e9, "s"),
  "push_config.magnitude": Number(0, 100, "m/s"),
  "latency_config.enable": Switch(),
  "latency_config.action_steps": _STEPS_LATE,
  "signal_config.enable": Switch(),
  "signal_config.gyro_bias": Number(0, 10, "rad/s"),
  "signal_config.joint_offset": Number(0, 3, "rad"),
  "signal_config.backlash": Number(0, 3, "rad"),
  "signal_config.delay_steps": _STEPS_LATE,
  "signal_config.drop_probability": Number(0, 1, below=True),
  "servo_config.enable": Switch(),
  "servo_config.stall_torque": Number(0.001, 1e6, "N·m"),
  "servo_config.no_load_speed": Number(0.001, 1e6, "rad/s"),
  "servo_config.updates": Whole(1, 1000),
  "randomize_config.friction": Rising(Number(0, 10)),
  "randomize_config.mass": _MASS,
  "randomize_config.inertia": _MASS,
  "randomize_config.com": Rising(Number(-1, 1, "m")),
  "randomize_config.servo_gain": _MASS,
  "randomize_config.torque_limit": _MASS,
  "randomize_config.damping": _LOSS,
  "randomize_config.frictionloss": _LOSS,
  "randomize_config.armature": _MASS,
  "randomize_config.contact_softness": _MASS,
  "impl": Choice(("auto", "mujoco", "jax", "warp")),
  "solver.iterations": Whole(1, 10_000),
  "solver.ls_iterations": Whole(1, 10_000),
  "solver.cone": Choice(("pyramidal", "elliptic")),
  "naconmax": Whole(1, 2**30),
  "njmax": Whole(1, 2**20),
}

TABLES: dict[str, dict[str, Range]] = {
  "": _PLAIN,
  "ppo": _PPO,
  "amp": _AMP,
  "env_config": _ENV,
}
_FINITE = Finite()
# Of `env_config`, what every environment of Playground has.
_COMMON = ("ctrl_dt", "sim_dt", "episode_length", "action_repeat")


def find(section: str, key: str) -> Range:
  """What a key may be; anything finite where it is none of ours."""
  return TABLES.get(section, {}).get(key, _FINITE)


def check(section: str, values: Mapping[str, Any], ours: bool = True) -> None:
  """Refuses values outside of their key's range.

  Args:
    section: `ppo`, `amp`, `env_config`, or nothing.
    values: dotted keys to values.
    ours: whether the table knows the keys; else most must just be finite.

  Raises:
    RangeError: naming the first such key, its value and its range.
  """
  for key, value in values.items():
    allowed = find(section, key) if ours or key in _COMMON else _FINITE
    if not allowed.fits(value):
      name = f"{section}.{key}" if section else key
      raise RangeError(f"{name} is {show(value)}; it must be {allowed.said}")


def check_batches(ppo: Mapping[str, Any]) -> None:
  """Refuses batches that do not fit together.

  Args:
    ppo: PPO arguments.

  Raises:
    RangeError: naming them.
  """
  samples = ppo["batch_size"] * ppo["num_minibatches"]
  if samples % ppo["num_envs"]:
    raise RangeError(
      f"batch_size {ppo['batch_size']} * num_minibatches"
      f" {ppo['num_minibatches']} must be a multiple of num_envs"
      f" {ppo['num_envs']}"
    )
  steps = samples * ppo["unroll_length"] * ppo.get("action_repeat", 1)
  if steps >= 2**31:
    raise RangeError(
      f"ppo.batch_size * num_minibatches * unroll_length * action_repeat is"
      f" {steps:,} steps an iteration; it must be below {2**31:,}"
    )


def check_prior(amp: Mapping[str, Any]) -> None:
  """Refuses settings of the motion prior that contradict each other.

  Args:
    amp: see `config.amp_config`.

  Raises:
    RangeError: naming them.
  """
  if amp["mixing"] != "sum" and not 0 <= amp["weight"] <= 1:
    raise RangeError(
      f"amp_weight {amp['weight']} must be between 0 (task) and 1 (style)"
    )
  if amp["loss"] == "wgan" and amp["disc_label_smoothing"] > 0:
    raise RangeError(
      "amp.disc_label_smoothing does nothing with amp.loss=wgan; set it to 0"
    )
