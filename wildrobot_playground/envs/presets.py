"""PPO and AMP configurations, and the presets that change them."""

from typing import Any

from ml_collections import config_dict

from wildrobot_playground.robots import catalog
from wildrobot_playground.system import backend


def brax_ppo_config(
  env_name: str, impl: str | None = None
) -> config_dict.ConfigDict:
  """Brax PPO arguments for an environment, tuned for two CPU cores.

  Args:
    env_name: one of our environments.
    impl: physics engine; the arguments are the same for all.

  Raises:
    ValueError: for a name that is none of our environments.
  """
  del impl
  known = catalog.environments()
  if env_name not in known:
    raise ValueError(
      f"no PPO configuration for '{env_name}'; known: {', '.join(known)}"
    )
  robot, _ = catalog.of_environment(env_name)
  config = config_dict.create(
    num_timesteps=7_000_000,
    num_evals=1,
    num_resets_per_eval=0,
    reward_scaling=1.0,
    episode_length=500,
    normalize_observations=True,
    action_repeat=1,
    unroll_length=20,
    num_minibatches=8,
    num_updates_per_batch=4,
    discounting=0.97,
    gae_lambda=0.95,
    learning_rate=5e-4,
    entropy_cost=2e-3,
    clipping_epsilon=0.2,
    vf_loss_coefficient=0.5,
    num_envs=512,
    batch_size=128,
    max_grad_norm=1.0,
    network_factory=config_dict.create(
      policy_hidden_layer_sizes=(128, 128, 64),
      value_hidden_layer_sizes=(128, 128, 128),
      policy_obs_key="state",
      value_obs_key="privileged_state",
    ),
  )
  config.update_from_flattened_dict(robot.ppo)
  return config


def amp_config() -> config_dict.ConfigDict:
  """The adversarial motion prior; `amp/` says what each key does."""
  return config_dict.create(
    weight=0.3,
    mixing="share",  # share, sum or lerp
    style_reward_scale=0.0,  # of a perfect style, per second; 0: by `mixing`
    loss="lsgan",  # lsgan, bce or wgan
    history=1,  # feature vectors in a window
    disc_hidden_layer_sizes=(256, 128),
    disc_activation="elu",
    disc_optimizer="adam",
    disc_lr=3e-4,
    disc_batch_size=256,  # real, and as many fake
    disc_updates=8,  # per PPO iteration
    disc_penalty_type="r1",  # r1, r1_both or wgan_gp
    disc_grad_penalty=5.0,
    disc_input_noise=0.05,  # in the reference's standard deviations
    disc_label_smoothing=0.0,
    disc_logit_reg=0.0,
    disc_weight_decay=0.0,
    spectral_norm=False,
    replay_size=0,  # windows; 0 for none
    auto_tune=False,  # lets `amp.tuning` weaken or strengthen it, in bounds
    # For Playground's environments; ours have these in their `env_config`.
    playground=config_dict.create(
      velocity_mode="direction",  # of the root in the features
      reference_probability=0.6,  # share of resets from reference poses
      slowest_command=0.1,  # m/s or rad/s, from where on style counts
    ),
  )


# Every preset changes only what it names; sections as in the flags.
_ORIGINAL: dict[str, dict[str, Any]] = {
  "ppo": {
    "num_timesteps": 131_072_000,
    "num_envs": 1024,
    "unroll_length": 128,
    "batch_size": 128,
    "num_minibatches": 8,
    "num_updates_per_batch": 4,
    "learning_rate": 3e-4,
    "discounting": 0.99,
    "gae_lambda": 0.95,
    "entropy_cost": 0.01,
    "clipping_epsilon": 0.2,
    "vf_loss_coefficient": 0.5,
    "max_grad_norm": 0.5,
    "network_factory.policy_hidden_layer_sizes": (512, 256, 128),
    "network_factory.value_hidden_layer_sizes": (512, 256, 128),
  },
  "amp": {
    "mixing": "sum",
    "disc_lr": 1e-4,
    "disc_updates": 3,
    "disc_penalty_type": "wgan_gp",
    "disc_grad_penalty": 5.0,
    "disc_input_noise": 0.0,
  },
  "env_config": {
    "action_filter": 0.7,
    "velocity_mode": "raw",
    "amp_speed_range": (0.0, 1.0),
    "reset_config.reference_probability": 0.0,
    "command_config.lin_vel_x": (0.5, 1.0),
    "command_config.standing_probability": 0.0,
    "reward_config.scales.tracking_lin_vel": 5.0,
    "reward_config.scales.base_height": 0.3,
    "reward_config.scales.action_rate": -0.01,
    **{
      f"reward_config.scales.{name}": 0.0
      for name in (
        "tracking_heading",
        "orientation",
        "ang_vel_xy",
        "lin_vel_z",
        "torques",
        "joint_limits",
        "foot_slip",
        "feet_air_time",
        "feet_too_close",
        "stand_still",
        "waist_yaw",
        "termination",
      )
    },
  },
}
_ORIGINAL_V020 = {
  "disc_lr": 5e-5,
  "disc_updates": 2,
  "disc_grad_penalty": 15.0,
  "disc_input_noise": 0.05,
}

# Playground's own sizes are for thousands of robots on a GPU: an iteration of
# G1's is 163,840 steps, 49 s at the 3,370 steps/s of two cores, and ten million
# are 61 of them.
CPU_SIZES = {
  "num_envs": 512,
  "batch_size": 128,
  "num_minibatches": 8,
  "num_evals": 1,  # Evaluations split a run, and round it up.
}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
  # 4 ms halve the cost of physics; policies are judged at 2 ms.
  "cpu": {"env_config": {"sim_dt": 0.004}},
  "gpu": {
    "ppo": {
      "num_timesteps": 50_000_000,
      "num_envs": 8192,
      "batch_size": 1024,
      "num_minibatches": 8,
    },
    "amp": {"disc_batch_size": 2048, "disc_updates": 8},
    "env_config": {
      "sim_dt": 0.004,
      "solver.iterations": 4,
      "solver.ls_iterations": 8,
    },
  },
  "original_v010": _ORIGINAL,
  "original_v020": {
    **_ORIGINAL,
    "amp": {**_ORIGINAL["amp"], **_ORIGINAL_V020},
  },
  "original_v030": {
    **_ORIGINAL,
    "amp": {**_ORIGINAL["amp"], **_ORIGINAL_V020},
    "env_config": {**_ORIGINAL["env_config"], "velocity_mode": "direction"},
  },
  # Published settings of other systems, on our environment and PPO.
  "mimickit": {
    "amp": {
      "loss": "bce",
      "disc_penalty_type": "r1_both",
      "disc_grad_penalty": 5.0,
      "disc_logit_reg": 0.01,
      "disc_optimizer": "sgd",
      "disc_lr": 2.5e-4,
      "disc_activation": "relu",
      "history": 10,
      "replay_size": 200_000,
    },
  },
  "amp_for_hardware": {
    "amp": {
      "loss": "lsgan",
      "mixing": "lerp",
      "disc_grad_penalty": 10.0,
      "history": 2,
    },
  },
  "legged_lab": {
    "amp": {
      "loss": "lsgan",
      "disc_lr": 1e-4,
      "history": 10,
      "replay_size": 51_200,
    },
  },
}


# What `--randomization` sets in `env_config`: ranges of domain randomisation,
# pushes and delays. Sensor noise is part of the task.
RANDOMIZATIONS: dict[str, dict[str, Any]] = {
  "off": {
    "push_config.enable": False,
    "latency_config.enable": False,
    "signal_config.enable": False,
  },
  "mild": {
    "randomize_config.friction": (0.7, 1.2),
    "randomize_config.mass": (0.95, 1.05),
    "randomize_config.com": (-0.005, 0.005),
    "randomize_config.servo_gain": (0.9, 1.1),
    "randomize_config.frictionloss": (0.7, 1.5),
    "randomize_config.armature": (1.0, 1.05),
    "push_config.enable": True,
    "push_config.magnitude": 0.15,
    "latency_config.enable": False,
    "signal_config.enable": False,
  },
  "strong": {
    "randomize_config.friction": (0.4, 1.2),
    "randomize_config.mass": (0.85, 1.15),
    "randomize_config.inertia": (0.9, 1.1),
    "randomize_config.com": (-0.01, 0.01),
    "randomize_config.servo_gain": (0.75, 1.25),
    "randomize_config.torque_limit": (0.85, 1.0),
    "randomize_config.damping": (0.5, 2.0),
    "randomize_config.frictionloss": (0.5, 2.0),
    "randomize_config.armature": (0.9, 1.2),
    "randomize_config.contact_softness": (0.8, 1.5),
    "push_config.enable": True,
    "push_config.magnitude": 0.4,
    "latency_config.enable": True,
    "signal_config.enable": True,
    "signal_config.gyro_bias": 0.05,
    "signal_config.joint_offset": 0.02,
    "signal_config.backlash": 0.0087,  # half a degree
    "signal_config.delay_steps": (0, 1),
    "signal_config.drop_probability": 0.02,
  },
}


def resolve_preset(name: str) -> str:
  """The preset behind `auto`, which is the backend's own, or `name` itself."""
  return backend.choices().preset if name == "auto" else name


def apply_preset(
  name: str, sections: dict[str, config_dict.ConfigDict]
) -> None:
  """Writes a preset of `PRESETS` into `ppo`, `amp` and `env_config`."""
  for section, values in PRESETS[name].items():
    sections[section].update_from_flattened_dict(values)
