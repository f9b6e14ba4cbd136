"""A run's policy as files for the robot, each proved against the original."""

import dataclasses
import os
import pathlib
import shutil
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jp
import numpy as np
import onnx
from jax import export as jax_export

from wildrobot_playground.amp import discriminator as discriminator_lib
from wildrobot_playground.envs import walk, walk_config
from wildrobot_playground.policy import (
  contract,
  controller,
  graph,
  parity,
  rollout,
)
from wildrobot_playground.policy.sim import sim_to_sim
from wildrobot_playground.runs import reference as reference_lib
from wildrobot_playground.runs import robot_option, saved_config
from wildrobot_playground.runs.reporting import command_lines
from wildrobot_playground.runs.store import checkpoint, snapshots
from wildrobot_playground.system import files

FORMATS = ("onnx", "stablehlo", "brax")
_FILES = {
  "onnx": (
    sim_to_sim.POLICY_FILE,
    "policy.json",
    "controller.py",
    sim_to_sim.STYLE_FILE,
  ),
  "stablehlo": ("policy.stablehlo",),
}
_MAX_DIFFERENCE = 1e-5
_RANDOM = 10_000  # observations
_LATENCY_STEPS = 2000


class ExportError(ValueError):
  """Why nothing was written."""


@dataclasses.dataclass(frozen=True)
class _Trained:
  """A run's policy, read.

  Attributes:
    config: `config.json`.
    params: (normaliser, policy, value).
    network: Brax's description of the networks.
    policy: jitted, (observations,) -> actions, both (B, _).
    env: for the contract, and to roll the policy out.
  """

  config: dict[str, Any]
  params: Any
  network: Any
  policy: Callable[[Any], jax.Array]
  env: walk.Walk

  @property
  def normalizer(self) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and standard deviation of the observations; None without."""
    if not self.network["normalize_observations"]:
      return None
    running, *_ = self.params
    return np.asarray(running.mean["state"]), np.asarray(running.std["state"])


def export(
  run_dir: pathlib.Path, formats: Sequence[str], output: pathlib.Path
) -> list[str]:
  """Writes a run's policy, or nothing at all.

  Args:
    run_dir: run folder.
    formats: some of `FORMATS`.
    output: folder; files of the same names in it are replaced.

  Returns:
    What was written and measured, a line each.

  Raises:
    ValueError: for a run that cannot be exported, or a file that does not do as
      the original does.
  """
  unknown = [name for name in formats if name not in FORMATS]
  if unknown or not formats:
    raise ExportError(
      f"format '{', '.join(unknown)}' is unknown; choose from"
      f" {', '.join(FORMATS)}"
    )
  _check_target(output, formats)
  trained = _read(run_dir)
  output.mkdir(parents=True, exist_ok=True)
  lines = []
  writers = {"onnx": _onnx, "stablehlo": _stablehlo, "brax": _brax}
  with files.scratch(output) as staging:
    for name in dict.fromkeys(formats):
      lines += writers[name](trained, run_dir, staging)
    _check_target(output, formats)  # It has been minutes.
    for path in sorted(staging.iterdir()):
      target = output / path.name
      if target.is_dir():
        target.rename(staging / f"{path.name}.old")
      path.replace(target)
      lines.append(f"wrote    {target}")
  return lines


def _check_target(output: pathlib.Path, formats: Sequence[str]) -> None:
  """Refuses to put a file or a policy's folder in the place of another thing.

  Raises:
    ExportError: when there is no regular file where one would be written, or a
      folder that is no exported policy.
  """
  for name in formats:
    for file in _FILES.get(name, ()):
      path = output / file
      if os.path.lexists(path) and not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        raise ExportError(
          f"{path} is {what}, which the export does not replace: move it away,"
          " or give another --output"
        )
  target = output / checkpoint.BRAX_FOLDER
  if "brax" not in formats or not os.path.lexists(target):
    return
  if target.is_symlink() or not target.is_dir():
    raise ExportError(
      f"{target} is no folder: move it away, or give another --output"
    )
  if any(target.iterdir()) and not checkpoint.is_policy(target):
    raise ExportError(
      f"{target} is no exported policy, or holds files of your own: move it"
      " away, or give another --output"
    )


def _read(run_dir: pathlib.Path) -> _Trained:
  """A run's policy and its environment."""
  config = checkpoint.load_config(run_dir)
  path = run_dir / checkpoint.CONFIG_FILE
  robot, _ = robot_option.of_run(config, path)
  policy = checkpoint.load_policy(run_dir)  # Verifies the folder.
  folder = (run_dir / checkpoint.POLICY_FOLDER).resolve()
  network = checkpoint.load_network(folder)
  env_config = walk_config.default_config(robot)
  saved_config.fill(env_config, config, "env_config", path)
  env = rollout.evaluation_env(env_config, "mujoco", robot)
  sizes, size = network["observation_size"], env.observation_size["state"][0]
  if isinstance(sizes, int) or tuple(sizes["state"]) != (size,):
    raise ExportError(
      f"the policy in {run_dir} takes observations of {sizes}, those of"
      f" {robot.name} are {size}: it is a policy for another robot"
    )
  # The networks read the state alone; the rest of the observation is absent.
  privileged = jp.zeros(env.observation_size["privileged_state"])

  @jax.jit
  def act(rows: jax.Array) -> jax.Array:
    observation = {
      "state": rows,
      "privileged_state": jp.broadcast_to(
        privileged, (rows.shape[0], *privileged.shape)
      ),
    }
    return policy(observation, jax.random.PRNGKey(0))[0]

  params = checkpoint.load_params(folder)
  return _Trained(config, params, network, act, env)


def _onnx(
  trained: _Trained, run_dir: pathlib.Path, folder: pathlib.Path
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
  lines = _prove("onnx", trained, policy.infer)
  lines += parity.check_contract(trained.env, trained.policy, policy)
  lines.append(_latency(policy))
  return lines + _style(trained, run_dir, folder)


def _training_command(config: dict[str, Any]) -> str:
  """What trains such a policy, without paths of this machine."""
  start = config.get("init_from")
  named = {"init_from": pathlib.PurePath(start).name} if start else {}
  command, _ = command_lines.reproduce({**config, **named}, "RUN")
  return command


def _policy_perceptron(trained: _Trained) -> graph.Perceptron:
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


def _prove(
  name: str,
  trained: _Trained,
  infer: Callable[[np.ndarray], np.ndarray],
) -> list[str]:
  """Compares with the original on random observations.

  Raises:
    ExportError: when an action differs by more than 1e-5.
  """
  size = trained.env.observation_size["state"][0]
  rows = np.random.default_rng(0).normal(size=(_RANDOM, size))
  if trained.normalizer is not None:
    mean, std = trained.normalizer
    rows = rows * std + mean
  rows = rows.astype(np.float32)
  difference = float(
    np.max(np.abs(infer(rows) - np.asarray(trained.policy(rows))))
  )
  if not difference <= _MAX_DIFFERENCE:
    raise ExportError(
      f"{name} and the original differ by {difference:.2g} on random"
      f" observations, more than {_MAX_DIFFERENCE:g}: nothing was written"
    )
  return [
    f"{name:8s} within {difference:.1g} of the original on {_RANDOM:,} random"
    " observations"
  ]


def _latency(policy: controller.Policy) -> str:
  """How long a robot waits for one control step: medians, in a line."""
  readings = controller.Readings(
    orientation=np.array([1.0, 0.0, 0.0, 0.0], np.float32),
    gyro=np.zeros(3, np.float32),
    joint_pos=policy.controller.default_pose,
    joint_vel=np.zeros_like(policy.controller.default_pose),
  )
  policy.reset(readings.orientation)
  observation = policy.observe(readings, 0.3)
  network = _median_ms(lambda: policy.infer(observation))
  whole = _median_ms(lambda: policy.step(readings, 0.3))
  return (
    f"latency  {network:.3f} ms the network, {whole:.3f} ms the whole control"
    " step, one thread"
  )


def _median_ms(act: Callable[[], object]) -> float:
  times = []
  for _ in range(_LATENCY_STEPS):
    started = time.perf_counter()
    act()
    times.append(time.perf_counter() - started)
  return 1e3 * float(np.median(times))


def _style(
  trained: _Trained, run_dir: pathlib.Path, folder: pathlib.Path
) -> list[str]:
  """`style.onnx`, the newest discriminator's score, where there is one."""
  amp = trained.config.get("amp", {})
  if not amp.get("weight"):
    return []
  if amp["spectral_norm"] or amp["history"] != 1:
    return ["style    not exported: it needs spectral_norm=False and history=1"]
  prefix = ".training_state.prior.discriminator.variables['params']"
  store = snapshots.Snapshots(run_dir)
  for steps in store.steps()[::-1]:
    try:
      arrays = snapshots.read(store.path(steps))
    except snapshots.SnapshotError:
      continue
    count = sum(name.startswith(prefix) for name in arrays) // 2
    layers = [
      tuple(arrays[f"{prefix}['Dense_{i}']['{k}']"] for k in ("kernel", "bias"))
      for i in range(count)
    ]
    return _write_style(amp, run_dir, layers, folder / sim_to_sim.STYLE_FILE)
  return ["style    no checkpoint with a discriminator is left"]


def _write_style(
  amp: dict[str, Any],
  run_dir: pathlib.Path,
  layers: list[Any],
  path: pathlib.Path,
) -> list[str]:
  reference = reference_lib.of_run(run_dir)
  model = graph.build(
    graph.Perceptron(
      "features",
      "score",
      reference.mean,
      reference.std,
      layers,
      amp["disc_activation"],
    ),
    {"loss": amp["loss"], "velocity_mode": reference.velocity_mode},
  )
  onnx.save(model, path)
  session = controller.load_session(path)
  rows = reference.features[:1000].astype(np.float32)
  (scores,) = session.run(["score"], {"features": rows})
  activation = discriminator_lib.ACTIVATIONS[amp["disc_activation"]]
  hidden = (rows - reference.mean) / reference.std
  for i, (kernel, bias) in enumerate(layers):
    hidden = (activation(hidden) if i else hidden) @ kernel + bias
  difference = float(np.max(np.abs(scores - np.asarray(hidden))))
  if not difference <= 1e-3:
    raise ExportError(f"{path.name} differs from the original: {difference:g}")
  return [f"style    score within {difference:.1g} of the original"]


def _stablehlo(
  trained: _Trained, run_dir: pathlib.Path, folder: pathlib.Path
) -> list[str]:
  """`policy.stablehlo`: for `jax.export.deserialize`, any batch size."""
  del run_dir
  size = trained.env.observation_size["state"][0]
  (batch,) = jax_export.symbolic_shape("batch")
  exported = jax_export.export(
    jax.jit(trained.policy), platforms=("cpu", "cuda")
  )(jax.ShapeDtypeStruct((batch, size), jp.float32))
  path = folder / "policy.stablehlo"
  path.write_bytes(exported.serialize())
  again = jax_export.deserialize(bytearray(path.read_bytes()))
  return _prove("stablehlo", trained, lambda rows: np.asarray(again.call(rows)))


def _brax(
  trained: _Trained, run_dir: pathlib.Path, folder: pathlib.Path
) -> list[str]:
  """`brax/`: a stock Brax checkpoint, for `ppo.checkpoint.load_policy`."""
  del trained  # It has read the folder already, so that is in order.
  shutil.copytree(
    run_dir / checkpoint.POLICY_FOLDER, folder / checkpoint.BRAX_FOLDER
  )
  checkpoint.seal(folder / checkpoint.BRAX_FOLDER)
  return []
