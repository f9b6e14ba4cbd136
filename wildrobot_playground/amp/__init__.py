"""The adversarial motion prior, and the PPO that it rides on."""
