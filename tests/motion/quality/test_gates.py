import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.quality import dynamics, gates


def _perfect():
  return dict.fromkeys(gates.GATES, 0.0)


def test_perfect_metrics_are_feasible():
  report = gates.judge(_perfect(), gates.GATES)
  assert report.tier == "feasible"
  assert report.reasons == ()


@pytest.mark.parametrize("name", gates.GATES)
def test_every_gate_counts(name):
  kinematic, feasible = gates.GATES[name]
  if np.isfinite(kinematic):
    refused = gates.judge(_perfect() | {name: kinematic + 1.0}, gates.GATES)
    assert refused.tier == "refused"
    assert name in refused.reasons[0]
    missing = gates.judge(_perfect() | {name: float("nan")}, gates.GATES)
    assert missing.tier == "refused"
  if feasible < kinematic:
    report = gates.judge(_perfect() | {name: feasible + 1e-3}, gates.GATES)
    assert report.tier == "kinematic"


def test_gates_go_with_the_legs(robot, biped):
  assert gates.limits(robot) == gates.GATES
  large = gates.limits(biped)
  assert large["ik_error"][0] == pytest.approx(0.005 * biped.size)
  assert large["stance_slide_mean"][0] == pytest.approx(
    0.03 * np.sqrt(biped.size)
  )
  assert large["joint_speed"] == gates.GATES["joint_speed"]


def _changed(clip, **arrays):
  return dataclasses.replace(clip, **arrays)


def test_sinking_is_penetration(human_clip, robot):
  offset = np.array([0, 0, -0.02])
  sunk = _changed(human_clip, root_pos=human_clip.root_pos + offset)
  depth = gates.measure(sunk, robot)["penetration"]
  before = gates.measure(human_clip, robot)["penetration"]
  assert depth == pytest.approx(before + 0.02, abs=1e-6)


def test_flying_is_airborne(human_clip, robot):
  flying = _changed(human_clip, root_pos=human_clip.root_pos + [0, 0, 0.1])
  assert gates.measure(flying, robot)["airborne"] == 1.0


def test_a_jump_at_the_seam_is_seen(human_clip, robot):
  joints = human_clip.joint_pos.copy()
  joints[:, 0] += np.linspace(0, 0.2, len(joints))
  jumped = _changed(human_clip, joint_pos=joints)
  assert gates.measure(human_clip, robot)["seam"] < 0.01
  assert gates.measure(jumped, robot)["seam"] > 0.15


def test_beyond_a_limit_is_a_violation(human_clip, robot):
  joints = human_clip.joint_pos.copy()
  joints[3, 3] = -0.05  # A knee bends one way only.
  bent = _changed(human_clip, joint_pos=joints)
  metrics = gates.measure(bent, robot)
  assert metrics["joint_limit_violation"] == pytest.approx(0.05, abs=1e-5)


def test_standing_still_needs_the_robots_weight(robot):
  """Straight-legged standing: no torque to speak of, all force explained."""
  home = robot.model.key("home").qpos
  clip = gates.clip_lib.make_clip(
    "home", np.tile(home, (5, 1)), robot, True, (0, 0, 0), {}
  )
  torque, unmatched = dynamics.inverse(clip, robot)
  assert np.max(unmatched) < 1e-3 * robot.weight
  assert np.max(np.abs(torque)) < 0.6


def test_nonnegative_least_squares_meets_its_optimality_conditions():
  rng = np.random.default_rng(3)
  for _ in range(20):
    matrix, target = rng.normal(size=(8, 12)), rng.normal(size=8)
    matrix = np.vstack([matrix, 1e-2 * np.eye(12)])
    target = np.concatenate([target, np.zeros(12)])
    x = dynamics.nonnegative_least_squares(matrix, target)
    gradient = matrix.T @ (matrix @ x - target)
    assert np.all(x >= 0)
    assert np.all(gradient > -1e-6)
    np.testing.assert_allclose(gradient * x, 0, atol=1e-6)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_loop_too_short_to_have_a_seam_is_told(human_clip, robot, count):
  names = ("root_pos", "root_quat", "joint_pos", "foot_contacts")
  first = {name: getattr(human_clip, name)[:count] for name in names}
  short = _changed(human_clip, **first, meta={})
  if count >= 4:
    assert np.isfinite(gates.measure(short, robot)["seam"])
    return
  with pytest.raises(clip_lib.ClipError, match=f"loop of {count} frames"):
    gates.measure(short, robot)
