"""Proximal policy optimisation with an adversarial motion prior.

See arXiv:1707.06347 and arXiv:2104.02180. `train` has the shape of
`brax.training.agents.ppo.train.train`, for any Brax or Playground environment;
with a prior, the environment's steps must put the feature vector (F,) into
`info["amp_features"]` (and may put a 0/1 `info["amp_gate"]` beside it).
"""

import dataclasses
import difflib
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jp
import mujoco_playground
import numpy as np
from brax import envs
from brax.training import acting
from jax.sharding import NamedSharding, PartitionSpec
from ml_collections import config_dict

from wildrobot_playground.amp import dataset as dataset_lib
from wildrobot_playground.amp import history, mixing
from wildrobot_playground.amp import learner as learner_lib
from wildrobot_playground.amp import prior as prior_lib

ProgressFn = Callable[[int, dict[str, float]], None]
PolicyParamsFn = Callable[[int, Any, Any], None]
Params = tuple[Any, Any, Any]

_REPLICATED = PartitionSpec()
_SPLIT = PartitionSpec(learner_lib.AXIS_NAME)


def train(
  environment: Any,
  num_timesteps: int,
  *,
  amp: config_dict.ConfigDict | None = None,
  reference: dataset_lib.ReferenceDataset | None = None,
  seed: int = 0,
  wrap_env_fn: Callable[..., Any] | None = None,
  randomization_fn: Callable[..., Any] | None = None,
  eval_env: Any | None = None,
  num_eval_envs: int = 128,
  deterministic_eval: bool = False,
  run_evals: bool = True,
  progress_fn: ProgressFn = lambda *args: None,
  policy_params_fn: PolicyParamsFn = lambda *args: None,
  compiled_fn: Callable[[float], None] = lambda seconds: None,
  restore_params: Params | None = None,
  devices: Sequence[Any] | None = None,
  **ppo: Any,
) -> tuple[Callable[..., Any], Params, dict[str, float]]:
  """Trains a policy.

  Args:
    environment: a Playground or Brax environment.
    num_timesteps: environment steps; rounded up to whole iterations.
    amp: see `config.amp_config`; None or weight 0 for plain PPO.
    reference: the motion to imitate; required with a weight above 0.
    seed: of everything random.
    wrap_env_fn: batches and resets the environment; by default Playground's or
      Brax's own wrapper, by the environment's class.
    randomization_fn: (model, rng) -> (model, in_axes), as in Brax.
    eval_env: environment of the evaluations; `environment` when None.
    num_eval_envs: robots in an evaluation.
    deterministic_eval: evaluate the mode of the policy.
    run_evals: run Brax's evaluator `num_evals` times.
    progress_fn: called with (steps, metrics) after every iteration, one
      iteration late so that the device never waits for the host.
    policy_params_fn: called with (steps, make_policy, params) as in Brax.
    compiled_fn: called with the seconds that compiling took.
    restore_params: (normaliser, policy, value) to start from.
    devices: devices to train on; all local ones when None.
    **ppo: the other arguments of Brax's `ppo.train`, see `PPOSettings`.

  Returns:
    `make_policy`, the final (normaliser, policy, value) parameters, and the
    last metrics.

  Raises:
    TypeError: for an argument that PPO does not have.
    ValueError: for sizes that do not divide, a missing reference or an
      environment without features.
  """
  settings = _settings(ppo)
  mesh = jax.make_mesh(
    (len(devices or jax.local_devices()),),
    (learner_lib.AXIS_NAME,),
    devices=devices or jax.local_devices(),
  )
  _check_sizes(settings, mesh.size)
  num_epochs = max(settings.num_evals - 1, 1)
  resets = max(settings.num_resets_per_eval, 1)
  iterations = int(
    np.ceil(
      num_timesteps / (num_epochs * settings.steps_per_iteration * resets)
    )
  )
  keys = _Keys(seed, settings.num_envs, mesh.size)
  wrap = functools.partial(
    _wrap,
    wrap_env_fn=wrap_env_fn,
    randomization_fn=randomization_fn,
    settings=settings,
  )
  env = wrap(environment, settings.num_envs // mesh.size, keys.env)
  prior = None
  if amp is not None and amp.weight > 0:
    prior = _make_prior(amp, reference, environment, env, keys.env_keys[:1])
    env = history.HistoryWrapper(env, amp.history)
  programs = _Programs(env, settings, mesh, keys, prior)
  training_state, env_state = programs.start(restore_params)
  started = time.monotonic()
  programs.compile(training_state, env_state)
  evaluator = None
  if run_evals:
    evaluator = acting.Evaluator(
      wrap(eval_env or environment, num_eval_envs, keys.eval),
      functools.partial(
        programs.learner.make_policy, deterministic=deterministic_eval
      ),
      num_eval_envs=num_eval_envs,
      episode_length=settings.episode_length,
      action_repeat=settings.action_repeat,
      key=keys.eval,
    )
  compiled_fn(time.monotonic() - started)

  progress = _Progress(progress_fn, settings.steps_per_iteration)
  make_policy = programs.learner.make_policy
  metrics: dict[str, float] = {}
  if evaluator is not None and settings.num_evals > 1:
    metrics = evaluator.run_evaluation(_policy_params(training_state), {})
    progress_fn(0, metrics)
  policy_params_fn(0, make_policy, _policy_params(training_state))
  for _ in range(num_epochs):
    for _ in range(resets):
      device_keys = keys.next_epoch()
      for _ in range(iterations):
        training_state, env_state, device_keys, device_metrics = (
          programs.iterate(training_state, env_state, device_keys)
        )
        progress.add(device_metrics)
      env_keys = keys.next_env_keys()
      if settings.num_resets_per_eval > 0:
        env_state = programs.reset(env_keys)
    metrics = progress.flush()
    params = _policy_params(training_state)
    policy_params_fn(progress.steps, make_policy, params)
    if evaluator is not None:
      metrics = evaluator.run_evaluation(params, metrics)
      progress_fn(progress.steps, metrics)
  return make_policy, _policy_params(training_state), metrics


class _Keys:
  """The random keys of a run, derived as Brax derives them."""

  def __init__(self, seed: int, num_envs: int, num_devices: int):
    self.networks, local = jax.random.split(jax.random.PRNGKey(seed))
    local = jax.random.fold_in(local, jax.process_index())
    self._local, self.env, self.eval = jax.random.split(local, 3)
    self._num_devices = num_devices
    self.env_keys = jax.random.split(self.env, num_envs)

  def next_epoch(self) -> jax.Array:
    """(devices, 2) one key a device for the iterations until the next reset."""
    epoch, self._local = jax.random.split(self._local)
    return jax.random.split(epoch, self._num_devices)

  def next_env_keys(self) -> jax.Array:
    """(num_envs, 2) keys for resetting every robot."""
    per_device = self.env_keys.reshape(self._num_devices, -1, 2)
    split = jax.vmap(lambda keys: jax.random.split(keys[0], keys.shape[0]))
    self.env_keys = split(per_device).reshape(-1, 2)
    return self.env_keys


class _Programs:
  """The compiled functions of a run, each over the mesh's device axis."""

  def __init__(
    self,
    env: Any,
    settings: learner_lib.PPOSettings,
    mesh: jax.sharding.Mesh,
    keys: _Keys,
    prior: prior_lib.MotionPrior | None,
  ):
    self._mesh = mesh
    self._keys = keys
    split = functools.partial(
      jax.shard_map, mesh=mesh, in_specs=_SPLIT, out_specs=_SPLIT
    )
    self._reset = jax.jit(split(env.reset, check_vma=False))
    self._first_env_state = _strip_weak_type(self.reset(keys.env_keys))
    observation_size = jax.tree.map(
      lambda x: x.shape[1:], self._first_env_state.obs
    )
    self.learner = learner_lib.Learner(env, observation_size, settings, prior)
    self._iterate: Any = None

  def reset(self, env_keys: jax.Array) -> Any:
    """Environment states of all robots, split over the devices."""
    return self._reset(jax.device_put(env_keys, self._sharding(_SPLIT)))

  def start(self, restore_params: Params | None) -> tuple[Any, Any]:
    """The first training state and environment state, on the devices."""
    state = self.learner.init(self._keys.networks)
    if restore_params is not None:
      normalizer, policy, value = restore_params
      state = state.replace(
        normalizer_params=normalizer,
        params=state.params.replace(policy=policy, value=value),
      )
    state = _strip_weak_type(state)
    sharding = jax.tree.map(self._sharding, _state_specs(state))
    return jax.device_put(state, sharding), self._first_env_state

  def compile(self, training_state: Any, env_state: Any) -> None:
    """Compiles the iteration for arguments like these."""
    specs = _state_specs(training_state)

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
    keys = self._device_keys(jp.zeros((self._mesh.size, 2), jp.uint32))
    self._iterate = program.lower(training_state, env_state, keys).compile()

  def iterate(
    self, training_state: Any, env_state: Any, device_keys: jax.Array
  ) -> tuple[Any, Any, jax.Array, dict[str, jax.Array]]:
    """One iteration; see `Learner.iterate`."""
    return self._iterate(
      training_state, env_state, self._device_keys(device_keys)
    )

  def _device_keys(self, keys: jax.Array) -> jax.Array:
    return jax.device_put(keys, self._sharding(_SPLIT))

  def _sharding(self, spec: PartitionSpec) -> NamedSharding:
    return NamedSharding(self._mesh, spec)


class _Progress:
  """Hands metrics to the caller one iteration late, as floats."""

  def __init__(self, progress_fn: ProgressFn, steps_per_iteration: int):
    self._progress_fn = progress_fn
    self._steps_per_iteration = steps_per_iteration
    self._pending: dict[str, jax.Array] | None = None
    self._metrics: dict[str, float] = {}
    self._time = time.monotonic()
    self.steps = 0

  def add(self, device_metrics: dict[str, jax.Array]) -> None:
    """Reports the iteration before the one that was just started."""
    pending, self._pending = self._pending, device_metrics
    if pending is not None:
      self._report(pending)

  def flush(self) -> dict[str, float]:
    """Reports the last iteration too and returns its metrics."""
    if self._pending is not None:
      self._report(self._pending)
      self._pending = None
    return self._metrics

  def _report(self, device_metrics: dict[str, jax.Array]) -> None:
    values = {k: float(v) for k, v in jax.device_get(device_metrics).items()}
    now = time.monotonic()
    values["training/sps"] = self._steps_per_iteration / (now - self._time)
    self._time = now
    self.steps += self._steps_per_iteration
    self._metrics = values
    self._progress_fn(self.steps, values)


def _settings(ppo: Mapping[str, Any]) -> learner_lib.PPOSettings:
  """The settings of keyword arguments; names the nearest for an unknown one."""
  known = [f.name for f in dataclasses.fields(learner_lib.PPOSettings)]
  for name in ppo:
    if name not in known:
      near = difflib.get_close_matches(name, known, n=1)
      hint = f"; did you mean '{near[0]}'?" if near else ""
      raise TypeError(f"train() has no argument '{name}'{hint}")
  return learner_lib.PPOSettings(**ppo)


def _check_sizes(settings: learner_lib.PPOSettings, num_devices: int) -> None:
  samples = settings.batch_size * settings.num_minibatches
  if samples % settings.num_envs:
    raise ValueError(
      f"batch_size {settings.batch_size} * num_minibatches"
      f" {settings.num_minibatches} must be a multiple of num_envs"
      f" {settings.num_envs}"
    )
  for name in ("num_envs", "batch_size"):
    if getattr(settings, name) % num_devices:
      raise ValueError(
        f"{name} {getattr(settings, name)} must be a multiple of the"
        f" {num_devices} devices"
      )


def _make_prior(
  amp: config_dict.ConfigDict,
  reference: dataset_lib.ReferenceDataset | None,
  environment: Any,
  env: Any,
  keys: jax.Array,
) -> prior_lib.MotionPrior:
  """The motion prior, once environment and reference describe the same."""
  if reference is None:
    raise ValueError("amp.weight > 0 needs a reference; pass `reference=`")
  for name in ("dt", "velocity_mode"):
    made_for = getattr(reference, name)
    actual = getattr(environment, name, made_for)
    if actual != made_for:
      raise ValueError(
        f"the reference's {name} is {made_for}, the environment's is {actual};"
        " build the reference for this environment"
      )
  info = jax.eval_shape(env.reset, keys).info
  if "amp_features" not in info:
    raise ValueError(
      "the environment's info has no 'amp_features'; emit the feature vector"
      " in its step, or set amp.weight=0"
    )
  size = info["amp_features"].shape[-1]
  if size != reference.features.shape[1]:
    raise ValueError(
      f"the environment emits {size} features, the reference has"
      f" {reference.features.shape[1]}"
    )
  prior_lib.check_config(amp)
  return prior_lib.make_prior(amp, reference, _style_scale(amp, environment))


def _wrap(
  environment: Any,
  num_envs: int,
  key: jax.Array,
  wrap_env_fn: Callable[..., Any] | None,
  randomization_fn: Callable[..., Any] | None,
  settings: learner_lib.PPOSettings,
) -> Any:
  """Batches the environment and lets it reset itself."""
  native = isinstance(environment, mujoco_playground.MjxEnv)
  wrap: Callable[..., Any] = wrap_env_fn or (
    mujoco_playground.wrapper.wrap_for_brax_training
    if native
    else envs.training.wrap
  )
  if randomization_fn is not None:
    randomization_fn = functools.partial(
      randomization_fn, rng=jax.random.split(key, num_envs)
    )
  return wrap(
    environment,
    episode_length=settings.episode_length,
    action_repeat=settings.action_repeat,
    randomization_fn=randomization_fn,
  )


def _style_scale(amp: config_dict.ConfigDict, environment: Any) -> float:
  """What a perfect style pays a control step.

  Raises:
    ValueError: when neither the config nor the environment says.
  """
  per_second = (
    amp.style_reward_scale
    or mixing.MIXINGS[amp.mixing].style_per_second
    or getattr(environment, "max_task_reward", None)
  )
  if not per_second:
    raise ValueError(
      f"amp.mixing={amp.mixing} needs to know the most that the task can pay"
      " per second: set amp.style_reward_scale"
    )
  return per_second * getattr(environment, "dt", 1.0)


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


def _policy_params(state: learner_lib.TrainingState) -> Params:
  """(normaliser, policy, value) as Brax hands them around."""
  return (state.normalizer_params, state.params.policy, state.params.value)
