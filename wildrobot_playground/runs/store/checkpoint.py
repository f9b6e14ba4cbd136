"""A run folder's policy: written as a stock Brax checkpoint, read with care."""

import errno
import functools
import json
import pathlib
import shutil
from typing import Any

import jax
import numpy as np
from brax.training import types
from brax.training.acme import running_statistics, specs
from brax.training.agents.ppo import checkpoint, networks
from flax import serialization
from ml_collections import config_dict

from wildrobot_playground.runs import saved_config
from wildrobot_playground.runs.store import arrays, digests, snapshots
from wildrobot_playground.runs.store import folder as run_folder
from wildrobot_playground.system import files, reading

CONFIG_FILE = saved_config.FILE
POLICY_FOLDER = "policy"
BRAX_FOLDER = "brax"  # Of an export.
_NETWORK_FILE = "ppo_network_config.json"
_DIGESTS_FILE = "sha256.json"
_OLD_FOLDER = ".policy.old"


class CheckpointError(ValueError):
  """A run folder that cannot be used; one line says why."""


def save_policy(
  run_dir: pathlib.Path,
  params: Any,
  observation_size: types.ObservationSize,
  action_size: int,
  ppo: config_dict.ConfigDict,
) -> pathlib.Path:
  """Writes `policy/`, loadable by Brax's own `ppo.checkpoint.load_policy`.

  Args:
    run_dir: the run folder.
    params: (normaliser, policy, value).
    observation_size: shapes of the observations.
    action_size: number of servos.
    ppo: the PPO configuration that the networks were made from.

  Returns:
    The folder of the checkpoint.

  Raises:
    OSError: when it cannot be written; the policy before it, if any, stays.
  """
  network = checkpoint.network_config(
    observation_size,
    action_size,
    ppo.normalize_observations,
    network_factory(ppo),
  )
  # Brax cannot read back an initialiser that it wrote as null.
  for name, value in list(network.network_factory_kwargs.items()):
    if name.endswith("_init_fn") and value is None:
      del network.network_factory_kwargs[name]
  folder = run_dir / POLICY_FOLDER
  staging, old = run_dir / ".policy.new", run_dir / _OLD_FOLDER
  shutil.rmtree(staging, ignore_errors=True)
  if old.exists() and not folder.exists():  # Killed between the two renames.
    old.rename(folder)
  shutil.rmtree(old, ignore_errors=True)
  arrays.check_room(run_dir, params)
  try:
    written = staging.resolve() / f"{0:012d}"
    # As plain dictionaries: Brax's counter makes jax arrays of itself.
    plain = tuple(serialization.to_state_dict(part) for part in params)
    with arrays.checkpointer() as writer:
      writer.save(written, jax.device_get(plain))
    files.write_text(written / _NETWORK_FILE, _describe(network))
    seal(written)
  except Exception as error:  # Orbax has its own for a full disk.
    shutil.rmtree(staging, ignore_errors=True)
    first_line = (str(error) or repr(error)).splitlines()[0]
    raise OSError(errno.EIO, first_line, str(folder)) from error
  if folder.exists():
    folder.rename(old)
  written.rename(folder)
  run_folder.now_trained(run_dir)
  shutil.rmtree(staging, ignore_errors=True)
  shutil.rmtree(old, ignore_errors=True)
  return folder


def _describe(network: config_dict.ConfigDict) -> str:
  """A network's configuration in Brax's JSON: functions by their names."""
  plain = network.to_dict()
  plain["network_factory_kwargs"] = {
    name: value.__name__ if callable(value) else value
    for name, value in plain["network_factory_kwargs"].items()
  }
  return config_dict.ConfigDict(plain).to_json_best_effort()


def network_factory(ppo: config_dict.ConfigDict) -> Any:
  """The network factory that a PPO configuration describes."""
  return functools.partial(
    networks.make_ppo_networks, **ppo.get("network_factory", {})
  )


def save_config(run_dir: pathlib.Path, config: dict[str, Any]) -> None:
  """Writes `config.json`: what the run was asked to do, and with what."""
  text = json.dumps(config, indent=2, default=_plain)
  files.write_text(run_dir / CONFIG_FILE, text + "\n")


def holds_run(run_dir: pathlib.Path) -> bool:
  """Whether there is anything in a folder that a new run would destroy.

  A run that was killed before its first checkpoint leaves nothing of the kind.
  """
  policies = (run_dir / POLICY_FOLDER, run_dir / _OLD_FOLDER)
  return any(folder.exists() for folder in policies) or bool(
    snapshots.Snapshots(run_dir).steps()
  )


def load_config(run_dir: pathlib.Path) -> dict[str, Any]:
  """Reads `config.json` of a run folder.

  Raises:
    CheckpointError: when there is none, or it holds no configuration.
  """
  path = run_dir / CONFIG_FILE
  try:
    return saved_config.load(path)
  except (FileNotFoundError, NotADirectoryError):
    raise CheckpointError(
      f"{run_dir} is no run folder: it has no {CONFIG_FILE}"
    ) from None
  except saved_config.ConfigFileError as error:
    raise CheckpointError(str(error)) from None


def load_policy(run_dir: pathlib.Path) -> Any:
  """The deterministic policy of a run folder: (observations, key) -> action.

  Raises:
    CheckpointError: when the policy is missing or damaged.
  """
  folder = run_dir / POLICY_FOLDER
  if not (folder / _NETWORK_FILE).is_file():
    raise CheckpointError(
      f"{run_dir} has no trained policy: {folder / _NETWORK_FILE} is missing"
    )
  reading.check_name(folder, "orbax", CheckpointError)
  check_policy(folder)
  try:
    return checkpoint.load_policy(folder.resolve(), deterministic=True)
  except Exception as error:
    first_line = str(error).splitlines()[0] if str(error) else repr(error)
    raise CheckpointError(
      f"the policy in {folder} is damaged: {first_line}"
    ) from error


def seal(folder: pathlib.Path) -> None:
  """Writes the sha256 of every file of a policy's folder beside them."""
  # Nothing but the path of the machine that it was written on.
  (folder / "commit_success.txt").unlink(missing_ok=True)
  files.write_json(
    folder / _DIGESTS_FILE, digests.of_files(folder, _DIGESTS_FILE)
  )


def load_network(folder: pathlib.Path) -> dict[str, Any]:
  """What a stock Brax checkpoint says of its networks.

  Raises:
    CheckpointError: when it says nothing.
  """
  path = folder / _NETWORK_FILE
  try:
    network = json.loads(reading.text(path))
  except (OSError, ValueError, RecursionError) as error:
    raise CheckpointError(
      f"{folder} is no Brax checkpoint: cannot read {path.name} ({error})"
    ) from None
  if not isinstance(network, dict):
    raise CheckpointError(
      f"{folder} is no Brax checkpoint: {path.name} is no dictionary"
    )
  return network


def load_params(folder: pathlib.Path) -> Any:
  """(normaliser, policy, value) of a stock Brax checkpoint.

  Raises:
    CheckpointError: when it is missing or damaged.
  """
  load_network(folder)
  reading.check_name(folder, "orbax", CheckpointError)
  check_policy(folder)
  try:
    return tuple(checkpoint.load(folder.resolve()))
  except Exception as error:
    first_line = str(error).splitlines()[0] if str(error) else repr(error)
    raise CheckpointError(f"{folder} is damaged: {first_line}") from error


def params_to_start_from(
  path: pathlib.Path,
  observation_size: types.ObservationSize,
  action_size: int,
  ppo: config_dict.ConfigDict,
) -> Any:
  """(normaliser, policy, value) of an earlier training, for a new one.

  Args:
    path: a run folder, an export, or a stock Brax checkpoint.
    observation_size: shapes of the new run's observations.
    action_size: its number of servos.
    ppo: its PPO configuration.

  Raises:
    CheckpointError: when it is missing or damaged, or its networks are not
      those of the new run.
  """
  inside = [path / name for name in (POLICY_FOLDER, BRAX_FOLDER)]
  params = load_params(next(filter(pathlib.Path.is_dir, inside), path))
  network = network_factory(ppo)(observation_size, action_size)
  key = jax.random.PRNGKey(0)
  wanted = jax.eval_shape(
    lambda: (
      running_statistics.init_state(
        jax.tree.map(
          lambda shape: specs.Array(shape, np.dtype("float32")),
          dict(observation_size),
          is_leaf=lambda x: isinstance(x, tuple),
        )
      ),
      network.policy_network.init(key),
      network.value_network.init(key),
    )
  )
  ours, theirs = _shapes(wanted), _shapes(params)
  for name in sorted(ours.keys() | theirs.keys()):
    if ours.get(name) != theirs.get(name):
      raise CheckpointError(
        f"{path} has other networks than this run: {name} is"
        f" {theirs.get(name, 'missing')} there and"
        f" {ours.get(name, 'missing')} here"
      )
  return params


def _shapes(params: Any) -> dict[str, tuple[int, ...]]:
  """Shapes of the means, kernels and biases by their path."""
  normalizer, policy, value = params
  tree = {"observations": normalizer.mean, "policy": policy, "value": value}
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  return {
    jax.tree_util.keystr(path, simple=True, separator="/"): tuple(x.shape)
    for path, x in leaves
  }


def check_policy(folder: pathlib.Path) -> None:
  """Checks the files of a policy's folder against their sha256.

  A stock Brax checkpoint, which has none, passes.

  Raises:
    CheckpointError: naming the file that is not as it was written.
  """
  path = folder / _DIGESTS_FILE
  if not path.is_file():
    return
  try:
    found = digests.of_files(folder, _DIGESTS_FILE)
  except OSError as error:
    raise CheckpointError(f"cannot read {folder}: {error}") from None
  if difference := digests.changed(_sealed(path), found):
    raise CheckpointError(f"the policy in {folder} is damaged: {difference}")


def _sealed(path: pathlib.Path) -> dict[str, Any]:
  """The sha256 of every file of a policy, as they were written down."""
  try:
    listed = json.loads(reading.text(path))
  except (OSError, ValueError, RecursionError) as error:
    raise CheckpointError(f"cannot read {path}: {error}") from None
  if not isinstance(listed, dict):
    raise CheckpointError(f"{path} is no list of digests: it is no dictionary")
  return listed


def is_policy(folder: pathlib.Path) -> bool:
  """Whether a folder is a sealed policy and holds nothing else.

  One whose files have changed since is one still; a file of somebody's own in
  it, or a missing seal, makes it none.
  """
  try:
    sealed = _sealed(folder / _DIGESTS_FILE)
  except CheckpointError:
    return False
  inside = digests.of_files(folder, _DIGESTS_FILE)
  return _NETWORK_FILE in sealed and inside.keys() <= sealed.keys()


def train_arguments(ppo: config_dict.ConfigDict) -> dict[str, Any]:
  """A PPO configuration as arguments of `ppo.train`, ours or Brax's."""
  return {**ppo, "network_factory": network_factory(ppo)}


def make_policy(
  params: Any,
  observation_size: types.ObservationSize,
  action_size: int,
  ppo: config_dict.ConfigDict,
) -> Any:
  """The deterministic policy of parameters that are still in memory."""
  normalize = (
    running_statistics.normalize
    if ppo.normalize_observations
    else types.identity_observation_preprocessor
  )
  network = network_factory(ppo)(
    observation_size, action_size, preprocess_observations_fn=normalize
  )
  return networks.make_inference_fn(network)(params, deterministic=True)


def _plain(value: Any) -> Any:
  """JSON for what configurations hold beside plain types."""
  if isinstance(value, config_dict.ConfigDict):
    return value.to_dict()
  if isinstance(value, pathlib.Path):
    return str(value)
  return repr(value)
