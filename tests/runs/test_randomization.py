"""`--randomization`: one word for ranges, pushes, delays and the randomiser."""

import pytest

from tests.runs.tiny import request, train
from wildrobot_playground.config import ranges
from wildrobot_playground.envs import presets
from wildrobot_playground.runs import exporting, plan
from wildrobot_playground.system import errors


def _plan(**changes):
  return plan.make_plan(request(**{"domain_randomization": None, **changes}))


@pytest.mark.parametrize("name", presets.RANDOMIZATIONS)
def test_a_word_sets_the_ranges_and_turns_it_on(name):
  made = _plan(randomization=name)
  flat = ranges.flatten(made.env_config)
  for key, value in presets.RANDOMIZATIONS[name].items():
    assert flat[key] == value
  assert made.domain_randomization == (name != "off")


def test_without_a_word_nothing_changes():
  made = _plan()
  assert not made.domain_randomization
  assert made.env_config == _plan(randomization=None).env_config


def test_single_ranges_can_be_changed_after_it():
  made = _plan(
    randomization="strong",
    overrides=("--env_config.randomize_config.mass=(1.0, 1.3)",),
  )
  assert made.env_config.randomize_config.mass == (1.0, 1.3)
  assert made.env_config.latency_config.enable


def test_unknown_words_and_other_environments_are_one_line():
  with pytest.raises(errors.UsageError, match="did you mean strong"):
    _plan(randomization="stron")
  with pytest.raises(errors.UsageError, match="WildRobot's environments only"):
    _plan(env="CartpoleBalance", randomization="strong", overrides=())


@pytest.mark.slow
def test_a_run_trains_with_it_and_its_policy_can_be_exported(tmp_path):
  folder = train(
    request(tmp_path / "run", randomization="strong", domain_randomization=None)
  )
  # The contract is of the robot, not of what its training distorted.
  exporting.export(folder, ["onnx"], tmp_path / "out")
  assert (tmp_path / "out" / "policy.onnx").is_file()
