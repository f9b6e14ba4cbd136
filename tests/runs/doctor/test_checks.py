"""Planted leaks are caught by name; a good reference raises no alarm."""

import dataclasses
import itertools
import types

import mujoco
import numpy as np
import pytest

from wildrobot_playground import features
from wildrobot_playground.envs import presets as config_lib
from wildrobot_playground.envs import walk, walk_config
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.motion import clip as clip_lib
from wildrobot_playground.motion.datasets import build
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.runs.doctor import (
  checks,
  finding,
  reference_checks,
  stance_fit,
  system_checks,
)
from wildrobot_playground.system import assets, backend

DATASET = dataset_lib.load(WILDROBOT.dataset)
NAMES = features.WILDROBOT.names


@pytest.fixture(scope="module")
def env():
  return walk.Walk(
    config_overrides={
      "impl": "mujoco",
      "reset_config.reference_probability": 0.0,
    }
  )


def remade(rows, base=DATASET, names=None):
  """A dataset of other rows with their own statistics, of unknown clips."""
  offsets = base.clip_offsets
  weights = [
    base.weights[a:b].sum() for a, b in itertools.pairwise(offsets.tolist())
  ]
  return dataset_lib.make(
    features.WILDROBOT,
    [rows[a:b] for a, b in itertools.pairwise(offsets.tolist())],
    names or tuple(f"mine_{i}" for i in range(base.num_clips)),
    base.clip_speeds,
    np.array(weights),
    base.velocity_mode,
    base.dt,
    base.model_hash,
    base.meta,
  )


def changed(columns, values):
  rows = DATASET.features.copy()
  rows[:, columns] = values
  return remade(rows)


def swapped(a, b):
  """Joint columns a and b exchanged, positions and velocities."""
  rows = DATASET.features.copy()
  rows[:, [a, b, a + 9, b + 9]] = rows[:, [b, a, b + 9, a + 9]]
  return remade(rows)


def failures(findings):
  return {f.check: f.detail for f in findings if f.verdict == finding.FAIL}


def leaks(dataset, env):
  return failures(reference_checks.leaks(dataset, env))


# The shipped reference.


def test_the_shipped_reference_has_no_leak(env):
  findings = checks.quick(env, DATASET)
  assert failures(findings) == {}
  assert {f.check: f.verdict for f in findings}["parity"] == finding.OK


@pytest.mark.parametrize("velocity_mode", features.VELOCITY_MODES)
@pytest.mark.parametrize("kind", ["generated", "human"])
def test_no_false_alarm_in_any_velocity_mode(kind, velocity_mode, env):
  folder = assets.reference() / "clips"
  clips = [clip_lib.load(path) for path in sorted(folder.glob(f"{kind}*.npz"))]
  dataset = build.build(clips, velocity_mode, max_over_torque=1.0)
  assert leaks(dataset, env) == {}


# Planted leaks, without the clips that would give them away.


def test_zeroed_contacts_are_named(env):
  found = leaks(changed(features.WILDROBOT.foot_contacts, 0.0), env)
  assert set(found) == {"foot contacts"}
  for name in NAMES[features.WILDROBOT.foot_contacts]:
    assert f"{name} never touches" in found["foot contacts"]


def test_contacts_that_never_lift_are_named(env):
  found = leaks(changed(features.WILDROBOT.foot_contacts, 1.0), env)
  assert "left_heel always touches" in found["foot contacts"]


def test_contacts_of_the_other_foot_are_named(env):
  other = DATASET.features[:, [27, 28, 25, 26]]
  found = leaks(changed(features.WILDROBOT.foot_contacts, other), env)
  assert "left_toe does not follow" in found["foot contacts"]


@pytest.mark.parametrize(
  ("quantity", "height"),
  [
    ("up-vector", lambda h: 0.5 * h / h + 0.49),
    ("chest", lambda h: h + 0.119),
    ("millimetres", lambda h: 1000 * h),
    ("zero", lambda h: 0 * h),
  ],
)
def test_height_of_another_quantity_is_named(quantity, height, env):
  del quantity
  rows = DATASET.features[:, features.WILDROBOT.root_height]
  found = leaks(changed(features.WILDROBOT.root_height, height(rows)), env)
  assert set(found) == {"root height"}
  assert "root_height" in found["root height"]


@pytest.mark.parametrize("pair", list(itertools.combinations(range(9), 2)))
def test_any_two_swapped_joints_are_found(pair, env):
  """The stance alone tells which two, whether or not limits are broken."""
  sample = stance_fit.sample(swapped(*pair))
  assert stance_fit.swapped_joints(sample, env.sole) == pair


def test_swapped_joints_are_named(env):
  found = leaks(swapped(3, 7), env)
  assert NAMES[3] in found["joint order"]
  assert NAMES[7] in found["joint order"]


def test_joints_in_another_order_break_limits_by_name(env):
  """Legs exchanged as a whole, as a label in the wrong order would do."""
  order = [0, 5, 6, 7, 8, 1, 2, 3, 4]
  rows = DATASET.features.copy()
  rows[:, :18] = rows[:, [*order, *(9 + i for i in order)]]
  found = leaks(remade(rows), env)
  assert "left_hip_pitch" in found["joint limits"]
  assert "right_hip_pitch" in found["joint limits"]


def test_velocities_in_another_order_than_positions_are_named(env):
  found = leaks(changed([9, 10], DATASET.features[:, [10, 9]]), env)
  assert NAMES[9] in found["joint velocity"]
  assert NAMES[10] in found["joint velocity"]


@pytest.mark.parametrize(
  ("turn", "name"), [((-1, -1), "root_linvel/x"), ((0, 1), "root_linvel/x")]
)
def test_root_velocity_in_another_frame_is_named(turn, name, env):
  """Walking backwards, or to the side, while the feet walk ahead."""
  x, y = DATASET.features[:, 18], DATASET.features[:, 19]
  cos, sin = turn[0], turn[1] if turn[0] == 0 else 0
  other = np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)
  found = leaks(changed([18, 19], other), env)
  assert name in found["root velocity"]


def test_raw_velocity_that_calls_itself_a_direction_is_caught(env):
  slow = 0.3 * DATASET.features[:, features.WILDROBOT.root_linvel]
  found = leaks(changed(features.WILDROBOT.root_linvel, slow), env)
  assert "velocity_mode=direction" in found["root velocity"]


def test_statistics_of_other_rows_are_named(env):
  mean = DATASET.mean.copy()
  mean[24] = 0.99
  found = leaks(dataclasses.replace(DATASET, mean=mean), env)
  assert "root_height" in found["normaliser"]


# Parity with the environment.


def test_rows_that_are_not_the_clips_are_named(env):
  rows = DATASET.features.copy()
  rows[:, 4] += 0.01
  planted = remade(rows, names=DATASET.clip_names)
  found = failures(checks.quick(env, planted))
  assert found["parity"].count("off by") == 1
  assert NAMES[4] in found["parity"]


def test_an_environment_without_contacts_is_named(env):
  """The policy's side of the leak: contacts that are always zero."""

  def amp_features(before, now):
    vector = env.amp_features(before, now)
    return vector.at[features.WILDROBOT.foot_contacts].set(0.0)

  broken = types.SimpleNamespace(
    amp_features=amp_features,
    robot=env.robot,
    at=env.at,
    action_size=env.action_size,
    mj_model=env.mj_model,
    sole=env.sole,
    layout=env.layout,
    dt=env.dt,
    velocity_mode=env.velocity_mode,
    config=env.config,
  )
  found = failures(checks.quick(broken, DATASET))
  assert set(found) == {"environment", "parity"}
  assert "foot_contacts/left_toe" in found["environment"]


def test_without_clips_parity_only_warns(env):
  verdicts = {f.check: f for f in checks.quick(env, changed(24, 0.45))}
  assert verdicts["parity"].verdict == finding.WARN


# Coverage of the commands.


def commanding(lower, upper, style=(0.05, 0.6), fade=0.4):
  config = walk_config.default_config()
  config.command_config.lin_vel_x = (lower, upper)
  config.amp_speed_range, config.amp_speed_fade = style, fade
  return types.SimpleNamespace(config=config)


def test_the_defaults_do_not_warn_about_themselves():
  environment = types.SimpleNamespace(config=walk_config.default_config())
  assert reference_checks.coverage(DATASET, environment).verdict == finding.OK


@pytest.mark.parametrize(
  ("lower", "upper", "style", "verdict"),
  [
    (0.0, 0.6, (0.05, 0.6), finding.OK),
    (0.0, 1.0, (0.05, 0.6), finding.OK),  # Fades where the clips end.
    (0.0, 1.0, (0.05, 1.0), finding.WARN),
    (0.9, 1.5, (0.05, 1.5), finding.FAIL),
    (0.9, 1.5, (0.05, 0.6), finding.WARN),  # Style hardly counts.
    (1.1, 1.5, (0.05, 0.6), finding.FAIL),  # Style counts nowhere.
    (0.0, 0.0, (0.05, 0.6), finding.OK),  # The dead band's end.
  ],
)
def test_commands_without_a_reference_are_told(lower, upper, style, verdict):
  environment = commanding(lower, upper, style)
  assert reference_checks.coverage(DATASET, environment).verdict == verdict


def test_a_long_fade_is_no_excuse():
  environment = commanding(0.0, 1.0, fade=5.0)
  assert reference_checks.coverage(DATASET, environment).verdict == finding.WARN


def test_a_hole_between_clips_is_told():
  sparse = dataclasses.replace(DATASET, clip_speeds=np.array([0.1, 0.6]))
  found = reference_checks.coverage(sparse, commanding(0.0, 0.6))
  assert found.verdict == finding.WARN
  assert "0.20 to 0.50 m/s" in found.detail


def test_the_share_without_a_reference_is_told():
  """Clips end at 0.6 and serve to 0.7: of 0.2 to 1.2 half is missing."""
  found = reference_checks.coverage(DATASET, commanding(0.2, 1.2, (0.05, 1.2)))
  assert "50% of these commands" in found.detail
  assert "to 1.20 m/s" in found.detail


# The machine and the robot.


def test_the_shipped_robot_is_the_contracts(env):
  assert system_checks.model(env).verdict == finding.OK


def compiled_as(env, model):
  """What the model's check asks of an environment, with another model."""
  return types.SimpleNamespace(mj_model=model, robot=env.robot, at=env.at)


def test_a_heavier_robot_is_another_one(env):
  heavier = mujoco.MjModel.from_xml_path(env.xml_path)
  heavier.body_mass[1] += 0.1
  found = system_checks.model(compiled_as(env, heavier))
  assert found.verdict == finding.FAIL
  assert "3.385" in found.detail


def test_servos_in_another_order_are_another_robot(env):
  other = mujoco.MjModel.from_xml_path(env.xml_path)
  other.actuator_trnid[[0, 1]] = other.actuator_trnid[[1, 0]]
  found = system_checks.model(compiled_as(env, other))
  assert found.verdict == finding.FAIL
  assert WILDROBOT.joints[1] in found.detail


def test_too_many_robots_are_warned_of(env, monkeypatch):
  monkeypatch.setattr(backend, "free_bytes", lambda: 1e9)
  ppo = config_lib.brax_ppo_config("WildRobotWalk")
  assert system_checks.memory(env, ppo).verdict == finding.OK
  ppo.num_envs, ppo.batch_size = 2**17, 2**14
  found = system_checks.memory(env, ppo)
  assert found.verdict == finding.WARN
  assert "--ppo.num_envs=" in found.remedy
  monkeypatch.setattr(backend, "free_bytes", lambda: None)
  assert system_checks.memory(env, ppo).verdict == finding.WARN


def test_a_machine_that_cannot_render_is_told_how_to(env, monkeypatch):
  def refuse(*args):
    raise RuntimeError("no display\nat all")

  monkeypatch.setattr(mujoco, "Renderer", refuse)
  found = system_checks.rendering(env.mj_model)
  assert found.verdict == finding.WARN
  assert "(no display)" in found.detail
  assert "MUJOCO_GL" in found.remedy
