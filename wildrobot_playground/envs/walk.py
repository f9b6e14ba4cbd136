"""Walking task for WildRobot: follow a forward speed, hold the heading."""

from typing import Any

import jax
import jax.numpy as jp
import numpy as np
from ml_collections import config_dict
from mujoco_playground import State

from wildrobot_playground import features
from wildrobot_playground.envs import (
  base,
  commands,
  curriculum,
  latency,
  observation,
  pushes,
  randomize,
  reference_reset,
  rewards,
  servo,
  signals,
)
from wildrobot_playground.robots import wildrobot as consts

# What waits to arrive, and is forgotten when an episode ends.
_QUEUES = ("late_targets", "late_signals", "reported")


def default_config() -> config_dict.ConfigDict:
  """The task's default configuration; units in the comments."""
  return config_dict.create(
    ctrl_dt=0.02,  # s
    sim_dt=0.002,  # s
    episode_length=500,  # control steps
    action_repeat=1,
    action_scale=0.5,  # rad
    action_filter=0.3,  # share of the last filtered action that stays
    gait_frequency=1.3,  # Hz, of the observed clock
    velocity_mode="direction",  # of the AMP features
    amp_speed_range=(0.05, 0.6),  # m/s, commands at which style counts fully
    amp_speed_fade=0.4,  # m/s above, over which it ceases to count
    velocity_time_constant=0.4,  # s, of the mean that the command asks for
    soft_joint_pos_limit_factor=0.95,
    min_height=0.2,  # m
    max_height=0.7,  # m
    max_tilt=1.05,  # rad
    command_config=commands.default_config(),
    noise_config=config_dict.create(
      level=1.0,  # 0 to disable
      scales=config_dict.create(
        joint_pos=0.01,  # rad, about the joints' backlash
        joint_vel=0.3,  # rad/s
        gyro=0.1,  # rad/s
        gravity=0.02,
        heading=0.02,  # rad
      ),
    ),
    reset_config=config_dict.create(
      joint_pos=0.05,  # rad
      joint_vel=0.2,  # rad/s
      reference_probability=0.7,  # share of resets from reference poses
      reference_clips="",  # folder of clips; empty for the shipped ones
    ),
    reward_config=config_dict.create(
      scales=config_dict.create(
        tracking_lin_vel=5.0,
        tracking_heading=1.0,
        base_height=0.3,
        feet_air_time=2.0,
        orientation=-3.0,
        ang_vel_xy=-0.02,
        lin_vel_z=-0.2,
        torques=-0.002,
        action_rate=-0.02,
        joint_limits=-1.0,
        foot_slip=-0.1,
        feet_too_close=-10.0,
        stand_still=-0.3,
        waist_yaw=-0.5,
        termination=-50.0,
      ),
      tracking_sigma=0.25,  # m/s
      heading_sigma=0.1,  # rad²
      height_target=0.44,  # m
      height_sigma=0.002,  # m²
      feet_distance=0.14,  # m
      air_time_range=(0.2, 0.45),  # s, swings from no reward to the most
    ),
    push_config=pushes.default_config(),
    latency_config=latency.default_config(),
    signal_config=signals.default_config(),
    servo_config=servo.default_config(),
    # Drawn from with domain randomisation only.
    randomize_config=randomize.default_config(),
    impl="auto",
    solver=config_dict.create(
      iterations=100,
      ls_iterations=50,
      cone="pyramidal",
    ),
    naconmax=8 * 8192,
    njmax=64,
  )


class WildRobotWalk(base.WildRobotEnv):
  """Walks forward at a commanded speed along its initial heading.

  Actions are servo targets: `action * action_scale` [rad] around the bent-knee
  `walk_ready` pose, low-pass filtered and clipped to the joints' ranges.
  `info["amp_features"]` (29,) describes the step just taken (see
  `features.vector`); `info["amp_gate"]` (), 0..1, says how much
  style counts: not while standing, and ever less beyond the reference's speed.
  """

  def __init__(
    self,
    config: config_dict.ConfigDict | None = None,
    config_overrides: dict[str, Any] | None = None,
    scene: str = consts.FLAT_TERRAIN_SCENE,
  ):
    """Builds the task.

    Args:
      config: the task's configuration; `default_config()` when None.
      config_overrides: flattened keys to values.
      scene: file name under `xmls/`.

    Raises:
      ValueError: for a value that its key may not have (`config_ranges`), and
        for values that cannot work together.
    """
    super().__init__(scene, config or default_config(), config_overrides)
    self._check_heights_and_times()
    curriculum.check(
      self._config.command_config,
      self.dt,
      self._config.episode_length * self.dt,
    )
    servo.check(self._config.servo_config, self.n_substeps)
    pushes.check(self._config.push_config, self.dt)
    key = self._mj_model.keyframe(consts.WALK_READY_KEYFRAME)
    randomize.remember(self._mjx_model, self._config.randomize_config)
    self._init_qpos = jp.array(key.qpos, jp.float32)
    self._default_pose = self._init_qpos[7:]
    lower, upper = self._mj_model.actuator_ctrlrange.T
    self._lower, self._upper = jp.array(lower), jp.array(upper)
    center, half = (lower + upper) / 2, (upper - lower) / 2
    soft = half * self._config.soft_joint_pos_limit_factor
    self._soft_lower, self._soft_upper = (
      jp.array(center - soft),
      jp.array(center + soft),
    )
    reset = self._config.reset_config
    self._bank = None
    if reset.reference_probability > 0:
      self._bank = reference_reset.load(reset.reference_clips)

  # Public API.

  @property
  def velocity_mode(self) -> str:
    """What becomes of the root's velocity in the AMP features."""
    return self._config.velocity_mode

  @property
  def max_task_reward(self) -> float:
    """The most the task can pay per second: its positive scales, summed."""
    scales = self._config.reward_config.scales
    return float(sum(scale for scale in scales.values() if scale > 0))

  def reset(self, rng: jax.Array) -> State:
    """Starts an episode near the `walk_ready` pose, at a random heading."""
    rng, key_pose, key_command, key_phase = jax.random.split(rng, 4)
    progress = curriculum.begin(self._config.command_config)
    drawn = commands.sample(
      key_command, self._config.command_config, progress.get("command_limit")
    )
    qpos, qvel, command = self._sample_start(key_pose, drawn)
    data = self._engine.init(self._mjx_model, qpos, qvel, qpos[7:])
    phase = jax.random.uniform(key_phase, maxval=2 * jp.pi)
    info = {
      "rng": rng,
      "command": command,
      "command_steps": jp.zeros((), jp.int32),
      "step": jp.zeros((), jp.int32),
      "heading_target": features.heading(qpos[3:7]),
      "last_act": jp.zeros(self.action_size),
      "motor_targets": qpos[7:],
      "phase": phase,
      "air_time": jp.zeros(2),
      **progress,
    }
    info["mean_velocity"] = self.heading_velocity(data, info["heading_target"])
    late = latency.begin(
      self._config.latency_config, jax.random.fold_in(rng, 0), qpos[7:]
    )
    late |= signals.begin(
      self._config.signal_config,
      jax.random.fold_in(rng, 1),
      self._signals(data),
    )
    info.update(late)
    # What the auto-reset, which restores the first data, must start with again.
    first = ["command", "mean_velocity", "phase"]
    first += [name for name in _QUEUES if name in late]
    if progress:
      # What was drawn below the first limit would start every episode to come:
      # it goes after a step. The speed of a reference stride stays.
      info["command_steps"] = -(command == drawn)[0].astype(jp.int32)
      first.append("command_steps")
    info["first"] = {name: info[name] for name in first}
    info.update(self._amp_info(qpos, qpos, info["command"]))
    metrics = {
      f"reward/{name}": jp.zeros(())
      for name in self._config.reward_config.scales
    }
    metrics["velocity_error"] = jp.zeros(())
    if progress:
      metrics["command_limit"] = jp.zeros(())
    obs = self._get_obs(data, info)
    return State(data, obs, jp.zeros(()), jp.zeros(()), metrics, info)

  def step(self, state: State, action: jax.Array) -> State:
    """Applies one action (9,) in -1..1 for one control step."""
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
    info.update(self._amp_info(before.qpos, data.qpos, info["command"]))
    info["mean_velocity"] = self._mean_velocity(data, info)
    fallen = self._get_termination(data)
    terms = self._get_reward(before.qpos, data, info, last_act, fallen)
    info["air_time"] = jp.where(
      self._stance(info) > 0, 0.0, info["air_time"] + self.dt
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
    obs = self._get_obs(data, info)
    self._advance(info, fallen)
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
    return state.replace(obs=self._get_obs(state.data, info), info=info)

  def heading_velocity(self, data: Any, heading_target: jax.Array) -> jax.Array:
    """(2,) pelvis velocity [m/s] forward and left of the target heading."""
    vx, vy, _ = self.get_global_linvel(data)
    cos, sin = jp.cos(heading_target), jp.sin(heading_target)
    return jp.array([cos * vx + sin * vy, cos * vy - sin * vx])

  def heading_error(self, data: Any, heading_target: jax.Array) -> jax.Array:
    """() heading of the pelvis beyond the target's, -pi..pi [rad]."""
    error = features.heading(data.qpos[3:7]) - heading_target
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
    """A start: qpos (16,) with the soles on the ground, qvel (15,), command.

    Starts in the middle of a reference stride are told to go on at its speed.
    """
    config = self._config.reset_config
    key_yaw, key_pos, key_vel, key_bank = jax.random.split(rng, 4)
    # yaw=U(-3.14, 3.14), joints +U(-joint_pos, joint_pos), +U(-vel, vel).
    yaw = jax.random.uniform(key_yaw, minval=-jp.pi, maxval=jp.pi)
    start = reference_reset.Bank(
      self._init_qpos, jp.zeros(self._mj_model.nv), command
    )
    if self._bank is not None:
      start = reference_reset.choose(
        self._bank, key_bank, config.reference_probability, start
      )
    qpos, qvel = start.qpos, start.qvel
    joints = qpos[7:] + config.joint_pos * jax.random.uniform(
      key_pos, (self.action_size,), minval=-1.0
    )
    qpos = qpos.at[7:].set(jp.clip(joints, self._lower, self._upper))
    qvel = qvel.at[6:].add(
      config.joint_vel
      * jax.random.uniform(key_vel, (self.action_size,), minval=-1.0)
    )
    qpos, qvel = reference_reset.turn(qpos, qvel, yaw)
    clearance = jp.min(
      self._sole.corners(qpos)[..., 2] - self._ground(self._sole.corners(qpos))
    )
    return qpos.at[2].add(-clearance), qvel, start.command

  def _drive(self, data: Any, targets: jax.Array) -> Any:
    """A control step of physics under targets (9,), as the servos manage it."""
    config, model = self._config.servo_config, self._mjx_model
    if not config.enable:
      return self._engine.step(model, data, targets)
    for _ in range(config.updates):
      limited = servo.limit(
        targets,
        data.qpos[7:],
        data.qvel[6:],
        model.actuator_gainprm[:, 0],
        -model.actuator_biasprm[:, 2],
        config.stall_torque,
        config.no_load_speed,
      )
      data = self._engine.step(
        model, data, limited, self.n_substeps // config.updates
      )
    return data

  def _push(self, data: Any, info: dict[str, Any]) -> Any:
    """Data with the pelvis kicked, where pushes are on and it is time."""
    config = self._config.push_config
    if not config.enable:
      return data
    info["rng"], key = jax.random.split(info["rng"])
    qvel = pushes.push(config, key, data.qvel, info["step"], self.dt)
    return data.replace(qvel=qvel)

  def _amp_info(
    self, qpos_prev: jax.Array, qpos: jax.Array, command: jax.Array
  ) -> dict[str, jax.Array]:
    """The features of the step and whether they count."""
    contacts = self._sole.contacts(qpos, self._ground(self._sole.corners(qpos)))
    return {
      "amp_features": features.amp_features(
        qpos_prev,
        qpos,
        contacts,
        self.dt,
        self._config.velocity_mode,
        ground_height=self._ground(qpos[:2]),
      ),
      "amp_gate": self._amp_gate(command[0]),
    }

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

  def _advance(self, info: dict[str, Any], done: jax.Array) -> None:
    """Counts steps, draws the next command, forgets what a reset must forget.

    The auto-reset wrapper restores data and observation only, not `info`.
    """
    config = self._config
    info["rng"], key = jax.random.split(info["rng"])
    fallen = done > 0
    step = info["step"] + 1
    done = fallen | (step >= config.episode_length)
    steps = info["command_steps"] + 1
    renew = steps * self.dt >= config.command_config.resampling_time
    if "command_limit" in info:
      renew |= steps == 0  # See `reset`.
      info.update(
        curriculum.advance(
          info, config.command_config, self.dt, fallen, done | renew
        )
      )
    command = commands.sample(
      key, config.command_config, info.get("command_limit")
    )
    if "action_delay" in info:
      drawn = latency.sample(
        config.latency_config, jax.random.fold_in(info["rng"], 0)
      )
      info["action_delay"] = jp.where(done, drawn, info["action_delay"])
    info["command"] = jp.where(renew, command, info["command"])
    info["command_steps"] = jp.where(done | renew, 0, steps)
    for name, first in info["first"].items():
      info[name] = jax.tree.map(
        lambda start, now: jp.where(done, start, now), first, info[name]
      )
    info["step"] = jp.where(done, 0, step)
    info["last_act"] = jp.where(done, 0.0, info["last_act"])
    info["air_time"] = jp.where(done, 0.0, info["air_time"])

  def _get_termination(self, data: Any) -> jax.Array:
    """() 1.0 when the pelvis is too low or too high, or the chest tilts.

    So do robots with a NaN, which no comparison finds in order.
    """
    config = self._config
    height = data.qpos[2] - self._ground(data.qpos[:2])
    in_order = (height >= config.min_height) & (height <= config.max_height)
    in_order &= -self.get_gravity(data)[2] >= np.cos(config.max_tilt)
    return 1.0 - in_order.astype(jp.float32)

  def _slide(self, qpos_prev: jax.Array, qpos: jax.Array) -> jax.Array:
    """(4,) speed [m/s] of the plates that stand, over the ground."""
    return self._sole.slide(
      qpos_prev,
      qpos,
      self.dt,
      self._ground(self._sole.corners(qpos_prev)),
      self._ground(self._sole.corners(qpos)),
    )

  def _stance(self, info: dict[str, Any]) -> jax.Array:
    """(2,) 1 where the left and the right foot touches the ground."""
    contacts = info["amp_features"][self.layout.foot_contacts]
    return jp.max(contacts.reshape(2, 2), axis=1)

  def _feet_positions(self, qpos: jax.Array) -> jax.Array:
    """(2, 3) centres [m] of the left and right sole, world frame."""
    return self._sole.corners(qpos).reshape(2, 8, 3).mean(axis=1)

  # Observation.

  def _signals(self, data: Any) -> dict[str, jax.Array]:
    """What the robot measures, before wires and noise come in between."""
    return {
      "gyro": self.get_gyro(data),
      "gravity": self.get_gravity(data),
      "orientation": self.get_orientation(data),
      "joint_pos": data.qpos[7:],
      "joint_vel": data.qvel[6:],
    }

  def _get_obs(self, data: Any, info: dict[str, Any]) -> dict[str, jax.Array]:
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
    state = jp.hstack(observation.parts(entries))  # 38
    privileged_state = jp.hstack(
      [
        state,  # 38
        true["gyro"],  # 3
        true["gravity"],  # 3
        true["joint_pos"] - self._default_pose,  # 9
        true["joint_vel"],  # 9
        self.get_local_linvel(data),  # 3
        self.heading_velocity(data, info["heading_target"]),  # 2
        info["mean_velocity"],  # 2
        info["air_time"],  # 2
        self.get_global_angvel(data),  # 3
        self.get_torques(data),  # 9
        data.qpos[2] - self._ground(data.qpos[:2]),  # 1
        self._feet_positions(data.qpos)[:, 2],  # 2
        self.get_feet_linvel(data).ravel(),  # 6
        self.get_contact_readings(data),  # 4
      ]
    )
    return {"state": state, "privileged_state": privileged_state}

  # Reward.

  def _get_reward(
    self,
    qpos_prev: jax.Array,
    data: Any,
    info: dict[str, Any],
    last_act: jax.Array,
    fallen: jax.Array,
  ) -> dict[str, jax.Array]:
    """The unscaled reward terms; the keys are those of the scales."""
    config = self._config.reward_config
    joint_pos, joint_vel = data.qpos[7:], data.qvel[6:]
    yaw = features.heading(data.qpos[3:7])
    height = data.qpos[2] - self._ground(data.qpos[:2])
    return {
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
      "foot_slip": rewards.foot_slip(self._slide(qpos_prev, data.qpos)),
      "feet_air_time": rewards.feet_air_time(
        info["air_time"],
        self._stance(info),
        info["command"],
        config.air_time_range,
        self.dt,
      ),
      "feet_too_close": rewards.feet_too_close(
        self._feet_positions(data.qpos), yaw, config.feet_distance
      ),
      # Pose-related costs.
      "stand_still": rewards.stand_still(
        joint_pos,
        joint_vel,
        self._default_pose,
        commands.is_standing(info["command"]),
      ),
      "waist_yaw": rewards.waist_yaw(joint_pos),
      "termination": rewards.termination(fallen),
    }
