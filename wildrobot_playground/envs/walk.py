"""The walking task: follow a forward speed, hold the heading."""

from typing import Any

import jax
import jax.numpy as jp
import numpy as np
from ml_collections import config_dict
from mujoco_playground import State

from wildrobot_playground import features, robots
from wildrobot_playground.envs import (
  base,
  commands,
  curriculum,
  episode,
  latency,
  pushes,
  randomize,
  servo,
  signals,
  starts,
  walk_config,
  walk_observation,
  walk_rewards,
)
from wildrobot_playground.robots import sole as sole_lib


class Walk(base.RobotEnv):
  """Walks forward at a commanded speed along its initial heading.

  Actions are servo targets: `action * action_scale` [rad] around the robot's
  default pose, low-pass filtered and clipped to the joints' ranges.
  `info["amp_features"]` (2 J + 7 + C,) describes the step just taken (see
  `features.vector`); `info["amp_gate"]` (), 0..1, says how much
  style counts: not while standing, and ever less beyond the reference's speed.
  """

  def __init__(
    self,
    config: config_dict.ConfigDict | None = None,
    config_overrides: dict[str, Any] | None = None,
    robot: robots.RobotDescription = robots.WILDROBOT,
    terrain: str = "flat",
  ):
    """Builds the task.

    Args:
      config: the task's configuration; the robot's default one when None.
      config_overrides: flattened keys to values.
      robot: that walks.
      terrain: `flat` or `rough`.

    Raises:
      ValueError: for a value that its key may not have (`config_ranges`), and
        for values that cannot work together.
    """
    super().__init__(
      robot,
      terrain,
      config or walk_config.default_config(robot),
      config_overrides,
    )
    self._check_heights_and_times()
    curriculum.check(
      self._config.command_config,
      self.dt,
      self._config.episode_length * self.dt,
    )
    servo.check(self._config.servo_config, self.n_substeps)
    pushes.check(self._config.push_config, self.dt)
    randomize.remember(self._mjx_model, self._config.randomize_config)
    self._default_pose = jp.array(self.default_pose, jp.float32)
    self._rest_ctrl = jp.array(robots.of(robot).default_ctrl, jp.float32)
    self._lower, self._upper = map(jp.array, self.target_range)
    self._starts = starts.Starts(
      self, self._config.reset_config, jp.stack([self._lower, self._upper])
    )

  # Public API.

  @property
  def velocity_mode(self) -> str:
    """What becomes of the root's velocity in the AMP features."""
    return self._config.velocity_mode

  @property
  def default_pose(self) -> np.ndarray:
    """(J,) angles [rad] that actions are relative to."""
    return robots.of(self._robot).default_qpos[self._at.joints]

  @property
  def target_range(self) -> np.ndarray:
    """(2, J) lowest and highest servo targets [rad]; equal where held."""
    target_range = self._mj_model.actuator_ctrlrange[self._at.servos].T.copy()
    held = walk_config.held_joints(self._robot, self._config)
    target_range[:, held] = self.default_pose[held]
    return target_range

  @property
  def soft_limits(self) -> tuple[jax.Array, jax.Array]:
    """(J,) angles [rad] below and beyond which a joint is paid for."""
    lower, upper = self._mj_model.actuator_ctrlrange[self._at.servos].T
    center, half = (lower + upper) / 2, (upper - lower) / 2
    soft = half * self._config.soft_joint_pos_limit_factor
    return jp.array(center - soft), jp.array(center + soft)

  @property
  def max_task_reward(self) -> float:
    """The most the task can pay per second: its positive scales, summed."""
    scales = self._config.reward_config.scales
    return float(sum(scale for scale in scales.values() if scale > 0))

  def reset(self, rng: jax.Array) -> State:
    """Starts an episode near the default pose, at a random heading."""
    rng, key_pose, key_command, key_phase = jax.random.split(rng, 4)
    progress = curriculum.begin(self._config.command_config)
    drawn = commands.sample(
      key_command, self._config.command_config, progress.get("command_limit")
    )
    qpos, qvel, command = self._starts.sample(key_pose, drawn)
    angles = qpos[self._at.joints]
    data = self._engine.init(self._mjx_model, qpos, qvel, self._ctrl(angles))
    phase = jax.random.uniform(key_phase, maxval=2 * jp.pi)
    info = {
      "rng": rng,
      "command": command,
      "command_steps": jp.zeros((), jp.int32),
      "step": jp.zeros((), jp.int32),
      "heading_target": features.heading(self.get_quat(data)),
      "last_act": jp.zeros(self.action_size),
      "motor_targets": angles,
      "phase": phase,
      "air_time": jp.zeros(2),
      **progress,
    }
    info["mean_velocity"] = self.heading_velocity(data, info["heading_target"])
    late = latency.begin(
      self._config.latency_config, jax.random.fold_in(rng, 0), angles
    )
    late |= signals.begin(
      self._config.signal_config,
      jax.random.fold_in(rng, 1),
      self.get_signals(data),
    )
    info.update(late)
    info["first"] = episode.first(info, drawn)
    pose = self._at.pose(qpos)
    feet = self.feet(pose)
    info.update(self._amp_info(pose, pose, feet, info["command"]))
    metrics = {
      f"reward/{name}": jp.zeros(())
      for name in self._config.reward_config.scales
    }
    metrics["velocity_error"] = jp.zeros(())
    if progress:
      metrics["command_limit"] = jp.zeros(())
    obs = walk_observation.observe(self, data, feet, info)
    return State(data, obs, jp.zeros(()), jp.zeros(()), metrics, info)

  def step(self, state: State, action: jax.Array) -> State:
    """Applies one action (J,) in -1..1 for one control step."""
    info = dict(state.info)
    last_act = info["last_act"]
    keep = self._config.action_filter
    filtered = keep * last_act + (1 - keep) * action
    targets = jp.clip(
      self._default_pose + filtered * self._config.action_scale,
      self._lower,
      self._upper,
    )
    before = self._push(state.data, info)
    reached = signals.reach(
      self._config.signal_config,
      info,
      latency.delay(info, targets),
      self.get_torques(before),
    )
    data = self._drive(before, reached)

    info["last_act"], info["motor_targets"] = filtered, targets
    info["phase"] = jp.fmod(
      info["phase"] + 2 * jp.pi * self._config.gait_frequency * self.dt,
      2 * jp.pi,
    )
    pose_before, pose = self._at.pose(before.qpos), self._at.pose(data.qpos)
    feet_before = self.feet(pose_before)
    feet = self.feet(pose)
    info.update(self._amp_info(pose_before, pose, feet, info["command"]))
    info["mean_velocity"] = self._mean_velocity(data, info)
    fallen = self._get_termination(data)
    slide = sole_lib.slide(feet_before, feet, self.dt)
    terms = walk_rewards.terms(self, data, feet, slide, info, last_act, fallen)
    info["air_time"] = jp.where(
      self.get_stance(feet) > 0, 0.0, info["air_time"] + self.dt
    )
    scales = self._config.reward_config.scales
    scaled = {name: value * scales[name] for name, value in terms.items()}
    reward = sum(scaled.values()) * self.dt

    metrics = {f"reward/{name}": value for name, value in scaled.items()}
    metrics["velocity_error"] = jp.abs(
      info["mean_velocity"][0] - info["command"][0]
    )
    if "command_limit" in info:
      metrics["command_limit"] = info["command_limit"]
    signals.report(
      self._config.signal_config,
      info,
      jax.random.fold_in(info["rng"], 1),
      self.get_signals(data),
      self.get_torques(data),
    )
    obs = walk_observation.observe(self, data, feet, info)
    episode.advance(info, self._config, self.dt, fallen)
    return state.replace(
      data=data,
      obs=obs,
      reward=reward,
      done=fallen,
      metrics={**state.metrics, **metrics},
      info=info,
    )

  def set_command(self, state: State, command: jax.Array) -> State:
    """The state with another command (1,) [m/s], observed at once."""
    info = {**state.info, "command": command}
    info["command_steps"] = jp.zeros((), jp.int32)
    pose = self._at.pose(state.data.qpos)
    feet = self.feet(pose)
    return state.replace(
      obs=walk_observation.observe(self, state.data, feet, info), info=info
    )

  def amp_features(self, pose_before: jax.Array, pose: jax.Array) -> jax.Array:
    """(2 J + 7 + C,) of a step between two poses (7 + J,)."""
    feet = self.feet(pose)
    return self._features(pose_before, pose, feet)

  def _check_heights_and_times(self) -> None:
    """Raises ValueError for keys that contradict each other."""
    config = self._config
    if not config.min_height < config.max_height:
      raise ValueError(
        f"min_height {config.min_height:g} m must be below max_height"
        f" {config.max_height:g} m"
      )
    if config.velocity_time_constant < self.dt:
      raise ValueError(
        f"velocity_time_constant {config.velocity_time_constant:g} s is shorter"
        f" than a control step, {self.dt:g} s"
      )

  # Pieces of reset and step.

  def _ctrl(self, targets: jax.Array) -> jax.Array:
    """(nu,) what all servos are told: ours targets (J,), others to stay."""
    if self._at.servos == slice(0, self._mj_model.nu):
      return targets
    return self._rest_ctrl.at[self._at.servos].set(targets)

  def _drive(self, data: Any, targets: jax.Array) -> Any:
    """A control step of physics under targets (J,), as the servos manage it."""
    config, model, at = self._config.servo_config, self._mjx_model, self._at
    if not config.enable:
      return self._engine.step(model, data, self._ctrl(targets))
    for _ in range(config.updates):
      limited = servo.limit(
        targets,
        data.qpos[at.joints],
        data.qvel[at.dofs],
        model.actuator_gainprm[at.servos, 0],
        -model.actuator_biasprm[at.servos, 2],
        config.stall_torque,
        config.no_load_speed,
      )
      data = self._engine.step(
        model, data, self._ctrl(limited), self.n_substeps // config.updates
      )
    return data

  def _push(self, data: Any, info: dict[str, Any]) -> Any:
    """Data with the pelvis kicked, where pushes are on and it is time."""
    config = self._config.push_config
    if not config.enable:
      return data
    info["rng"], key = jax.random.split(info["rng"])
    root = self._at.root_dof
    pushed = pushes.push(config, key, data.qvel[root], info["step"], self.dt)
    return data.replace(qvel=data.qvel.at[root].set(pushed))

  def _amp_info(
    self,
    pose_before: jax.Array,
    pose: jax.Array,
    feet: sole_lib.FootState,
    command: jax.Array,
  ) -> dict[str, jax.Array]:
    """The features of the step and whether they count."""
    return {
      "amp_features": self._features(pose_before, pose, feet),
      "amp_gate": self._amp_gate(command[0]),
    }

  def _features(
    self, pose_before: jax.Array, pose: jax.Array, feet: sole_lib.FootState
  ) -> jax.Array:
    return features.amp_features(
      pose_before,
      pose,
      feet.contact,
      self.dt,
      self._config.velocity_mode,
      ground_height=self._ground(pose[:2]),
    )

  def _amp_gate(self, speed: jax.Array) -> jax.Array:
    """() 0..1, how much style counts at a commanded speed () [m/s]."""
    config = self._config
    return commands.style_share(
      speed, config.amp_speed_range, config.amp_speed_fade
    )

  def _mean_velocity(self, data: Any, info: dict[str, Any]) -> jax.Array:
    """(2,) velocity [m/s] along and across the target heading, low-passed.

    A natural gait sways and surges within a step; the command is its mean.
    """
    share = self.dt / self._config.velocity_time_constant
    velocity = self.heading_velocity(data, info["heading_target"])
    return (1 - share) * info["mean_velocity"] + share * velocity

  def _get_termination(self, data: Any) -> jax.Array:
    """() 1.0 when the pelvis is too low or too high, or the chest tilts.

    So do robots with a NaN, which no comparison finds in order.
    """
    config = self._config
    height = self.get_pelvis_height(data)
    in_order = (height >= config.min_height) & (height <= config.max_height)
    in_order &= -self.get_gravity(data)[2] >= np.cos(config.max_tilt)
    return 1.0 - in_order.astype(jp.float32)
