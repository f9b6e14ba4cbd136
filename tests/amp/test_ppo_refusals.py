"""One line that says what is wrong and what to do."""

import pytest
from brax import envs
from ml_collections import config_dict

from wildrobot_playground.amp import arguments, assembly

STEPS = 80  # Of an iteration of `ppo_settings`.


def check(train, message, error=ValueError, **changes):
  with pytest.raises(error, match=message) as caught:
    train(STEPS, **changes)
  assert "\n" not in str(caught.value)


def test_an_environment_without_features(train, point_mass):
  check(
    train,
    "no 'amp_features'; emit the feature vector in its step, or set"
    " amp.weight=0",
    environment=point_mass(num_features=0),
  )


def test_features_of_another_size(train, point_mass):
  check(
    train,
    "emits 28 features, the reference has 29",
    environment=point_mass(num_features=28),
  )


def test_another_control_step(train, point_mass):
  check(
    train,
    "dt is 0.02, the environment's is 0.01; build the reference",
    environment=point_mass(dt=0.01),
  )


def test_a_missing_reference(train):
  check(train, "needs a reference", reference=None)


@pytest.mark.parametrize(
  ("wrong", "nearest"),
  [
    ("learning_rte", "learning_rate"),
    ("num_env", "num_envs"),
    ("unroll_len", "unroll_length"),
  ],
)
def test_an_unknown_argument_names_the_nearest(train, wrong, nearest):
  check(
    train,
    f"no argument '{wrong}'; did you mean '{nearest}'",
    error=TypeError,
    **{wrong: 1},
  )


def test_an_unknown_argument_like_no_other(train):
  check(train, "no argument 'xyzzy'$", error=TypeError, xyzzy=1)


def test_batches_that_robots_do_not_divide(train):
  check(
    train,
    r"batch_size 8 \* num_minibatches 2 must be a multiple of num_envs 12",
    num_envs=12,
  )


@pytest.mark.parametrize("name", ["num_envs", "batch_size", "replay_size"])
def test_sizes_that_devices_do_not_divide(name):
  sizes = {"num_envs": 8, "batch_size": 8, "replay_size": 8} | {name: 4}
  replay_size = sizes.pop("replay_size")
  settings = arguments.settings_of({**sizes, "num_minibatches": 6})
  with pytest.raises(ValueError, match=f"{name} 4 must be a multiple of t"):
    arguments.check_sizes(settings, replay_size, 8)


@pytest.mark.parametrize(
  ("option", "message"),
  [
    ({"mixing": "blend"}, "amp.mixing is 'blend'; it must be one of"),
    ({"loss": "hinge"}, "amp.loss is 'hinge'; it must be one of"),
    ({"history": 0}, "history is 0"),
  ],
)
def test_an_unknown_option(train, option, message):
  check(train, message, amp_changes=option)


def test_share_of_an_unknown_task(train):
  environment = envs.get_environment("fast")
  config = config_dict.create(mixing="share", style_reward_scale=0.0)
  with pytest.raises(ValueError, match=r"set amp\.style_reward_scale"):
    assembly.style_scale(config, environment)
