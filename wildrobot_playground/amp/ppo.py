"""Proximal policy optimisation with an adversarial motion prior.

See arXiv:1707.06347 and arXiv:2104.02180. `train` has the shape of
`brax.training.agents.ppo.train.train`, for any Brax or Playground environment;
with a prior, the environment's steps must put the feature vector (F,) into
`info["amp_features"]` (and may put an `info["amp_gate"]`, 0..1,
beside it).
"""

import dataclasses
import difflib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jp
import mujoco_playground
import numpy as np
from brax import envs
from brax.training import acting
from ml_collections import config_dict

from wildrobot_playground.amp import guard, health, history, mixing
from wildrobot_playground.amp import learner as learner_lib
from wildrobot_playground.amp import prior as prior_lib
from wildrobot_playground.amp import programs as programs_lib
from wildrobot_playground.amp import progress as progress_lib
from wildrobot_playground.config import key_ranges, ranges
from wildrobot_playground.features import dataset as dataset_lib

Memory = Mapping[str, Any]
PolicyParamsFn = Callable[[int, Any, Any], None]
RunState = programs_lib.RunState
Compiled = programs_lib.Compiled
Event = progress_lib.Event


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
  progress_fn: progress_lib.ProgressFn = lambda *args: None,
  event_fn: progress_lib.EventFn = lambda event: None,
  policy_params_fn: PolicyParamsFn = lambda *args: None,
  compiled_fn: Callable[[Compiled], None] = lambda compiled: None,
  restore_params: programs_lib.Params | None = None,
  restore_fn: Callable[[RunState], tuple[RunState, Memory]] = (
    lambda state: (state, {})
  ),
  state_fn: Callable[[int, RunState, Callable[[], Memory]], None] = (
    lambda *args: None
  ),
  stop_fn: Callable[[], bool] = lambda: False,
  devices: Sequence[Any] | None = None,
  **ppo: Any,
) -> tuple[Callable[..., Any], programs_lib.Params, dict[str, float]]:
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
    event_fn: called with every `Event`.
    policy_params_fn: called with (steps, make_policy, params) as in Brax.
    compiled_fn: called with what compiling took, before the first iteration.
    restore_params: (normaliser, policy, value) to start from.
    restore_fn: turns the first state into the one to go on from, and the
      host's memory; given what `state_fn` saw, the run goes on bit for bit.
    state_fn: called with (steps, state, memory) after every iteration; calling
      `memory` waits for the iteration and gives plain values. The next
      iteration uses the state up: copy what must last.
    stop_fn: asked before every iteration whether to stop early.
    devices: devices to train on; those of all processes when None.
    **ppo: the other arguments of Brax's `ppo.train`, see `PPOSettings`.

  Returns:
    `make_policy`, the final (normaliser, policy, value) parameters, and the
    last metrics.

  Raises:
    TypeError: for an argument that PPO does not have.
    ValueError: for an argument outside of its range (`config_ranges`), sizes
      that do not divide, a missing reference or an environment without
      features.
    guard.TrainingFailedError: when most of what it does is not finite.
  """
  settings = _settings(ppo)
  _check_ranges(num_timesteps, seed, num_eval_envs, amp, ppo)
  devices = devices or jax.devices()
  mesh = jax.make_mesh(
    (len(devices),), (learner_lib.AXIS_NAME,), devices=devices
  )
  replay_size = amp.replay_size if amp is not None and amp.weight > 0 else 0
  _check_sizes(settings, replay_size, mesh.size)
  keys = programs_lib.Keys(seed)
  wrap = functools.partial(
    _wrap,
    wrap_env_fn=wrap_env_fn,
    randomization_fn=randomization_fn,
    settings=settings,
  )
  robots = settings.num_envs // mesh.size
  robot_keys = jax.random.split(keys.env, robots)
  env = guarded = guard.GuardWrapper(
    wrap(environment, robots, keys.env), robot_keys
  )
  prior = None
  if amp is not None and amp.weight > 0:
    prior = _make_prior(amp, reference, environment, env, robot_keys)
    env = history.HistoryWrapper(env, amp.history)
  programs = programs_lib.Programs(env, settings, mesh, keys, prior)
  state, memory = restore_fn(programs.start(restore_params))
  state = programs.place(state)
  compiled = programs.compile(state)
  make_policy = programs.learner.make_policy
  evaluate_fn = None
  if run_evals:
    evaluate_fn = acting.Evaluator(
      wrap(eval_env or environment, num_eval_envs, keys.eval),
      functools.partial(make_policy, deterministic=deterministic_eval),
      num_eval_envs=num_eval_envs,
      episode_length=settings.episode_length,
      action_repeat=settings.action_repeat,
      key=keys.eval,
    ).run_evaluation
  compiled_fn(compiled)
  schedule = _Schedule.of(settings, num_timesteps)
  loop = _Loop(
    programs,
    schedule,
    progress_lib.Progress(
      progress_fn,
      event_fn,
      schedule.steps_per_iteration,
      int(state.iteration),
      _watch(guarded, settings, amp, state.training_state),
      None if prior is None else _tuner(prior.config),
      memory,
    ),
    evaluate_fn,
    progress_fn,
    lambda steps, params: policy_params_fn(steps, make_policy, params),
    state_fn,
    stop_fn,
  )
  state, metrics = loop.run(state)
  return make_policy, policy_params(state.training_state), metrics


@dataclasses.dataclass(frozen=True)
class _Schedule:
  """When what happens; Brax's nesting of epochs, resets and iterations."""

  epochs: int
  resets_per_epoch: int
  iterations_per_reset: int
  steps_per_iteration: int
  resets_robots: bool
  evaluates_first: bool

  @classmethod
  def of(
    cls, settings: learner_lib.PPOSettings, num_timesteps: int
  ) -> "_Schedule":
    """The schedule of at least `num_timesteps` environment steps."""
    epochs = max(settings.num_evals - 1, 1)
    resets = max(settings.num_resets_per_eval, 1)
    steps = settings.steps_per_iteration
    return cls(
      epochs=epochs,
      resets_per_epoch=resets,
      iterations_per_reset=int(
        np.ceil(num_timesteps / (epochs * steps * resets))
      ),
      steps_per_iteration=steps,
      resets_robots=settings.num_resets_per_eval > 0,
      evaluates_first=settings.num_evals > 1,
    )

  @property
  def iterations_per_epoch(self) -> int:
    return self.resets_per_epoch * self.iterations_per_reset

  @property
  def iterations(self) -> int:
    return self.epochs * self.iterations_per_epoch


@dataclasses.dataclass(frozen=True)
class _Loop:
  """Runs a schedule and tells the caller's functions about it."""

  programs: programs_lib.Programs
  schedule: _Schedule
  progress: progress_lib.Progress
  evaluate_fn: Callable[[Any, dict[str, float]], Any] | None
  progress_fn: progress_lib.ProgressFn
  params_fn: Callable[[int, Any], None]
  state_fn: Callable[[int, RunState, Callable[[], Memory]], None]
  stop_fn: Callable[[], bool]

  def run(self, state: RunState) -> tuple[RunState, dict[str, float]]:
    """From `state` to the end, or until told to stop; and the last metrics."""
    schedule, progress = self.schedule, self.progress
    done = int(state.iteration)
    if done == 0:
      self._end_epoch(0, state, {}, evaluates=schedule.evaluates_first)
    metrics: dict[str, float] = {}
    for index in range(done, schedule.iterations):
      if self.stop_fn():
        break
      if index % schedule.iterations_per_reset == 0:
        state = self.programs.begin_epoch(state)
      state = self.programs.tune(state, progress.settings(index))
      state, device_metrics = self.programs.iterate(state)
      progress.add(device_metrics)
      if (index + 1) % schedule.iterations_per_reset == 0:
        state = self.programs.end_epoch(state, schedule.resets_robots)
      steps = (index + 1) * schedule.steps_per_iteration
      self.state_fn(steps, state, progress.memory)
      if (index + 1) % schedule.iterations_per_epoch == 0:
        metrics = progress.flush()
        metrics = self._end_epoch(progress.steps, state, metrics, True)
    return state, {**progress.flush(), **metrics}

  def _end_epoch(
    self,
    steps: int,
    state: RunState,
    metrics: dict[str, float],
    evaluates: bool,
  ) -> dict[str, float]:
    """Hands out the parameters and, if asked to, evaluates them."""
    params = policy_params(state.training_state)
    self.params_fn(steps, params)
    if self.evaluate_fn is not None and evaluates:
      metrics = self.evaluate_fn(params, metrics)
      self.progress_fn(steps, metrics)
    return metrics


def _watch(
  guarded: guard.GuardWrapper,
  settings: learner_lib.PPOSettings,
  amp: config_dict.ConfigDict | None,
  state: learner_lib.TrainingState,
) -> guard.Watch:
  """What reads the guards' metrics."""
  names = {
    "robots": guarded.names,
    "updates": guard.update_names(state.params, state.optimizer_state),
  }
  totals = {
    "robots": settings.num_envs,
    "updates": settings.num_updates_per_batch * settings.num_minibatches,
  }
  if amp is not None and state.prior is not None:
    disc = state.prior.discriminator
    names["disc_updates"] = guard.update_names(
      disc.variables["params"], disc.optimizer_state
    )
    totals["disc_updates"] = amp.disc_updates
  return guard.Watch(names, totals)


def _tuner(amp: config_dict.ConfigDict) -> health.Tuner:
  """What reads the discriminator's metrics."""
  return health.Tuner(health.Settings.of(amp), acts=amp.auto_tune)


def _settings(ppo: Mapping[str, Any]) -> learner_lib.PPOSettings:
  """The settings of keyword arguments; names the nearest for an unknown one."""
  known = [f.name for f in dataclasses.fields(learner_lib.PPOSettings)]
  for name in ppo:
    if name not in known:
      near = difflib.get_close_matches(name, known, n=1)
      hint = f"; did you mean '{near[0]}'?" if near else ""
      raise TypeError(f"train() has no argument '{name}'{hint}")
  return learner_lib.PPOSettings(**ppo)


def _check_ranges(
  num_timesteps: int,
  seed: int,
  num_eval_envs: int,
  amp: config_dict.ConfigDict | None,
  ppo: Mapping[str, Any],
) -> None:
  """Raises ValueError for an argument outside of its range."""
  if num_timesteps:  # None at all gives the first parameters, as in Brax.
    key_ranges.check("ppo", {"num_timesteps": num_timesteps})
  key_ranges.check("", {"seed": seed})
  given = {**ppo, "num_eval_envs": num_eval_envs}
  given.pop("network_factory", None)
  if given.get("max_grad_norm", 0.0) is None:
    del given["max_grad_norm"]
  key_ranges.check("ppo", given)
  if amp is not None:
    key_ranges.check_prior(amp)
    key_ranges.check("amp", ranges.flatten(amp))


def _check_sizes(
  settings: learner_lib.PPOSettings, replay_size: int, num_devices: int
) -> None:
  key_ranges.check_batches(vars(settings))
  for name, size in (
    ("num_envs", settings.num_envs),
    ("batch_size", settings.batch_size),
    ("amp.replay_size", replay_size),
  ):
    if size % num_devices:
      raise ValueError(
        f"{name} {size} must be a multiple of the {num_devices} devices"
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


def policy_params(
  state: learner_lib.TrainingState,
) -> programs_lib.Params:
  """(normaliser, policy, value) as Brax hands them around, on one device.

  Copies, for the next iteration uses the state up; by way of the host, for a
  device that they were bound to would compile the evaluation a second time.
  """
  params = (state.normalizer_params, state.params.policy, state.params.value)
  return jax.tree.map(
    lambda x: jp.asarray(np.array(x.addressable_data(0))), params
  )
