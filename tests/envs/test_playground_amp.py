"""An environment of Playground with AMP features, otherwise its own."""

import pathlib
import types

import jax
import jax.numpy as jp
import mujoco
import numpy as np
import pytest
from ml_collections import config_dict
from mujoco import mjx
from mujoco_playground import MjxEnv, State, wrapper
from mujoco_playground._src import mjx_env

from tests.envs import menagerie
from tests.robots import users_biped as biped
from wildrobot_playground import features, robots
from wildrobot_playground.envs import (
  playground_amp,
  presets,
  registration,
)
from wildrobot_playground.motion import clip as clip_lib

SPEED = 0.2  # m/s


class Stroll(MjxEnv):
  """A user's task for a biped, as Playground's are: joystick, own reset."""

  def __init__(self, path: pathlib.Path):
    config = config_dict.create(
      ctrl_dt=0.02,
      sim_dt=0.004,
      reward_config={"scales": {"alive": 2.0, "torques": -1.0, "track": 1.5}},
    )
    super().__init__(config)
    self._path = path
    self._mj_model = mujoco.MjModel.from_xml_path(str(path))
    self._mj_model.opt.timestep = 0.004
    self._mjx_model = mjx.put_model(self._mj_model, impl="cpp")

  def reset(self, rng):
    key, other = jax.random.split(rng)
    crouch = jp.array(self._mj_model.key_qpos[0])
    place = jax.random.uniform(key, (2,), minval=-1.0, maxval=1.0)
    data = mjx_env.make_data(
      self._mj_model,
      qpos=crouch.at[:2].set(place),
      qvel=jp.zeros(self._mj_model.nv),
      ctrl=jp.zeros(self._mj_model.nu),
      impl=self._mjx_model.impl.value,
    )
    data = mjx.forward(self._mjx_model, data)
    command = jp.where(jax.random.bernoulli(other), jp.zeros(3), jp.ones(3))
    zero = jp.zeros(())
    return State(data, data.qpos, zero, zero, {}, {"command": command})

  def step(self, state, action):
    assert not any(key.startswith("amp_") for key in state.info)
    data = mjx_env.step(self._mjx_model, state.data, action, self.n_substeps)
    done = (data.qpos[2] < 0.2).astype(jp.float32)
    return state.replace(data=data, obs=data.qpos, done=done)

  @property
  def xml_path(self):
    return str(self._path)

  @property
  def action_size(self):
    return self._mj_model.nu

  @property
  def mj_model(self):
    return self._mj_model

  @property
  def mjx_model(self):
    return self._mjx_model


@pytest.fixture(scope="module")
def stroll(tmp_path_factory):
  folder = biped.write(tmp_path_factory.mktemp("biped"))
  return registration.put_on_c(Stroll(folder / "biped.xml"))


@pytest.fixture(scope="module")
def robot(stroll):
  return playground_amp.robot_of(stroll, "stroll")


@pytest.fixture(scope="module")
def clips(robot, tmp_path_factory):
  """A clip of a robot that glides ahead, its angles told by the frame."""
  folder = tmp_path_factory.mktemp("clips")
  compiled = robots.of(robot)
  pose = np.tile(compiled.at.pose(compiled.default_qpos), (40, 1))
  pose[:, 0] = SPEED * np.arange(40) / 50
  pose[:, 7:] += 1e-3 * np.arange(40)[:, None]
  clip = clip_lib.MotionClip(
    name="glide",
    root_pos=pose[:, :3],
    root_quat=pose[:, 3:7],
    joint_pos=pose[:, 7:],
    foot_contacts=compiled.sole.contacts(pose),
    joint_names=robot.joints,
    contact_names=robot.contact_names,
    cyclic=False,
    command=np.array([SPEED, 0.0, 0.0]),
  )
  clip_lib.save(folder / "glide.npz", clip)
  return folder


def with_features(stroll, robot, clips=None, **changes):
  config = presets.amp_config().playground
  config.update(changes)
  return registration.with_features(stroll, robot, config, clips)


def test_its_robot_is_found(robot):
  assert robot.name == "stroll"
  assert robot.joints == biped.JOINTS


def test_features_are_those_of_the_step(stroll, robot):
  env = with_features(stroll, robot, velocity_mode="raw")
  state = jax.jit(env.reset)(jax.random.PRNGKey(0))
  after = jax.jit(env.step)(state, jp.full(env.action_size, 0.1))
  poses = [np.asarray(env.at.pose(s.data.qpos)) for s in (state, after)]
  expected = features.amp_features(
    *poses, robots.of(robot).sole.contacts(poses[1]), 0.02, "raw"
  )
  found = after.info["amp_features"]
  assert found.shape == (env.layout.size,)
  np.testing.assert_allclose(found, expected, atol=1e-4)
  assert np.abs(found[env.layout.joint_vel]).max() > 0.1


def test_the_task_stays_its_own(stroll, robot, clips):
  """Without a start in the reference, nothing but `info` is more."""
  env = with_features(stroll, robot, clips, reference_probability=0.0)
  key, action = jax.random.PRNGKey(1), jp.full(env.action_size, 0.2)
  ours, own = jax.jit(env.reset)(key), jax.jit(stroll.reset)(key)
  for _ in range(3):
    ours, own = (
      jax.jit(env.step)(ours, action),
      jax.jit(stroll.step)(own, action),
    )
  added = ours.info.keys() - own.info.keys()
  assert added == {"amp_features", "amp_gate"}
  for name in ("obs", "reward", "done"):
    np.testing.assert_array_equal(getattr(ours, name), getattr(own, name))
  assert env.max_task_reward == 3.5
  assert (env.dt, env.impl) == (0.02, "mujoco")


def test_style_does_not_count_while_standing(stroll, robot):
  env = with_features(stroll, robot)
  keys = jax.random.split(jax.random.PRNGKey(2), 16)
  info = jax.jit(jax.vmap(env.reset))(keys).info
  stands = np.all(info["command"] == 0, axis=-1)
  assert 0 < stands.sum() < 16
  np.testing.assert_array_equal(info["amp_gate"], ~stands)


def test_episodes_start_in_the_reference(stroll, robot, clips):
  env = with_features(stroll, robot, clips, reference_probability=0.5)
  count = 200
  keys = jax.random.split(jax.random.PRNGKey(3), count)
  data = jax.jit(jax.vmap(env.reset))(keys).data
  own = jax.jit(jax.vmap(stroll.reset))(keys).data
  moves = np.linalg.norm(np.asarray(data.qvel), axis=-1) > 1e-6
  assert 70 < moves.sum() < 130
  np.testing.assert_array_equal(data.qpos[~moves], own.qpos[~moves])
  # Where the task puts the robot, going ahead, on its soles.
  np.testing.assert_allclose(data.qpos[:, :2], own.qpos[:, :2], atol=1e-6)
  np.testing.assert_allclose(data.qvel[moves][:, 0], SPEED, atol=1e-4)
  pose = np.asarray(env.at.pose(data.qpos))[moves]
  np.testing.assert_allclose(
    robots.of(robot).sole.heights(pose).min(axis=-1), 0.0, atol=1e-5
  )
  # Servos are told to be where the joints are.
  np.testing.assert_allclose(
    data.ctrl[moves][:, env.at.servos], pose[:, 7:], atol=1e-6
  )
  # Different frames.
  assert len(np.unique(pose[:, 7].round(5))) > 20


def test_starts_are_over_with_the_reset(stroll, robot, clips):
  env = with_features(stroll, robot, clips, reference_probability=1.0)
  jax.jit(env.reset)(jax.random.PRNGKey(0))
  data = jax.jit(stroll.reset)(jax.random.PRNGKey(0)).data
  assert not np.any(data.qvel)


def test_randomised_models_reach_the_task(stroll, robot):
  env = with_features(stroll, robot)

  def randomize(model):
    mass = jp.outer(jp.array([1.0, 3.0]), model.body_mass)
    axes = jax.tree.map(lambda _: None, model)
    return model.tree_replace({"body_mass": mass}), axes.tree_replace(
      {"body_mass": 0}
    )

  wrapped = wrapper.wrap_for_brax_training(env, randomization_fn=randomize)
  keys = jp.tile(jax.random.PRNGKey(0), (2, 1))
  state = jax.jit(wrapped.reset)(keys)
  step = jax.jit(wrapped.step)
  for _ in range(5):
    state = step(state, jp.zeros((2, env.action_size)))
  assert not np.array_equal(state.data.qpos[0], state.data.qpos[1])
  assert state.info["amp_features"].shape == (2, env.layout.size)
  assert env.mjx_model is stroll.mjx_model


def test_a_task_without_scales_says_nothing_of_its_most(stroll, robot):
  env = with_features(stroll, robot)
  env.env = types.SimpleNamespace(_config=config_dict.create(alive=1.0))
  assert env.max_task_reward is None


@pytest.mark.slow
@pytest.mark.parametrize(
  "name", ["G1JoystickRoughTerrain", "Op3Joystick", "H1JoystickGaitTracking"]
)
def test_playgrounds_own_emit_features(name):
  from mujoco_playground import registry

  menagerie.needed()
  env = registry.load(name, config_overrides={"impl": "mujoco"})
  robot = playground_amp.robot_of(env, name)
  assert robot.name in name.lower()
  ours = with_features(env, robot)
  keys = jax.random.split(jax.random.PRNGKey(0), 8)
  state = jax.jit(jax.vmap(ours.reset))(keys)
  step = jax.jit(jax.vmap(ours.step))
  for _ in range(10):
    state = step(state, jp.zeros((8, ours.action_size)))
  found = np.asarray(state.info["amp_features"])
  assert found.shape == (8, ours.layout.size)
  assert np.isfinite(found).all()
  height = found[:, ours.layout.root_height].ravel()
  default = robots.of(robot).default_height
  assert np.all(np.abs(height - default) < 0.4 * default)
