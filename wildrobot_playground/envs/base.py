"""A robot's base environment: compiled model, sensor readings, accessors."""

from typing import Any

import jax
import jax.numpy as jp
import mujoco
import numpy as np
from ml_collections import config_dict
from mujoco import mjx
from mujoco_playground import MjxEnv

from wildrobot_playground import features, robots
from wildrobot_playground.config import key_ranges, ranges
from wildrobot_playground.envs import physics, terrain
from wildrobot_playground.robots import addresses, scene
from wildrobot_playground.robots import sole as sole_lib

_CONES = {
  "pyramidal": mujoco.mjtCone.mjCONE_PYRAMIDAL,
  "elliptic": mujoco.mjtCone.mjCONE_ELLIPTIC,
}


def compile_scene(
  robot: robots.RobotDescription,
  terrain_name: str,
  config: config_dict.ConfigDict,
) -> mujoco.MjModel:
  """Compiles a robot on its ground with the config's time step and solver.

  Args:
    robot: its description.
    terrain_name: one of `scene.TERRAINS`.
    config: with `sim_dt` [s] and `solver` (`iterations`, `ls_iterations`,
      `cone`).

  Raises:
    ValueError: for an unknown terrain or friction cone, and a model that lacks
      what the description names.
  """
  model = scene.compile_scene(robot, terrain_name)
  if config.solver.cone not in _CONES:
    raise ValueError(
      f"solver.cone '{config.solver.cone}' is unknown; choose one of"
      f" {', '.join(_CONES)}"
    )
  model.opt.timestep = config.sim_dt
  model.opt.iterations = config.solver.iterations
  model.opt.ls_iterations = config.solver.ls_iterations
  model.opt.cone = _CONES[config.solver.cone]
  terrain.fill(model)
  return model


class RobotEnv(MjxEnv):
  """Base class of a robot's tasks."""

  def __init__(
    self,
    robot: robots.RobotDescription,
    terrain_name: str,
    config: config_dict.ConfigDict,
    config_overrides: dict[str, Any] | None = None,
  ):
    """Compiles the scene and chooses the physics engine.

    Args:
      robot: its description.
      terrain_name: one of `scene.TERRAINS`.
      config: the task's configuration; copied, so the caller's stays as it is.
      config_overrides: flattened keys to values.

    Raises:
      ValueError: for a value that its key may not have, and when `ctrl_dt` is
        no multiple of `sim_dt`.
    """
    super().__init__(config.copy_and_resolve_references(), config_overrides)
    key_ranges.check("env_config", ranges.flatten(self._config))
    # Overrides may have changed these two after the base class read them.
    self._ctrl_dt, self._sim_dt = self._config.ctrl_dt, self._config.sim_dt
    steps = self.n_substeps * self.sim_dt
    if self.n_substeps < 1 or not np.isclose(steps, self.dt):
      raise ValueError(
        f"ctrl_dt {self.dt} s is no multiple of sim_dt {self.sim_dt} s"
      )
    self._robot, self._terrain = robot, terrain_name
    self._impl = physics.resolve_impl(self._config.impl)
    self._mj_model = compile_scene(robot, terrain_name, self._config)
    # Playground's randomisation wrapper swaps exactly this attribute. The C
    # engine reads the randomised fields off it.
    self._mjx_model = mjx.put_model(
      self._mj_model,
      impl="warp" if self._impl == "warp" else "jax",
      # MJX's own default is the first process's, where there are several.
      device=jax.local_devices()[0],
    )
    self._engine = physics.make_engine(
      self._impl,
      self._mj_model,
      self._mjx_model,
      self.n_substeps,
      naconmax=self._config.naconmax,
      njmax=self._config.njmax,
    )
    self._at = addresses.find(self._mj_model, robot.joints)
    self._sole = sole_lib.of(self._mj_model, robot)
    self._ground = terrain.make_ground(self._mj_model)
    self._contact_sensors = scene.contact_sensors(self._mj_model, robot)

  def feet(self, pose: jax.Array) -> sole_lib.FootState:
    """The soles in a pose (7 + J,), on the environment's ground."""
    return self._sole.state(pose, self._ground)

  # Sensor readings.

  def _sensor(self, data: Any, name: str) -> jax.Array:
    sensor = self._mj_model.sensor(name)
    start, size = int(sensor.adr[0]), int(sensor.dim[0])
    return data.sensordata[start : start + size]

  def get_gravity(self, data: Any) -> jax.Array:
    """(3,) direction of gravity in the IMU's frame, a unit vector."""
    w, x, y, z = self._sensor(data, scene.ORIENTATION)
    return -jp.stack(
      [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
    )

  def get_orientation(self, data: Any) -> jax.Array:
    """(4,) orientation of the IMU in the world, wxyz."""
    return self._sensor(data, scene.ORIENTATION)

  def get_gyro(self, data: Any) -> jax.Array:
    """(3,) angular velocity [rad/s] in the IMU's frame."""
    return self._sensor(data, scene.GYRO)

  def get_local_linvel(self, data: Any) -> jax.Array:
    """(3,) velocity [m/s] of the pelvis in its own frame."""
    return self._sensor(data, scene.LOCAL_LINVEL)

  def get_global_linvel(self, data: Any) -> jax.Array:
    """(3,) velocity [m/s] of the pelvis in the world frame."""
    return self._sensor(data, scene.GLOBAL_LINVEL)

  def get_global_angvel(self, data: Any) -> jax.Array:
    """(3,) angular velocity [rad/s] of the pelvis in the world frame."""
    return self._sensor(data, scene.GLOBAL_ANGVEL)

  def get_feet_linvel(self, data: Any) -> jax.Array:
    """(2, 3) velocity [m/s] of the left and right sole centre, world frame."""
    return jp.stack(
      [self._sensor(data, scene.foot_sensor(side)) for side in robots.SIDES]
    )

  def get_torques(self, data: Any) -> jax.Array:
    """(J,) servo torques [N·m]."""
    return jp.concatenate(
      [
        self._sensor(data, scene.torque_sensor(joint))
        for joint in self._robot.joints
      ]
    )

  def get_contact_readings(self, data: Any) -> jax.Array:
    """(C,) 1 where the engine has that contact with the floor."""
    found = [
      jp.concatenate([self._sensor(data, name) for name in names])
      for names in self._contact_sensors
    ]
    if all(len(readings) == 1 for readings in found):
      return (jp.concatenate(found) > 0).astype(jp.float32)
    return jp.stack([jp.max(r) > 0 for r in found]).astype(jp.float32)

  def get_signals(self, data: Any) -> dict[str, jax.Array]:
    """What the robot measures, before wires and noise come in between."""
    return {
      "gyro": self.get_gyro(data),
      "gravity": self.get_gravity(data),
      "orientation": self.get_orientation(data),
      "joint_pos": data.qpos[self._at.joints],
      "joint_vel": data.qvel[self._at.dofs],
    }

  def heading_velocity(self, data: Any, heading_target: jax.Array) -> jax.Array:
    """(2,) pelvis velocity [m/s] forward and left of the target heading."""
    vx, vy, _ = self.get_global_linvel(data)
    cos, sin = jp.cos(heading_target), jp.sin(heading_target)
    return jp.array([cos * vx + sin * vy, cos * vy - sin * vx])

  def heading_error(self, data: Any, heading_target: jax.Array) -> jax.Array:
    """() heading of the pelvis beyond the target's, -pi..pi [rad]."""
    error = features.heading(self.get_quat(data)) - heading_target
    return jp.arctan2(jp.sin(error), jp.cos(error))

  def get_quat(self, data: Any) -> jax.Array:
    """(4,) orientation of the pelvis, wxyz."""
    return data.qpos[self._at.root][3:7]

  def get_pelvis_height(self, data: Any) -> jax.Array:
    """() of the pelvis above the ground [m]."""
    place = data.qpos[self._at.root][:3]
    return place[2] - self._ground(place[:2])

  def get_stance(self, feet: sole_lib.FootState) -> jax.Array:
    """(2,) 1 where the left and the right foot touches the ground."""
    return jp.stack(
      [
        jp.max(feet.contact[np.array(self._robot.contacts_of(side))])
        for side in robots.SIDES
      ]
    )

  def get_feet_positions(self, feet: sole_lib.FootState) -> jax.Array:
    """(2, 3) centres [m] of the left and right sole, world frame."""
    return jp.stack(
      [
        feet.points[np.array(self._robot.contacts_of(side))]
        .reshape(-1, 3)
        .mean(axis=0)
        for side in robots.SIDES
      ]
    )

  # Accessors.

  @property
  def xml_path(self) -> str:
    """Path of the scene's MJCF."""
    return str(self._robot.model)

  @property
  def action_size(self) -> int:
    """One servo target a joint of the robot's."""
    return len(self._robot.joints)

  @property
  def mj_model(self) -> mujoco.MjModel:
    """The compiled MuJoCo model."""
    return self._mj_model

  @property
  def mjx_model(self) -> mjx.Model:
    """The MJX model; under the C engine it carries the randomised fields."""
    return self._mjx_model

  @property
  def layout(self) -> features.FeatureLayout:
    """What the AMP features of a step are."""
    return features.FeatureLayout.of_robot(self._robot)

  @property
  def robot(self) -> robots.RobotDescription:
    """What the robot is."""
    return self._robot

  @property
  def terrain(self) -> str:
    """What it walks on, one of `scene.TERRAINS`."""
    return self._terrain

  @property
  def at(self) -> addresses.Addresses:
    """Where its joints and servos are in the arrays of `mj_model`."""
    return self._at

  @property
  def config(self) -> config_dict.ConfigDict:
    """The task's configuration, overrides applied, locked."""
    return self._config

  @property
  def impl(self) -> str:
    """The engine in use: `mujoco`, `jax` or `warp`."""
    return self._impl

  @property
  def sole(self) -> robots.Sole:
    """Forward kinematics of the sole plates."""
    return self._sole
