"""When an episode ends early: too low, too high, tilted too far."""

import jax
import jax.numpy as jp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from wildrobot_playground import robots
from wildrobot_playground.envs import walk, walk_config


@pytest.fixture(scope="module")
def fallen(env):
  """Whether the robot counts as fallen in a state (16,) of the simulator."""

  @jax.jit
  def terminates(qpos):
    data = env._engine.init(env.mjx_model, qpos, jp.zeros(15), qpos[7:])
    return env._get_termination(data)

  return lambda qpos: float(terminates(jp.asarray(qpos, jp.float32)))


def pose(env, height=None, rotation=None):
  qpos = robots.of(env.robot).default_qpos.copy()
  if height is not None:
    qpos[2] = height
  if rotation is not None:
    qpos[3:7] = rotation.as_quat(scalar_first=True)
  return qpos


def test_heights_between_the_bounds_are_no_fall(env, fallen):
  low, high = env.config.min_height, env.config.max_height
  for height, expected in (
    (low - 0.005, 1.0),
    (low + 0.005, 0.0),
    (high - 0.005, 0.0),
    (high + 0.005, 1.0),
  ):
    assert fallen(pose(env, height)) == expected


def test_bounds_are_those_of_the_original_task():
  config = walk_config.default_config()
  assert (config.min_height, config.max_height) == (0.2, 0.7)


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_tilt_beyond_the_bound_is_a_fall_in_every_direction(
  env, fallen, axis, sign
):
  for excess, expected in ((-0.02, 0.0), (0.02, 1.0)):
    tilt = Rotation.from_euler(axis, sign * (env.config.max_tilt + excess))
    turned = Rotation.from_euler("z", 2.0) * tilt
    assert fallen(pose(env, rotation=turned)) == expected


def test_heading_is_no_tilt(env, fallen):
  for yaw in (1.0, 3.0):
    assert fallen(pose(env, rotation=Rotation.from_euler("z", yaw))) == 0.0


def test_step_into_a_fall_ends_the_episode_and_costs(compiled, first):
  env, _, step = compiled
  lying = Rotation.from_euler("y", 1.4).as_quat(scalar_first=True)
  qpos = first.data.qpos.at[3:7].set(lying).at[2].set(0.4)
  state = step(first.replace(data=first.data.replace(qpos=qpos)), jp.zeros(9))
  assert state.done == 1.0
  assert state.done.dtype == state.reward.dtype
  scale = env.config.reward_config.scales.termination
  assert float(state.metrics["reward/termination"]) == pytest.approx(scale)
  upright = step(first, jp.zeros(9))
  assert upright.done == 0.0
  assert upright.metrics["reward/termination"] == 0.0


def test_height_counts_from_the_ground_of_a_rough_scene():
  env = walk.Walk(config_overrides={"impl": "mujoco"}, terrain="rough")
  # The highest bump: a pelvis there is low although its z is not.
  x = np.linspace(-3, 3, 121)
  points = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
  heights = np.asarray(env._ground(jp.asarray(points)))
  top = np.argmax(heights)
  assert heights[top] > 0.02

  def fallen(z):
    qpos = pose(env, z)
    qpos[:2] = points[top]
    qpos = jp.asarray(qpos, jp.float32)
    data = env._engine.init(env.mjx_model, qpos, jp.zeros(15), qpos[7:])
    return float(env._get_termination(data))

  low = env.config.min_height
  assert fallen(low + 0.5 * heights[top]) == 1.0
  assert fallen(low + 1.1 * heights[top]) == 0.0
