"""Proximal policy optimisation with an adversarial motion prior.

See arXiv:1707.06347 and arXiv:2104.02180. `train` has the shape of
`brax.training.agents.ppo.train.train`, for any Brax or Playground environment;
with a prior, the environment's steps must put the feature vector (F,) into
`info["amp_features"]` (and may put an `info["amp_gate"]`, 0..1,
beside it).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from brax.training import acting
from ml_collections import config_dict

from wildrobot_playground.amp import (
  arguments,
  assembly,
  guard,
  history,
  tuning,
)
from wildrobot_playground.amp.arguments import PPOSettings
from wildrobot_playground.amp.hooks import Hooks
from wildrobot_playground.amp.learner import AXIS_NAME
from wildrobot_playground.amp.loop import Loop, Schedule
from wildrobot_playground.amp.programs import (
  Keys,
  Params,
  Programs,
  policy_params,
)
from wildrobot_playground.amp.progress import Progress, ProgressFn
from wildrobot_playground.amp.training_metrics import TrainingMetrics
from wildrobot_playground.features.dataset import ReferenceDataset

PolicyParamsFn = Callable[[int, Any, Any], None]


def train(
  environment: Any,
  num_timesteps: int,
  *,
  amp: config_dict.ConfigDict | None = None,
  reference: ReferenceDataset | None = None,
  seed: int = 0,
  wrap_env_fn: Callable[..., Any] | None = None,
  randomization_fn: Callable[..., Any] | None = None,
  eval_env: Any | None = None,
  num_eval_envs: int = 128,
  deterministic_eval: bool = False,
  run_evals: bool = True,
  progress_fn: ProgressFn = lambda *args: None,
  policy_params_fn: PolicyParamsFn = lambda *args: None,
  restore_params: Params | None = None,
  hooks: Hooks | None = None,
  devices: Sequence[Any] | None = None,
  max_devices_per_host: int | None = None,
  use_pmap_on_reset: bool = True,
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
    progress_fn: called with (steps, metrics) at every evaluation, and between
      them where `log_training_metrics` asks for it; of every iteration hears
      `hooks.metrics_fn`.
    policy_params_fn: called with (steps, make_policy, params) as in Brax.
    restore_params: (normaliser, policy, value) to start from.
    hooks: what else of the caller is called, see `Hooks`.
    devices: devices to train on; those of all processes when None.
    max_devices_per_host: the most of every process's, unless `devices` says.
    use_pmap_on_reset: for Brax's sake; robots always reset on their devices.
    **ppo: the other arguments of Brax's `ppo.train`, see `PPOSettings`.

  Returns:
    `make_policy`, the final (normaliser, policy, value) parameters, and the
    last metrics.

  Raises:
    TypeError: for an argument that PPO does not have.
    ValueError: for an argument outside of its range (`config_ranges`), sizes
      that do not divide, a missing reference or an environment without
      features (or without `info["time_out"]`, to bootstrap at time limits).
    guard.TrainingFailedError: when most of what it does is not finite.
  """
  del use_pmap_on_reset
  hooks = hooks or Hooks()
  settings = arguments.settings_of(ppo)
  counts = {
    "num_eval_envs": num_eval_envs,
    "max_devices_per_host": max_devices_per_host,
  }
  arguments.check_ranges(num_timesteps, seed, amp, {**ppo, **counts})
  arguments.check_together(settings)
  if amp is not None and amp.weight <= 0:
    amp = None
  devices = devices or _devices(max_devices_per_host)
  mesh = jax.make_mesh((len(devices),), (AXIS_NAME,), devices=devices)
  replay_size = amp.replay_size if amp is not None else 0
  arguments.check_sizes(settings, replay_size, mesh.size)
  keys = Keys(seed)
  wrap = functools.partial(
    assembly.wrap,
    wrap_env_fn=wrap_env_fn,
    randomization_fn=randomization_fn,
    settings=settings,
  )
  robots = settings.num_envs // mesh.size
  robot_keys = jax.random.split(keys.env, robots)
  env = guarded = guard.GuardWrapper(
    wrap(environment, robots, keys.env), robot_keys
  )
  assembly.check(env, robot_keys, settings)
  prior = tuner = None
  if amp is not None:
    prior = assembly.make_prior(amp, reference, environment, env, robot_keys)
    tuner = tuning.Tuner(tuning.Settings.of(amp), acts=amp.auto_tune)
    env = history.HistoryWrapper(env, amp.history)
  programs = Programs(env, settings, mesh, keys, prior)
  state, memory = hooks.restore_fn(programs.start(restore_params))
  state = programs.place(state)
  compiled = programs.compile(state)
  make_policy = programs.learner.make_policy
  evaluate_fn = None
  if run_evals:
    evaluate_fn = _evaluator(
      wrap(eval_env or environment, num_eval_envs, keys.eval),
      functools.partial(make_policy, deterministic=deterministic_eval),
      num_eval_envs,
      settings,
      keys.eval,
    )
  hooks.compiled_fn(compiled)
  schedule = Schedule.of(settings, num_timesteps)
  progress = Progress(
    _listeners(settings, progress_fn, hooks),
    hooks.event_fn,
    schedule.steps_per_iteration,
    int(state.iteration),
    assembly.watch(guarded, settings, amp, state.training_state),
    tuner,
    memory,
  )
  loop = Loop(
    programs,
    schedule,
    progress,
    evaluate_fn,
    progress_fn,
    lambda steps, params: policy_params_fn(steps, make_policy, params),
    hooks,
  )
  state, metrics = loop.run(state)
  return make_policy, policy_params(state.training_state), metrics


def _devices(most: int | None) -> list[Any]:
  """Those of all processes, of each at most so many."""
  return [
    device
    for process in range(jax.process_count())
    for device in jax.local_devices(process)[:most]
  ]


def _listeners(
  settings: PPOSettings, progress_fn: ProgressFn, hooks: Hooks
) -> ProgressFn:
  """Who hears of every iteration."""
  if not settings.log_training_metrics:
    return hooks.metrics_fn
  interval = settings.training_metrics_steps or settings.steps_per_iteration
  training_metrics = TrainingMetrics(progress_fn, interval)

  def tell(steps: int, metrics: dict[str, float]) -> None:
    hooks.metrics_fn(steps, metrics)
    training_metrics(steps, metrics)

  return tell


def _evaluator(
  env: Any,
  make_policy: Callable[..., Any],
  num_envs: int,
  settings: PPOSettings,
  key: jax.Array,
) -> Callable[[Any, dict[str, float]], Any]:
  """Brax's evaluation: parameters and metrics to metrics."""
  return acting.Evaluator(
    env,
    make_policy,
    num_eval_envs=num_envs,
    episode_length=settings.episode_length,
    action_repeat=settings.action_repeat,
    key=key,
  ).run_evaluation
