"""A policy as ONNX, with its contract and the control loop that runs it."""

import pathlib
import shutil
from typing import Any

import numpy as np
import onnx

from wildrobot_playground.policy import contract, controller, graph, parity
from wildrobot_playground.policy.sim import sim_to_sim
from wildrobot_playground.runs.exporting import (
  network_card,
  proof,
  style_score,
)
from wildrobot_playground.runs.exporting.trained import ExportError, Trained
from wildrobot_playground.runs.reporting import command_lines


def write(
  trained: Trained, run_dir: pathlib.Path, folder: pathlib.Path
) -> list[str]:
  """`policy.onnx`, `policy.json`, `controller.py`, and `style.onnx`."""
  perceptron = _policy_perceptron(trained)
  path = folder / sim_to_sim.POLICY_FILE
  if not trained.is_ours:
    lines = _write_network(trained, perceptron, path)
    return lines + style_score.write(trained, run_dir, folder)
  agreed = contract.make(trained.env, trained.normalizer)
  agreed["training"] = _training(trained.config)
  metadata = {controller.METADATA_KEY: contract.dumps(agreed)}
  onnx.save(graph.build(perceptron, metadata), path)
  contract.save(agreed, path.with_suffix(".json"))
  shutil.copyfile(controller.__file__, folder / "controller.py")
  policy = controller.Policy(path)
  lines = proof.prove("onnx", trained, policy.infer)
  lines += parity.check_contract(trained.env, trained.policy, policy)
  lines.append(proof.latency(policy))
  return lines + style_score.write(trained, run_dir, folder)


def _write_network(
  trained: Trained, perceptron: graph.Perceptron, path: pathlib.Path
) -> list[str]:
  """The policy of an environment of Playground, and what is known of it."""
  said = network_card.describe(trained)
  said["training"] = _training(trained.config)
  metadata = {network_card.METADATA_KEY: contract.dumps(said)}
  onnx.save(graph.build(perceptron, metadata), path)
  contract.save(said, path.with_suffix(".json"))
  session = controller.load_session(path)

  def infer(rows: np.ndarray) -> np.ndarray:
    (actions,) = session.run(["action"], {"observation": rows})
    return actions

  return [
    *proof.prove("onnx", trained, infer),
    proof.network_latency(infer, trained.observation_size),
  ]


def _training(config: dict[str, Any]) -> dict[str, Any]:
  """Where a policy comes from."""
  return {
    "command": _training_command(config),
    "seed": config.get("seed"),
    "steps": config.get("ppo", {}).get("num_timesteps"),
  }


def _training_command(config: dict[str, Any]) -> str:
  """What trains such a policy, without paths of this machine."""
  start = config.get("init_from")
  named = {"init_from": pathlib.PurePath(start).name} if start else {}
  command, _ = command_lines.reproduce({**config, **named}, "RUN")
  return command


def _policy_perceptron(trained: Trained) -> graph.Perceptron:
  """The deterministic policy: the mean of its actions, through tanh.

  Raises:
    ExportError: for a network that this does not cover.
  """
  options = trained.network["network_factory_kwargs"]
  if options.get("distribution_type", "tanh_normal") != "tanh_normal":
    raise ExportError(
      "only policies with distribution_type=tanh_normal can be exported"
    )
  if trained.is_ours and trained.observed != "state":
    raise ExportError(
      f"the policy observes '{trained.observed}', which no robot measures"
    )
  activation = options.get("activation", "swish")
  activation = {"silu": "swish"}.get(activation, activation)
  if activation not in graph.ACTIVATIONS:
    raise ExportError(
      f"activation '{activation}' cannot be exported; known are"
      f" {', '.join(graph.ACTIVATIONS)}"
    )
  _, policy, _ = trained.params
  layers = policy["params"]
  if set(layers) != {f"hidden_{i}" for i in range(len(layers))}:
    raise ExportError("only plain perceptrons can be exported")
  dense = [
    (
      np.asarray(layers[f"hidden_{i}"]["kernel"]),
      np.asarray(layers[f"hidden_{i}"]["bias"]),
    )
    for i in range(len(layers))
  ]
  kernel, bias = dense[-1]
  size = trained.network["action_size"]
  dense[-1] = kernel[:, :size], bias[:size]  # The rest is its spread.
  mean, std = trained.normalizer or (None, None)
  return graph.Perceptron(
    "observation", "action", mean, std, dense, activation, "tanh"
  )
