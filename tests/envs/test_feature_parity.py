"""What the motion prior sees of a simulated step is what it saw of a clip."""

import jax
import jax.numpy as jp
import numpy as np
import pytest

from wildrobot_playground import features
from wildrobot_playground.envs import walk
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.features import vector
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import build
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.system import assets

DATASET = dataset_lib.load(WILDROBOT.dataset)
TOLERANCE = 1e-5


def load_clip(name):
  return clip_lib.load(assets.reference() / "clips" / f"{name}.npz")


def make_simulated(env):
  """Features (N, 29) of steps between states set into the simulator."""

  def in_simulator(qpos):
    return env._engine.init(env.mjx_model, qpos, jp.zeros(15), qpos[7:])

  @jax.jit
  @jax.vmap
  def simulated(qpos_prev, qpos):
    before, after = in_simulator(qpos_prev), in_simulator(qpos)
    return env.amp_features(before.qpos, after.qpos)

  def rows(qpos_prev, qpos):
    return np.asarray(
      simulated(jp.asarray(qpos_prev, jp.float32), jp.asarray(qpos, jp.float32))
    )

  return rows


def assert_rows_agree(found, rows):
  """To `TOLERANCE`; a direction to the rounding of what it is made from.

  float32 rounds a height below 0.5 m by at most 2**-26 m; the difference of two
  of them over a step, as a direction, is over `DIRECTION_THRESHOLD` at least.
  """
  rounding = 2 * 2**-26 / DATASET.dt / vector.DIRECTION_THRESHOLD
  atol = np.full(rows.shape[1], TOLERANCE)
  atol[features.WILDROBOT.root_linvel] = max(TOLERANCE, rounding)
  assert np.all(np.abs(found - rows) <= atol)


@pytest.fixture(scope="module")
def simulated(env):
  return make_simulated(env)


def test_environment_and_dataset_agree_on_rate_and_velocity(env):
  assert DATASET.velocity_mode == env.velocity_mode
  assert env.dt == pytest.approx(DATASET.dt)


@pytest.mark.parametrize("name", DATASET.clip_names)
def test_clip_set_into_the_simulator_gives_its_rows(name, simulated):
  rows = DATASET.clip(DATASET.clip_names.index(name))
  qpos_prev, qpos = load_clip(name).previous_qpos()
  assert len(rows) == len(qpos)
  assert_rows_agree(simulated(qpos_prev, qpos), rows)


def test_clips_left_out_of_the_dataset_give_their_rows_too(simulated):
  for path in sorted((assets.reference() / "clips").glob("*.npz")):
    if path.stem not in DATASET.clip_names:
      clip = clip_lib.load(path)
      np.testing.assert_allclose(
        simulated(*clip.previous_qpos()),
        build.clip_features(clip, DATASET.velocity_mode),
        rtol=0,
        atol=TOLERANCE,
      )


def test_reference_has_every_contact_in_both_states():
  """Else agreement of the contacts would prove little."""
  contacts = DATASET.features[:, features.WILDROBOT.foot_contacts]
  assert np.all(np.mean(contacts, axis=0) > 0.2)
  assert np.all(np.mean(contacts, axis=0) < 0.98)


@pytest.mark.parametrize("velocity_mode", ["soft_direction", "raw"])
def test_rows_agree_in_every_velocity_mode(velocity_mode):
  name = DATASET.clip_names[-1]
  clip = load_clip(name)
  env = walk.Walk(
    config_overrides={"impl": "mujoco", "velocity_mode": velocity_mode}
  )
  np.testing.assert_allclose(
    make_simulated(env)(*clip.previous_qpos()),
    build.clip_features(clip, velocity_mode),
    rtol=0,
    atol=TOLERANCE,
  )


def test_features_of_a_step_are_those_of_the_states_around_it(compiled, first):
  """The environment's own step takes the very same path."""
  state, action = first, jp.full(9, 0.4)
  for _ in range(3):
    before, state = state, compiled.step(state, action)
  contacts = compiled.env.sole.contacts(np.asarray(state.data.qpos))
  expected = features.amp_features(
    np.asarray(before.data.qpos, np.float64),
    np.asarray(state.data.qpos, np.float64),
    contacts,
    compiled.env.dt,
  )
  np.testing.assert_allclose(
    state.info["amp_features"], expected, rtol=0, atol=2e-5
  )
