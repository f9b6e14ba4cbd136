"""How the task is configured, and what it says of a bad configuration."""

import jax
import jax.numpy as jp
import numpy as np
import pytest

from tests.envs.conftest import OVERRIDES
from wildrobot_playground.envs import walk, walk_config, walk_rewards


def make(config=None, **overrides):
  return walk.Walk(config, {**OVERRIDES, **overrides})


def test_config_passed_in_is_neither_changed_nor_locked():
  config = walk_config.default_config()
  env = make(config, action_scale=0.123)
  assert config == walk_config.default_config()
  assert not config.is_locked
  assert env.config.action_scale == 0.123


def test_later_changes_of_the_config_do_not_reach_the_environment():
  config = walk_config.default_config()
  env = make(config)
  before = env.config.action_scale
  config.action_scale = before + 1.0
  config.command_config.lin_vel_x = (7.0, 8.0)
  assert env.config.action_scale == before
  assert env.config.command_config.lin_vel_x != (7.0, 8.0)


def test_environments_share_no_config():
  one, other = make(action_scale=0.1), make(action_scale=0.2)
  assert (one.config.action_scale, other.config.action_scale) == (0.1, 0.2)
  assert walk_config.default_config() is not walk_config.default_config()


def test_config_of_an_environment_is_locked(env):
  assert env.config.is_locked
  with pytest.raises(AttributeError):
    env.config.acton_scale = 1.0


def test_time_steps_may_be_overridden():
  env = make(ctrl_dt=0.03, sim_dt=0.005)
  assert (env.dt, env.sim_dt, env.n_substeps) == (0.03, 0.005, 6)
  assert env.mj_model.opt.timestep == 0.005
  assert float(env.mjx_model.opt.timestep) == pytest.approx(0.005)


def test_solver_is_the_configs():
  overrides = {"solver.iterations": 7, "solver.ls_iterations": 9}
  model = make(**overrides, **{"solver.cone": "elliptic"}).mj_model
  assert (model.opt.iterations, model.opt.ls_iterations) == (7, 9)
  assert model.opt.cone == 1


@pytest.mark.parametrize(
  ("overrides", "message"),
  [
    ({"ctrl_dt": 0.02, "sim_dt": 0.003}, "ctrl_dt 0.02 s is no multiple of"),
    ({"solver.cone": "round"}, "must be one of pyramidal, elliptic"),
    ({"velocity_mode": "sideways"}, "must be one of direction, soft_direction"),
    ({"impl": "bullet"}, "must be one of auto, mujoco, jax, warp"),
  ],
)
def test_bad_value_is_one_line_that_says_what_is_expected(overrides, message):
  with pytest.raises(ValueError, match=message) as error:
    make(**overrides)
  assert "\n" not in str(error.value)
  value = list(overrides.values())[-1]
  assert str(value) in str(error.value)


def test_every_scale_has_its_term_and_every_term_its_scale(env, first):
  terms = jax.eval_shape(
    lambda s: walk_rewards.terms(
      env,
      s.data,
      env.feet(s.data.qpos),
      jp.zeros(4),
      s.info,
      s.info["last_act"],
      s.done,
    ),
    first,
  )
  assert set(terms) == set(env.config.reward_config.scales)


def test_waist_is_the_first_joint(env, first):
  angles = env.default_pose + jp.array([0.5, *[0.3] * 8])
  data = first.data.replace(qpos=first.data.qpos.at[7:].set(angles))
  feet = env.feet(data.qpos)
  terms = walk_rewards.terms(
    env, data, feet, jp.zeros(4), first.info, first.info["last_act"], first.done
  )
  assert terms["waist_yaw"] == pytest.approx(0.25)


def test_most_a_task_can_pay_is_the_sum_of_its_positive_scales(env):
  scales = np.array(list(env.config.reward_config.scales.values()))
  assert env.max_task_reward == pytest.approx(scales[scales > 0].sum())
  zero = {
    f"reward_config.scales.{k}": 0.0 for k in env.config.reward_config.scales
  }
  zero["reward_config.scales.base_height"] = 0.25
  zero["reward_config.scales.torques"] = -9.0
  assert make(**zero).max_task_reward == 0.25


def test_pushes_within_a_control_step_are_refused():
  with pytest.raises(ValueError, match=r"push_config\.interval 0\.001 s"):
    make(**{"push_config.enable": True, "push_config.interval": 0.001})
