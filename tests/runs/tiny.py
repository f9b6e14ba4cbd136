"""A training run as small as it gets."""

import pathlib

import pytest

from wildrobot_playground.policy.metrics import scorecard
from wildrobot_playground.runs import evaluation, plan, training
from wildrobot_playground.runs.logs import wandb_sink

TINY = (
  "--ppo.num_envs=8",
  "--ppo.batch_size=8",
  "--ppo.num_minibatches=1",
  "--ppo.unroll_length=5",
  "--ppo.num_updates_per_batch=1",
  "--ppo.network_factory.policy_hidden_layer_sizes=(8,)",
  "--ppo.network_factory.value_hidden_layer_sizes=(8,)",
  "--amp.disc_hidden_layer_sizes=(8,)",
  "--amp.disc_batch_size=8",
  "--amp.disc_updates=2",
)
NO_WANDB = wandb_sink.Options("disabled")
_ROW = {"command": 0.2, "falls": 0.0, "episodes": 1, "speed": 0.1}


def train(asked: plan.Request) -> pathlib.Path:
  """The run of a training whose last evaluation is a stand-in.

  The true one compiles a program and walks for 96,000 control steps.
  """
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(evaluation, "evaluate", lambda *_, **__: judged())
    patch.setattr(scorecard, "table", lambda _: "")
    return training.run(asked)


def judged() -> scorecard.Report:
  """An evaluation of one command and no steps."""
  return scorecard.Report([dict(_ROW)], "mujoco", [], None)


def request(run_dir: pathlib.Path | None = None, **changes) -> plan.Request:
  """A request for three tiny iterations."""
  values = {
    "env": "WildRobotWalk",
    "preset": "cpu",
    "amp_weight": None,
    "num_timesteps": 120,
    "seed": 0,
    "impl": None,
    "run_dir": str(run_dir) if run_dir else None,
    "reference": None,
    "domain_randomization": False,
    "check": False,
    "evaluate": False,
    "video": False,
    "wandb": NO_WANDB,
    "overrides": TINY,
  }
  return plan.Request(**{**values, **changes})
