"""Judging an exported policy as the robot would run it, in plain MuJoCo."""

import os
import pathlib
from collections.abc import Sequence

from wildrobot_playground import robots
from wildrobot_playground.features import dataset as dataset_lib
from wildrobot_playground.policy import contract
from wildrobot_playground.policy.controller import ContractError, Policy
from wildrobot_playground.policy.metrics import episodes, scorecard
from wildrobot_playground.policy.sim import plant, sim_episodes, simulation

POLICY_FILE = "policy.onnx"
STYLE_FILE = "style.onnx"  # The discriminator's score, beside it.
PHYSICS = "mujoco through the contract"


def load(path: str | os.PathLike[str]) -> Policy:
  """An exported policy: a file, or the folder that holds one.

  A `policy.json` beside it must say the same as the file's own contract.

  Raises:
    ContractError: for a file that cannot be used.
  """
  file = pathlib.Path(path)
  if file.is_dir():
    if (file / "config.json").is_file() and not (file / POLICY_FILE).exists():
      raise ContractError(
        f"{file} is a run, no exported policy: export it first with"
        f" `python -m wildrobot_playground.export --checkpoint={file}`, then"
        f" name {file / 'export'}"
      )
    file = file / POLICY_FILE
  policy = Policy(file)
  beside = file.with_suffix(".json")
  if beside.is_file() and contract.load(beside) != policy.controller.contract:
    raise ContractError(
      f"{beside} and the contract in {file} differ; export again"
    )
  return policy


def evaluate(
  policy: Policy,
  model: str | None = None,
  commands: Sequence[float] = episodes.COMMANDS,
  num_episodes: int = episodes.NUM_EPISODES,
  seconds: float = episodes.SECONDS,
  reference: pathlib.Path | None = None,
  seed: int = 0,
) -> scorecard.Report:
  """Evaluates a policy over a grid of commands, at full accuracy.

  Args:
    policy: exported.
    model: an MJCF of the robot; ours when None.
    commands: forward speeds [m/s].
    num_episodes: episodes a command.
    seconds: length of an episode [s].
    reference: what style is measured against; the shipped one when None.
    seed: of the first poses.

  Raises:
    ValueError: for a model, reference or length that cannot be used.
  """
  agreed = policy.controller.contract
  episodes.check_length(seconds, 1 / agreed["control_rate"])
  robot = plant.load(agreed, model)
  sim = simulation.Simulation(robot, agreed, seed=seed)
  dataset = dataset_lib.load(reference or shipped_reference(robot.reference))
  rollouts = sim_episodes.roll_out(
    policy,
    sim,
    commands,
    num_episodes,
    round(seconds / sim.dt),
    dataset.velocity_mode,
  )
  return scorecard.score(rollouts, dataset, robot.reference, PHYSICS)


def shipped_reference(robot: robots.Robot) -> pathlib.Path:
  """The dataset that comes with a robot.

  Raises:
    ContractError: for a robot without one.
  """
  path = robot.description.dataset
  if not path.is_file():
    raise ContractError(
      f"no reference is beside the robot '{robot.description.name}' ({path}):"
      " name one with --reference"
    )
  return path
