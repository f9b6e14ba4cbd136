"""The compiled functions of a run, and the state that they carry on."""

import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jp
import numpy as np
from flax import struct
from jax.sharding import NamedSharding, PartitionSpec

from wildrobot_playground.amp import learner as learner_lib
from wildrobot_playground.amp import prior as prior_lib
from wildrobot_playground.amp import tuning
from wildrobot_playground.amp.arguments import PPOSettings
from wildrobot_playground.system import distributed

Params = tuple[Any, Any, Any]

_REPLICATED = PartitionSpec()
_SPLIT = PartitionSpec(learner_lib.AXIS_NAME)


@struct.dataclass
class RunState:
  """All that the rest of a run depends on, beside its settings.

  Attributes:
    training_state: what is learnt.
    env_state: of all robots.
    device_keys: (devices, 2) of the next iteration.
    local_key: (2,) of the next epoch.
    env_keys: (num_envs, 2) of the next reset of every robot.
    iteration: () how many iterations are done.
  """

  training_state: learner_lib.TrainingState
  env_state: Any
  device_keys: jax.Array
  local_key: jax.Array
  env_keys: jax.Array
  iteration: np.int32


@dataclasses.dataclass(frozen=True)
class Compiled:
  """What compiling took, and what its program takes.

  Attributes:
    seconds: of compiling.
    bytes: of a device's memory that an iteration needs; None where XLA does
      not say.
  """

  seconds: float
  bytes: int | None


class Keys:
  """The random keys that a run starts with, derived as Brax derives them.

  The same in every process: which process a device belongs to changes nothing.

  Attributes:
    networks: of the parameters.
    local: of the first epoch.
    env: of randomisation and resets.
    eval: of evaluations.
  """

  def __init__(self, seed: int):
    self.networks, local = jax.random.split(jax.random.PRNGKey(seed))
    local = jax.random.fold_in(local, 0)  # Brax's first process.
    self.local, self.env, self.eval = jax.random.split(local, 3)


class Programs:
  """The compiled functions of a run, each over the mesh's device axis.

  Attributes:
    learner: what they compute.
  """

  def __init__(
    self,
    env: Any,
    settings: PPOSettings,
    mesh: jax.sharding.Mesh,
    keys: Keys,
    prior: prior_lib.MotionPrior | None,
  ):
    """Resets the robots once, for the shapes of everything.

    Args:
      env: batched, auto-resetting environment.
      settings: PPO's arguments.
      mesh: the devices.
      keys: of the run.
      prior: the motion prior, if any.
    """
    self._mesh = mesh
    self._keys = keys
    self._restores_value = settings.restore_value_fn
    self._reset = jax.jit(
      jax.shard_map(
        env.reset,
        mesh=mesh,
        in_specs=_SPLIT,
        out_specs=_SPLIT,
        check_vma=False,
      )
    )
    self._env_keys = jax.random.split(keys.env, settings.num_envs)
    self._env_state = self.reset_robots(self._env_keys)
    observation_size = jax.tree.map(lambda x: x.shape[1:], self._env_state.obs)
    self.learner = learner_lib.Learner(env, observation_size, settings, prior)
    self._iterate: Any = None

  def start(self, restore_params: Params | None) -> RunState:
    """The state before the first iteration, on the devices."""
    state = self.learner.init(self._keys.networks)
    if restore_params is not None:
      # A copy, for the first iteration uses its arguments up.
      normalizer, policy, value = jax.tree.map(jp.array, restore_params)
      if not self._restores_value:
        value = state.params.value
      state = state.replace(
        normalizer_params=normalizer,
        params=state.params.replace(policy=policy, value=value),
      )
    return self.place(
      RunState(
        training_state=_strip_weak_type(state),
        env_state=self._env_state,
        device_keys=jp.zeros((self._mesh.size, 2), jp.uint32),
        local_key=self._keys.local,
        env_keys=self._env_keys,
        iteration=np.int32(0),
      )
    )

  def place(self, state: RunState) -> RunState:
    """A state of any arrays, put where the compiled functions expect it."""
    specs = _state_specs(state.training_state)
    return state.replace(
      training_state=distributed.put(
        state.training_state, jax.tree.map(self._sharding, specs)
      ),
      env_state=distributed.put(state.env_state, self._sharding(_SPLIT)),
      device_keys=self._device_keys(state.device_keys),
    )

  def compile(self, state: RunState) -> Compiled:
    """Compiles everything for states like this."""
    started = time.monotonic()
    self.end_epoch(self.begin_epoch(state), reset=False)
    specs = _state_specs(state.training_state)

    def iterate(training_state, env_state, keys):
      training_state, env_state, key, metrics = self.learner.iterate(
        training_state, env_state, keys[0]
      )
      return (
        *_strip_weak_type((training_state, env_state)),
        key[None],
        metrics,
      )

    program = jax.jit(
      jax.shard_map(
        iterate,
        mesh=self._mesh,
        in_specs=(specs, _SPLIT, _SPLIT),
        out_specs=(specs, _SPLIT, _SPLIT, _REPLICATED),
        check_vma=False,
      ),
      donate_argnums=(0, 1),
    )
    self._iterate = program.lower(
      state.training_state, state.env_state, state.device_keys
    ).compile()
    return Compiled(time.monotonic() - started, _bytes(self._iterate))

  def begin_epoch(self, state: RunState) -> RunState:
    """Draws the devices' keys for the iterations until the next reset."""
    epoch_key, local_key = jax.random.split(state.local_key)
    keys = jax.random.split(epoch_key, self._mesh.size)
    return state.replace(
      local_key=local_key, device_keys=self._device_keys(keys)
    )

  def iterate(self, state: RunState) -> tuple[RunState, dict[str, jax.Array]]:
    """One iteration; see `Learner.iterate`. The state given is used up."""
    training_state, env_state, device_keys, metrics = self._iterate(
      state.training_state,
      state.env_state,
      self._device_keys(state.device_keys),
    )
    return state.replace(
      training_state=training_state,
      env_state=env_state,
      device_keys=device_keys,
      iteration=np.int32(state.iteration + 1),
    ), metrics

  def tune(self, state: RunState, settings: tuning.Settings | None) -> RunState:
    """The state with other settings of the discriminator; None leaves them."""
    training_state = state.training_state
    if settings is None or training_state.prior is None:
      return state
    tuned = distributed.put(
      prior_lib.tune(settings), self._sharding(_REPLICATED)
    )
    prior = training_state.prior.replace(tuned=tuned)
    return state.replace(training_state=training_state.replace(prior=prior))

  def end_epoch(self, state: RunState, reset: bool) -> RunState:
    """Draws the robots' next keys and, if asked to, resets them."""
    per_device = state.env_keys.reshape(self._mesh.size, -1, 2)
    split = jax.vmap(lambda keys: jax.random.split(keys[0], keys.shape[0]))
    state = state.replace(env_keys=split(per_device).reshape(-1, 2))
    if reset:
      state = state.replace(env_state=self.reset_robots(state.env_keys))
    return state

  def reset_robots(self, env_keys: jax.Array) -> Any:
    """Environment states of all robots, split over the devices."""
    keys = distributed.put(env_keys, self._sharding(_SPLIT))
    return _strip_weak_type(self._reset(keys))

  def _device_keys(self, keys: jax.Array) -> jax.Array:
    return distributed.put(keys, self._sharding(_SPLIT))

  def _sharding(self, spec: PartitionSpec) -> NamedSharding:
    return NamedSharding(self._mesh, spec)


def policy_params(
  state: learner_lib.TrainingState,
) -> Params:
  """(normaliser, policy, value) as Brax hands them around, on one device.

  Copies, for the next iteration uses the state up; by way of the host, for a
  device that they were bound to would compile the evaluation a second time.
  """
  params = (state.normalizer_params, state.params.policy, state.params.value)
  return jax.tree.map(
    lambda x: jp.asarray(np.array(x.addressable_data(0))), params
  )


def _bytes(program: Any) -> int | None:
  """Arguments, results and intermediates; donated arguments count once."""
  sizes = program.memory_analysis()
  if sizes is None:
    return None
  return (
    sizes.argument_size_in_bytes
    + sizes.output_size_in_bytes
    - sizes.alias_size_in_bytes
    + sizes.temp_size_in_bytes
  )


def _state_specs(state: learner_lib.TrainingState) -> Any:
  """Partition specs: all replicated, but for the rows of the replay buffer."""
  specs = jax.tree.map(lambda _: _REPLICATED, state)
  if state.prior is None or state.prior.replay is None:
    return specs
  replay = specs.prior.replay.replace(data=_SPLIT)
  return specs.replace(prior=specs.prior.replace(replay=replay))


def _strip_weak_type(tree: Any) -> Any:
  """Strong dtypes everywhere, so that nothing compiles a second time."""
  return jax.tree.map(lambda x: jp.asarray(x).astype(jp.asarray(x).dtype), tree)
