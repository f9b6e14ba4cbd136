"""A policy as ONNX, with its contract and the control loop that runs it."""

import pathlib
import shutil
from typing import Any

import numpy as np
import onnx

from wildrobot_playground.policy import contract, controller, graph, parity
from wildrobot_playground.policy.sim import sim_to_sim
from wildrobot_playground.runs.exporting import proof, style_score
from wildrobot_playground.runs.exporting.trained import ExportError, Trained
from wildrobot_playground.runs.reporting import command_lines


def write(
  trained: Trained, run_dir: pathlib.Path, folder: pathlib.Path
) -> list[str]:
  """`policy.onnx`, `policy.json`, `controller.py`, and `style.onnx`."""
  perceptron = _policy_perceptron(trained)
  agreed = contract.make(trained.env, trained.normalizer)
  agreed["training"] = {
    "command": _training_command(trained.config),
    "seed": trained.config.get("seed"),
    "steps": trained.config.get("ppo", {}).get("num_timesteps"),
  }
  path = folder / sim_to_sim.POLICY_FILE
  metadata = {controller.METADATA_KEY: contract.dumps(agreed)}
  onnx.save(graph.build(perceptron, metadata), path)
  contract.save(agreed, path.with_suffix(".json"))
  shutil.copyfile(controller.__file__, folder / "controller.py")
  policy = controller.Policy(path)
  lines = proof.prove("onnx", trained, policy.infer)
  lines += parity.check_contract(trained.env, trained.policy, policy)
  lines.append(proof.latency(policy))
  return lines + style_score.write(trained, run_dir, folder)


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
  key = options.get("policy_obs_key", "state")
  if key != "state":
    raise ExportError(f"the policy observes '{key}', which no robot measures")
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
