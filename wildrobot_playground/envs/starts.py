"""Where episodes start: near the default pose, or in a reference stride."""

import jax
import jax.numpy as jp
from ml_collections import config_dict

from wildrobot_playground import robots
from wildrobot_playground.envs import base, reference_reset


def default_config() -> config_dict.ConfigDict:
  """How far from a pose, and how often from a reference's."""
  return config_dict.create(
    joint_pos=0.05,  # rad
    joint_vel=0.2,  # rad/s
    reference_probability=0.7,  # share of resets from reference poses
    reference_clips="",  # folder of clips; empty for the robot's own
  )


class Starts:
  """Draws the first states of episodes, on flat and on rough ground."""

  def __init__(
    self, env: base.RobotEnv, config: config_dict.ConfigDict, limits: jax.Array
  ):
    """Reads the reference's poses, where they are asked for.

    Args:
      env: whose episodes they are.
      config: see `default_config`.
      limits: (2, J) angles [rad] that a start may have.

    Raises:
      ValueError: for a folder without usable clips.
    """
    self._env, self._config, self._at = env, config, env.at
    self._nv = env.mj_model.nv
    self._lower, self._upper = limits
    self._init_qpos = jp.array(robots.of(env.robot).default_qpos, jp.float32)
    self._bank = None
    if config.reference_probability > 0:
      self._bank = reference_reset.load(config.reference_clips, env.robot)

  def sample(
    self, rng: jax.Array, command: jax.Array
  ) -> tuple[jax.Array, jax.Array, jax.Array]:
    """A start: qpos (nq,) with the soles on the ground, qvel (nv,), command.

    Starts in the middle of a reference stride are told to go on at its speed.
    """
    config, at = self._config, self._at
    key_yaw, key_pos, key_vel, key_bank = jax.random.split(rng, 4)
    # yaw=U(-3.14, 3.14), joints +U(-joint_pos, joint_pos), +U(-vel, vel).
    yaw = jax.random.uniform(key_yaw, minval=-jp.pi, maxval=jp.pi)
    rest = jp.zeros(self._nv)
    start = reference_reset.Bank(
      at.pose(self._init_qpos), at.velocity(rest), command
    )
    if self._bank is not None:
      start = reference_reset.choose(
        self._bank, key_bank, config.reference_probability, start
      )
    pose, velocity = start.pose, start.velocity
    joints = pose[7:] + config.joint_pos * jax.random.uniform(
      key_pos, (len(self._lower),), minval=-1.0
    )
    pose = pose.at[7:].set(jp.clip(joints, self._lower, self._upper))
    velocity = velocity.at[6:].add(
      config.joint_vel
      * jax.random.uniform(key_vel, (len(self._lower),), minval=-1.0)
    )
    pose, velocity = reference_reset.turn(pose, velocity, yaw)
    pose = pose.at[2].add(-jp.min(self._env.feet(pose).height))
    if at.is_pose:
      return pose, velocity, start.command
    qpos = self._init_qpos.at[at.root].set(pose[:7])
    qvel = rest.at[at.root_dof].set(velocity[:6])
    return (
      qpos.at[at.joints].set(pose[7:]),
      qvel.at[at.dofs].set(velocity[6:]),
      start.command,
    )
