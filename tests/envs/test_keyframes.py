"""The two keyframes: what they are, and that the robot stands in them."""

import mujoco
import numpy as np
import pytest

from tests.envs import figures
from wildrobot_playground.robots.wildrobot import WILDROBOT


def test_home_is_the_zero_pose_with_the_soles_on_the_floor(model, sole):
  key = model.key("home")
  np.testing.assert_allclose(
    key.qpos, [0, 0, figures.HOME_HEIGHT, 1, 0, 0, 0, *[0] * 9], atol=1e-9
  )
  np.testing.assert_allclose(sole.heights(key.qpos), 0, atol=1.5e-3)


def test_walk_ready_stands_on_bent_knees_within_the_ranges(model, sole):
  key = model.key("walk_ready")
  joints = key.qpos[7:]
  assert np.all(joints > model.jnt_range[1:, 0] - 1e-9)
  assert np.all(joints < model.jnt_range[1:, 1] + 1e-9)
  knees = joints[[3, 7]]
  assert np.all(knees > 0.3)
  assert key.qpos[2] < figures.HOME_HEIGHT
  np.testing.assert_allclose(sole.heights(key.qpos), 0, atol=1.5e-3)


def test_walk_ready_is_its_own_mirror_image(model):
  joints = model.key("walk_ready").qpos[7:]
  swapped = joints[[0, 5, 6, 7, 8, 1, 2, 3, 4]]
  signs = [-1, -1, -1, 1, 1, -1, -1, 1, 1]
  np.testing.assert_allclose(swapped * signs, joints, atol=1e-9)


@pytest.mark.parametrize(
  ("keyframe", "max_tilt"),
  # The servos sag by torque / gain: more on bent knees.
  [("home", 0.2), ("walk_ready", 4.0)],
)
def test_keyframe_stands_still_for_two_seconds(model, keyframe, max_tilt):
  """Tilt in degrees; drift at most 2 cm, no motion in the end."""
  data = mujoco.MjData(model)
  mujoco.mj_resetDataKeyframe(model, data, model.key(keyframe).id)
  start = data.qpos.copy()
  upright, drift = 1.0, 0.0
  for _ in range(round(2.0 / model.opt.timestep)):
    mujoco.mj_step(model, data)
    upright = min(upright, data.body(WILDROBOT.root).xmat[8])
    drift = max(drift, np.linalg.norm(data.qpos[:2] - start[:2]))
  assert data.time == pytest.approx(2.0)
  assert np.degrees(np.arccos(upright)) < max_tilt
  assert drift < 0.02
  assert abs(data.qpos[2] - start[2]) < 0.005
  assert np.max(np.abs(data.qvel)) < 0.01
