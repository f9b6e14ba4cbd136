"""An environment of Playground whose steps emit AMP features.

The environment stays its own: rewards, resets, randomisation and observations.
What is added is beside them in `info`, and episodes may start in the reference.
"""

import contextvars
import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jp
import mujoco
from ml_collections import config_dict
from mujoco import mjx
from mujoco_playground import MjxEnv, State, wrapper

from wildrobot_playground import features, robots
from wildrobot_playground.envs import reference_reset, terrain
from wildrobot_playground.robots import addresses, playground
from wildrobot_playground.robots import sole as sole_lib

_Start = Callable[[jax.Array, jax.Array, Any], tuple[Any, Any, Any]]
_start: contextvars.ContextVar[_Start | None] = contextvars.ContextVar(
  "start", default=None
)


def robot_of(env: MjxEnv, name: str) -> robots.RobotDescription:
  """The robot of an environment of Playground, found in its model.

  Args:
    env: the environment.
    name: of the environment.

  Raises:
    RobotError: naming what its model lacks.
  """
  # Playground's modules are called after their robots.
  package = type(env).__module__.split(".")[-2:-1]
  known = playground.ENVIRONMENTS.keys() & set(package)
  return playground.describe(env, known.pop() if known else name)


class WithFeatures(wrapper.Wrapper):
  """An environment of Playground with AMP features in `info`.

  `info["amp_features"]` (2 J + 7 + C,) are those of the step just taken, and
  `info["amp_gate"]` () says whether style counts: not where the command, if
  there is one, is to stand.

  Attributes:
    env: the environment.
    robot: what the robot is.
    at: where its joints and servos are in the arrays of `mj_model`.
    sole: forward kinematics of what touches the ground.
  """

  def __init__(
    self,
    env: MjxEnv,
    robot: robots.RobotDescription,
    config: config_dict.ConfigDict,
    clips: pathlib.Path | None = None,
  ):
    """Reads what starts in the reference need.

    Args:
      env: any with a free joint.
      robot: what of its model is what.
      config: the keys of `amp.playground`, see `presets.amp_config`.
      clips: folder of the reference's clips; None starts no episode in them.

    Raises:
      ValueError: for a robot that is not the environment's, and clips that
        cannot be used.
    """
    super().__init__(env)
    self.robot, self._config = robot, config
    features.check_velocity_mode(config.velocity_mode)
    self.at = addresses.find(env.mj_model, robot.joints)
    self.sole = sole_lib.of(env.mj_model, robot)
    self._ground = terrain.make_ground(env.mj_model)
    self._bank = None
    if clips is not None and config.reference_probability > 0:
      self._bank = reference_reset.load(str(clips), robot)

  # What the trainer calls.

  def reset(self, rng: jax.Array) -> State:
    """The environment's own reset, perhaps in a pose of the reference."""
    token = _start.set(
      functools.partial(self._begin, jax.random.fold_in(rng, 7))
    )
    try:
      state = self.env.reset(rng)
    finally:
      _start.reset(token)
    return self._with_features(state, state.data.qpos)

  def step(self, state: State, action: jax.Array) -> State:
    """The environment's own step."""
    before = state.data.qpos
    own = {k: v for k, v in state.info.items() if not k.startswith("amp_")}
    state = self.env.step(state.replace(info=own), action)
    return self._with_features(state, before)

  def amp_features(self, pose_before: jax.Array, pose: jax.Array) -> jax.Array:
    """(2 J + 7 + C,) of a step between two poses (7 + J,)."""
    return features.amp_features(
      pose_before,
      pose,
      self.sole.state(pose, self._ground).contact,
      self.dt,
      self.velocity_mode,
      ground_height=self._ground(pose[:2]),
    )

  def _with_features(self, state: State, before: jax.Array) -> State:
    pose_before, pose = self.at.pose(before), self.at.pose(state.data.qpos)
    gate = jp.ones(())
    if "command" in state.info:
      asked = jp.linalg.norm(jp.atleast_1d(state.info["command"]))
      gate = (asked >= self._config.slowest_command).astype(jp.float32)
    added = {
      "amp_features": self.amp_features(pose_before, pose),
      "amp_gate": gate,
    }
    return state.replace(info={**state.info, **added})

  def _begin(
    self, rng: jax.Array, qpos: jax.Array, qvel: jax.Array, ctrl: Any
  ) -> tuple[Any, Any, Any]:
    """A first state: that of the environment, or one of the reference.

    Where the environment puts its robot, and facing as it does.
    """
    if self._bank is None:
      return qpos, qvel, ctrl
    key_use, key_index = jax.random.split(rng)
    use = jax.random.bernoulli(key_use, self._config.reference_probability)
    index = jax.random.randint(key_index, (), 0, self._bank.pose.shape[0])
    at, own = self.at, self.at.pose(qpos)
    pose, velocity = reference_reset.turn(
      self._bank.pose[index],
      self._bank.velocity[index],
      features.heading(own[3:7]),
    )
    pose = pose.at[:2].add(own[:2])
    height = self.sole.state(pose, self._ground).height
    pose = pose.at[2].add(-jp.min(height))
    there = qpos.at[at.root].set(pose[:7]).at[at.joints].set(pose[7:])
    moving = qvel.at[at.root_dof].set(velocity[:6])
    moving = moving.at[at.dofs].set(velocity[6:])
    if ctrl is not None and ctrl.shape == (self.mj_model.nu,):
      held = ctrl.at[at.servos].set(pose[7:])
      ctrl = jp.where(use, held, ctrl)
    return jp.where(use, there, qpos), jp.where(use, moving, qvel), ctrl

  # What is asked of it; all else is the environment's.

  @property
  def unwrapped(self) -> MjxEnv:
    """Itself: randomisation would step round the features else."""
    return self

  @property
  def _mjx_model(self) -> mjx.Model:
    return self.env.mjx_model

  @_mjx_model.setter
  def _mjx_model(self, model: mjx.Model) -> None:
    # Playground's randomisation wrapper swaps exactly this attribute.
    self.env._mjx_model = model

  @property
  def impl(self) -> str:
    """The engine in use: `mujoco`, `jax` or `warp`."""
    return getattr(self.env, "impl", self.env.mjx_model.impl.value)

  @property
  def layout(self) -> features.FeatureLayout:
    """What the AMP features of a step are."""
    return features.FeatureLayout.of_robot(self.robot)

  @property
  def velocity_mode(self) -> str:
    """What becomes of the root's velocity in the AMP features."""
    return self._config.velocity_mode

  @property
  def max_task_reward(self) -> float | None:
    """The most the task can pay per second: its positive scales, summed.

    None for a task that does not say.
    """
    config = getattr(self.env, "_config", {})
    scales = config.get("reward_config", {}).get("scales", {})
    if not isinstance(scales, Mapping | config_dict.ConfigDict):
      return None
    return float(sum(max(scale, 0.0) for scale in scales.values())) or None


def make_data(
  otherwise: Callable[..., mjx.Data],
  model: mujoco.MjModel,
  qpos: Any = None,
  qvel: Any = None,
  ctrl: Any = None,
  *rest: Any,
  **options: Any,
) -> mjx.Data:
  """`mjx_env.make_data`; within a reset of ours, of the start that is drawn."""
  start = _start.get()
  if start is not None and qpos is not None and qvel is not None:
    qpos, qvel, ctrl = start(qpos, qvel, ctrl)
  return otherwise(model, qpos, qvel, ctrl, *rest, **options)
