"""Robots that fit into memory, and what is done about those that do not."""

import jax
import mujoco_playground
import pytest

from tests.runs.tiny import TINY, request
from wildrobot_playground.amp import ppo as ppo_lib
from wildrobot_playground.envs import presets as config_lib
from wildrobot_playground.runs import memory, preflight, training
from wildrobot_playground.runs import plan as plan_lib
from wildrobot_playground.system import backend, errors


@pytest.fixture(scope="module")
def env():
  return mujoco_playground.registry.load("WildRobotWalk")


def ppo(**changes):
  config = config_lib.brax_ppo_config("WildRobotWalk")
  config.update(changes)
  return config


def needed(env, **changes):
  return memory.bytes_needed(env, ppo(**changes))


def test_memory_is_linear_in_the_unroll_and_in_the_robots(env):
  assert needed(env, unroll_length=20) - needed(env, unroll_length=10) == (
    needed(env, unroll_length=30) - needed(env, unroll_length=20)
  )
  assert needed(env, num_envs=512) < needed(env, num_envs=1024)
  assert needed(env, batch_size=128) < needed(env, batch_size=256)


def test_devices_share_the_memory(env):
  one = memory.bytes_needed(env, ppo(), 1)
  assert memory.bytes_needed(env, ppo(), 4) == pytest.approx(one / 4, rel=0.01)


def test_robots_and_batches_are_halved_until_they_fit(env):
  free = needed(env)
  found = memory.fitting(env, ppo(), free)  # 0.7 of it may be used.
  assert found == {"num_envs": 256, "batch_size": 64}
  assert needed(env, **found) <= 0.7 * free
  assert memory.fitting(env, ppo(), 10 * free) == {
    "num_envs": 512,
    "batch_size": 128,
  }


def test_what_never_fits_stays_divisible_by_the_devices(env):
  found = memory.fitting(env, ppo(), 1.0, num_devices=2)
  assert found["num_envs"] % 2 == found["batch_size"] % 2 == 0


@pytest.mark.parametrize("asked", [False, True])
def test_a_preset_shrinks_and_a_wish_is_only_warned_of(
  env, monkeypatch, capsys, asked
):
  monkeypatch.setattr(backend, "free_bytes", lambda: 1e6)
  overrides = TINY if asked else ()
  wish = request(overrides=overrides)
  plan = plan_lib.make_plan(wish)
  if asked:
    plan.ppo.num_envs = 4096
  fitted = preflight.fit_memory(plan, env, wish)
  said = capsys.readouterr().err
  if asked:
    assert fitted.ppo.num_envs == 4096
    assert "warning" in said
    assert "--ppo.num_envs=" in said
  else:
    assert fitted.ppo.num_envs < plan.ppo.num_envs == 512
    assert "note" in said
    assert f"training with {fitted.ppo.num_envs}" in said


def test_memory_that_ran_out_is_one_line(tmp_path, monkeypatch):
  def refuse(*args, **kwargs):
    raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

  monkeypatch.setattr(ppo_lib, "train", refuse)
  with pytest.raises(errors.RunFailedError, match="halve --ppo"):
    training.run(request(tmp_path / "run"))


def test_warp_gets_room_for_the_contacts_of_all_robots():
  def room(impl, robots):
    sizes = (f"--ppo.num_envs={robots}", "--ppo.batch_size=1024")
    wish = request(impl=impl, overrides=sizes)
    return plan_lib.make_plan(wish).env_config.naconmax

  assert room("warp", 8192) == 8192 * plan_lib.CONTACTS_PER_ROBOT
  assert room("warp", 8) == room("jax", 8192)  # The task's own.


def test_choices_follow_the_backend():
  assert backend.choices("cpu").impl == "mujoco"
  assert backend.choices("gpu") == backend.choices("tpu")
  assert backend.choices().preset in config_lib.PRESETS
  assert backend.usable_cores() >= 1
