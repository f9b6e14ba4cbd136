"""PPO and AMP configurations, presets, and overrides from flags."""

from ml_collections import config_dict

from wildrobot_playground.envs import walk


def brax_ppo_config(env_name: str, impl: str | None = None) -> config_dict.ConfigDict:
  del env_name, impl
  return config_dict.create(
      num_timesteps=4_000_000,
      num_evals=1,
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
      entropy_cost=5e-3,
      clipping_epsilon=0.2,
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


def amp_config() -> config_dict.ConfigDict:
  """The adversarial motion prior; see `amp/`."""
  return config_dict.create(
      weight=0.3,
      mixing="share",  # share, sum or lerp
      style_reward_scale=0.0,  # per second; 0: the environment's task maximum
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
  )
