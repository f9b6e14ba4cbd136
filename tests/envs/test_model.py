"""Bodies, joints and servos of the compiled model are the real ones."""

import mujoco
import numpy as np
import pytest

from tests.envs import figures
from wildrobot_playground.robots.wildrobot import WILDROBOT


@pytest.mark.parametrize(("name", "like", "mirror"), figures.SIDES)
def test_body_has_its_place_and_mass(model, name, like, mirror):
  parent, pos, mass, com, _ = figures.BODIES[like]
  body = model.body(name)
  expected = parent.replace("left", "right") if mirror else parent
  assert model.body(body.parentid[0]).name == expected
  np.testing.assert_allclose(body.pos, figures.mirrored(pos, mirror), atol=1e-9)
  np.testing.assert_array_equal(body.quat, [1, 0, 0, 0])
  assert body.mass[0] == pytest.approx(mass, rel=1e-9)
  np.testing.assert_allclose(
    body.ipos, figures.mirrored(com, mirror), atol=1e-9
  )


@pytest.mark.parametrize(("name", "like", "mirror"), figures.SIDES)
def test_body_has_its_full_inertia(model, name, like, mirror):
  body = model.body(name)
  axes = figures.rotation(body.iquat)
  inertia = axes @ np.diag(body.inertia) @ axes.T
  expected = figures.inertia_matrix(figures.BODIES[like][4], mirror)
  np.testing.assert_allclose(inertia, expected, atol=1e-10)


def test_there_are_no_other_bodies(model):
  names = {model.body(i).name for i in range(model.nbody)}
  assert names == {"world", *(name for name, _, _ in figures.SIDES)}
  assert model.body_dofnum[model.body("waist").id] == 6


def test_masses_add_up(model):
  """The rounded total says 7 g more than the parts do."""
  parts = sum(figures.BODIES[like][2] for _, like, _ in figures.SIDES)
  assert np.sum(model.body_mass) == pytest.approx(parts, rel=1e-9)
  assert np.sum(model.body_mass) == pytest.approx(figures.TOTAL_MASS, abs=0.008)


def test_joints_and_servos_are_in_the_order_of_the_contract(model):
  assert tuple(figures.JOINTS) == WILDROBOT.joints
  hinges = [model.joint(i).name for i in range(1, model.njnt)]
  assert hinges == list(figures.JOINTS)
  assert [model.actuator(i).name for i in range(model.nu)] == list(
    figures.JOINTS
  )
  driven = [model.joint(model.actuator(i).trnid[0]).name for i in range(9)]
  assert driven == list(figures.JOINTS)
  np.testing.assert_array_equal(model.jnt_qposadr[1:], np.arange(7, 16))
  np.testing.assert_array_equal(model.jnt_dofadr[1:], np.arange(6, 15))


@pytest.mark.parametrize("name", figures.JOINTS)
def test_joint_turns_about_its_axis_within_its_range(model, name):
  body, axis, limits = figures.JOINTS[name]
  joint = model.joint(name)
  assert model.body(joint.bodyid[0]).name == body
  np.testing.assert_array_equal(joint.axis, axis)
  np.testing.assert_array_equal(joint.pos, 0)
  np.testing.assert_allclose(joint.range, limits, atol=1e-9)
  assert joint.limited[0]


@pytest.mark.parametrize(
  ("name", "angle", "site", "direction"),
  [
    ("left_hip_pitch", 0.3, "left_foot", (1, 0)),
    ("right_hip_pitch", 0.05, "right_foot", (-1, 0)),
    ("left_hip_roll", 0.1, "left_foot", (0, -1)),
    ("right_hip_roll", 0.3, "right_foot", (0, -1)),
    ("left_knee_pitch", 0.3, "left_foot", (-1, 0)),
    ("right_knee_pitch", 0.3, "right_foot", (-1, 0)),
  ],
)
def test_positive_angle_moves_the_foot_as_documented(
  model, name, angle, site, direction
):
  data = mujoco.MjData(model)
  mujoco.mj_resetDataKeyframe(model, data, model.key("home").id)
  mujoco.mj_kinematics(model, data)
  before = data.site(site).xpos[:2].copy()
  data.qpos[model.joint(name).qposadr[0]] = angle
  mujoco.mj_kinematics(model, data)
  moved = data.site(site).xpos[:2] - before
  np.testing.assert_allclose(
    moved / np.linalg.norm(moved), direction, atol=1e-3
  )


@pytest.mark.parametrize(
  ("name", "part", "axis", "sign"),
  [
    ("waist_yaw", "chassis", (0, 1), -1),  # The chest's x axis turns right.
    ("left_ankle_pitch", "left_foot", (0, 2), -1),  # The toes point down.
    ("right_ankle_pitch", "right_foot", (0, 2), -1),
  ],
)
def test_positive_angle_turns_the_part_as_documented(
  model, name, part, axis, sign
):
  data = mujoco.MjData(model)
  mujoco.mj_resetDataKeyframe(model, data, model.key("home").id)
  data.qpos[model.joint(name).qposadr[0]] = 0.2
  mujoco.mj_kinematics(model, data)
  column, row = axis
  turned = data.body(part).xmat.reshape(3, 3)[row, column]
  assert turned == pytest.approx(sign * np.sin(0.2), abs=1e-9)


def test_servos_are_the_assumed_ones(model):
  np.testing.assert_allclose(model.dof_damping[6:], figures.DAMPING)
  np.testing.assert_allclose(model.dof_frictionloss[6:], figures.FRICTION_LOSS)
  np.testing.assert_allclose(model.dof_armature[6:], figures.ARMATURE)
  np.testing.assert_allclose(model.actuator_gainprm[:, 0], figures.KP)
  np.testing.assert_allclose(model.actuator_biasprm[:, 1], -figures.KP)
  np.testing.assert_allclose(model.actuator_biasprm[:, 2], -figures.KV)
  np.testing.assert_allclose(
    model.actuator_forcerange,
    [[-figures.TORQUE_LIMIT, figures.TORQUE_LIMIT]] * 9,
  )
  np.testing.assert_allclose(
    model.actuator_ctrlrange, model.jnt_range[1:], atol=1e-9
  )
  assert np.all(model.actuator_ctrllimited)


def test_pelvis_is_free_of_servo_friction(model):
  for field in (model.dof_damping, model.dof_frictionloss, model.dof_armature):
    np.testing.assert_array_equal(field[:6], 0)
