"""The walking task: follow a forward speed, hold the heading."""

import fnmatch
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
  observation,
  pushes,
  randomize,
  reference_reset,
  rewards,
  servo,
  signals,
)
from wildrobot_playground.envs.walk_config import default_config
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
      config: the task's configuration; `default_config(robot)` when None.
      config_overrides: flattened keys to values.
      robot: that walks.
      terrain: `flat` or `rough`.

    Raises:
      ValueError: for a value that its key may not have (`config_ranges`), and
        for values that cannot work together.
    """
    super().__init__(
      robot, terrain, config or default_config(robot), config_overrides
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
    self._observed = observation.entries(robot)
    start = robots.of(robot).default_qpos
    self._init_qpos = jp.array(start, jp.float32)
    self._default_pose = self._init_qpos[self._at.joints]
    self._rest_ctrl = jp.array(robots.of(robot).default_ctrl, jp.float32)
    self._waist = [i for i, n in enumerate(robot.joints) if n == robot.waist]
    self._lower, self._upper = map(jp.array, self.target_range)
    lower, upper = self._mj_model.actuator_ctrlrange[self._at.servos].T
    center, half = (lower + upper) / 2, (upper - lower) / 2
    soft = half * self._config.soft_joint_pos_limit_factor
    self._soft_lower, self._soft_upper = (
      jp.array(center - soft),
      jp.array(center + soft),
    )
    reset = self._config.reset_config
    self._bank = None
    if reset.reference_probability > 0:
      self._bank = reference_reset.load(reset.reference_clips, robot)

  def _held(self) -> list[int]:
    """Places of the joints that hold the default pose.

    Raises:
      ValueError: for a name that no joint of the robot has.
    """
    joints, held = self._robot.joints, set()
    for name in filter(None, self._config.held_joints.split(",")):
      found = fnmatch.filter(joints, name.strip())
      if not found:
        raise ValueError(
          f"held_joints: {self._robot.name} has no joint '{name.strip()}'; it"
          f" has {', '.join(joints)}"
        )
      held |= set(found)
    return [i for i, name in enumerate(joints) if name in held]

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
    held = self._held()
    target_range[:, held] = self.default_pose[held]
    return target_range

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
    qpos, qvel, command = self._sample_start(key_pose, drawn)
    angles = qpos[self._at.joints]
    data = self._engine.init(self._mjx_model, qpos, qvel, self._ctrl(angles))
    phase = jax.random.uniform(key_phase, maxval=2 * jp.pi)
    info = {
      "rng": rng,
      "command": command,
      "command_steps": jp.zeros((), jp.int32),
      "step": jp.zeros((), jp.int32),
      "heading_target": features.heading(self._quat(data)),
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
      self._signals(data),
    )
    info.update(late)
    info["first"] = episode.first(info, drawn)
    pose = self._at.pose(qpos)
    feet = self._sole.state(pose, self._ground)
    info.update(self._amp_info(pose, pose, feet, info["command"]))
    metrics = {
      f"reward/{name}": jp.zeros(())
      for name in self._config.reward_config.scales
    }
    metrics["velocity_error"] = jp.zeros(())
    if progress:
      metrics["command_limit"] = jp.zeros(())
    obs = self._get_obs(data, feet, info)
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
    feet_before = self._sole.state(pose_before, self._ground)
    feet = self._sole.state(pose, self._ground)
    info.update(self._amp_info(pose_before, pose, feet, info["command"]))
    info["mean_velocity"] = self._mean_velocity(data, info)
    fallen = self._get_termination(data)
    slide = sole_lib.slide(feet_before, feet, self.dt)
    terms = self._get_reward(data, feet, slide, info, last_act, fallen)
    info["air_time"] = jp.where(
      self._stance(feet) > 0, 0.0, info["air_time"] + self.dt
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
      self._signals(data),
      self.get_torques(data),
    )
    obs = self._get_obs(data, feet, info)
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
    feet = self._sole.state(pose, self._ground)
    return state.replace(obs=self._get_obs(state.data, feet, info), info=info)

  def amp_features(self, pose_before: jax.Array, pose: jax.Array) -> jax.Array:
    """(2 J + 7 + C,) of a step between two poses (7 + J,)."""
    feet = self._sole.state(pose, self._ground)
    return self._features(pose_before, pose, feet)

  def heading_velocity(self, data: Any, heading_target: jax.Array) -> jax.Array:
    """(2,) pelvis velocity [m/s] forward and left of the target heading."""
    vx, vy, _ = self.get_global_linvel(data)
    cos, sin = jp.cos(heading_target), jp.sin(heading_target)
    return jp.array([cos * vx + sin * vy, cos * vy - sin * vx])

  def heading_error(self, data: Any, heading_target: jax.Array) -> jax.Array:
    """() heading of the pelvis beyond the target's, -pi..pi [rad]."""
    error = features.heading(self._quat(data)) - heading_target
    return jp.arctan2(jp.sin(error), jp.cos(error))

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

  def _sample_start(
    self, rng: jax.Array, command: jax.Array
  ) -> tuple[jax.Array, jax.Array, jax.Array]:
    """A start: qpos (nq,) with the soles on the ground, qvel (nv,), command.

    Starts in the middle of a reference stride are told to go on at its speed.
    """
    config, at = self._config.reset_config, self._at
    key_yaw, key_pos, key_vel, key_bank = jax.random.split(rng, 4)
    # yaw=U(-3.14, 3.14), joints +U(-joint_pos, joint_pos), +U(-vel, vel).
    yaw = jax.random.uniform(key_yaw, minval=-jp.pi, maxval=jp.pi)
    rest = jp.zeros(self._mj_model.nv)
    start = reference_reset.Bank(
      at.pose(self._init_qpos), at.velocity(rest), command
    )
    if self._bank is not None:
      start = reference_reset.choose(
        self._bank, key_bank, config.reference_probability, start
      )
    pose, velocity = start.pose, start.velocity
    joints = pose[7:] + config.joint_pos * jax.random.uniform(
      key_pos, (self.action_size,), minval=-1.0
    )
    pose = pose.at[7:].set(jp.clip(joints, self._lower, self._upper))
    velocity = velocity.at[6:].add(
      config.joint_vel
      * jax.random.uniform(key_vel, (self.action_size,), minval=-1.0)
    )
    pose, velocity = reference_reset.turn(pose, velocity, yaw)
    pose = pose.at[2].add(-jp.min(self._sole.state(pose, self._ground).height))
    if at.is_pose:
      return pose, velocity, start.command
    qpos = self._init_qpos.at[at.root].set(pose[:7])
    qvel = rest.at[at.root_dof].set(velocity[:6])
    return (
      qpos.at[at.joints].set(pose[7:]),
      qvel.at[at.dofs].set(velocity[6:]),
      start.command,
    )

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
    height = self._pelvis_height(data)
    in_order = (height >= config.min_height) & (height <= config.max_height)
    in_order &= -self.get_gravity(data)[2] >= np.cos(config.max_tilt)
    return 1.0 - in_order.astype(jp.float32)

  def _quat(self, data: Any) -> jax.Array:
    """(4,) orientation of the pelvis, wxyz."""
    return data.qpos[self._at.root][3:7]

  def _pelvis_height(self, data: Any) -> jax.Array:
    """() of the pelvis above the ground [m]."""
    place = data.qpos[self._at.root][:3]
    return place[2] - self._ground(place[:2])

  def _stance(self, feet: sole_lib.FootState) -> jax.Array:
    """(2,) 1 where the left and the right foot touches the ground."""
    return jp.stack(
      [
        jp.max(feet.contact[np.array(self._robot.contacts_of(side))])
        for side in robots.SIDES
      ]
    )

  def _feet_positions(self, feet: sole_lib.FootState) -> jax.Array:
    """(2, 3) centres [m] of the left and right sole, world frame."""
    return jp.stack(
      [
        feet.points[np.array(self._robot.contacts_of(side))]
        .reshape(-1, 3)
        .mean(axis=0)
        for side in robots.SIDES
      ]
    )

  # Observation.

  def _signals(self, data: Any) -> dict[str, jax.Array]:
    """What the robot measures, before wires and noise come in between."""
    return {
      "gyro": self.get_gyro(data),
      "gravity": self.get_gravity(data),
      "orientation": self.get_orientation(data),
      "joint_pos": data.qpos[self._at.joints],
      "joint_vel": data.qvel[self._at.dofs],
    }

  def _get_obs(
    self, data: Any, feet: sole_lib.FootState, info: dict[str, Any]
  ) -> dict[str, jax.Array]:
    """What the robot can measure, and what only the simulator knows."""
    noise = self._config.noise_config
    info["rng"], *keys = jax.random.split(info["rng"], 6)

    def noisy(key: jax.Array, value: jax.Array, name: str) -> jax.Array:
      # +U(-scale, scale).
      bound = noise.level * noise.scales[name]
      return value + bound * jax.random.uniform(key, value.shape, minval=-1.0)

    true = self._signals(data)
    seen = info.get("reported", true)
    heading_error = (
      features.heading(seen["orientation"]) - info["heading_target"]
    )
    measured_heading = noisy(keys[0], heading_error, "heading")
    moving = 1.0 - commands.is_standing(info["command"])
    joint_pos = seen["joint_pos"] - self._default_pose
    entries = {
      "gyro": noisy(keys[1], seen["gyro"], "gyro"),
      "gravity": noisy(keys[2], seen["gravity"], "gravity"),
      "heading_sin": jp.sin(measured_heading),
      "heading_cos": jp.cos(measured_heading),
      "joint_pos": noisy(keys[3], joint_pos, "joint_pos"),
      "joint_vel": noisy(keys[4], seen["joint_vel"], "joint_vel"),
      "last_action": info["last_act"],
      "command": info["command"],
      "clock_sin": moving * jp.sin(info["phase"]),
      "clock_cos": moving * jp.cos(info["phase"]),
    }
    state = jp.hstack(observation.parts(self._observed, entries))
    privileged_state = jp.hstack(
      [
        state,
        true["gyro"],
        true["gravity"],
        true["joint_pos"] - self._default_pose,
        true["joint_vel"],
        self.get_local_linvel(data),
        self.heading_velocity(data, info["heading_target"]),
        info["mean_velocity"],
        info["air_time"],
        self.get_global_angvel(data),
        self.get_torques(data),
        self._pelvis_height(data),
        self._feet_positions(feet)[:, 2],
        self.get_feet_linvel(data).ravel(),
        self.get_contact_readings(data),
      ]
    )
    return {"state": state, "privileged_state": privileged_state}

  # Reward.

  def _get_reward(
    self,
    data: Any,
    feet: sole_lib.FootState,
    slide: jax.Array,
    info: dict[str, Any],
    last_act: jax.Array,
    fallen: jax.Array,
  ) -> dict[str, jax.Array]:
    """The unscaled reward terms; the keys are those of the scales."""
    config = self._config.reward_config
    joint_pos, joint_vel = data.qpos[self._at.joints], data.qvel[self._at.dofs]
    yaw = features.heading(self._quat(data))
    height = self._pelvis_height(data)
    terms = {
      # Tracking rewards.
      "tracking_lin_vel": rewards.tracking_lin_vel(
        info["mean_velocity"], info["command"], config.tracking_sigma
      ),
      "tracking_heading": rewards.tracking_heading(
        self.heading_error(data, info["heading_target"]),
        config.heading_sigma,
      ),
      "base_height": rewards.base_height(
        height, config.height_target, config.height_sigma
      ),
      # Base-related costs.
      "orientation": rewards.orientation(self.get_gravity(data)),
      "ang_vel_xy": rewards.ang_vel_xy(self.get_global_angvel(data)),
      "lin_vel_z": rewards.lin_vel_z(self.get_global_linvel(data)),
      # Servo-related costs.
      "torques": rewards.torques(self.get_torques(data)),
      "action_rate": rewards.action_rate(info["last_act"], last_act),
      "joint_limits": rewards.joint_limits(
        joint_pos, self._soft_lower, self._soft_upper
      ),
      # Feet-related costs.
      "foot_slip": rewards.foot_slip(slide),
      "feet_air_time": rewards.feet_air_time(
        info["air_time"],
        self._stance(feet),
        info["command"],
        config.air_time_range,
        self.dt,
      ),
      "feet_too_close": rewards.feet_too_close(
        self._feet_positions(feet), yaw, config.feet_distance
      ),
      # Pose-related costs.
      "stand_still": rewards.stand_still(
        joint_pos,
        joint_vel,
        self._default_pose,
        commands.is_standing(info["command"]),
      ),
      "waist_yaw": rewards.joint_deviation(
        joint_pos, self._default_pose, self._waist
      ),
      "termination": rewards.termination(fallen),
    }
    if self._robot.upper_body:
      terms["arm_deviation"] = rewards.joint_deviation(
        joint_pos, self._default_pose, self._robot.upper_body
      )
    return terms
