"""Makes WildRobot's environments known to MuJoCo Playground.

The only module that touches Playground's private names (series 0.2). It imports
neither Playground nor jax by itself: the hooks run when the user imports them.
"""

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import wrapt

_PLAYGROUND = "mujoco_playground"
_PARAMS = "mujoco_playground.config.locomotion_params"
_PRIVATE_NAMES = ("_envs", "_cfgs", "_randomizer", "load")
_registered = False


def register_robot(robot: Any) -> None:
  """Makes a robot's walking tasks known to Playground.

  Args:
    robot: its `RobotDescription`.

  Raises:
    UsageError: when another robot has its name.
  """
  from wildrobot_playground.robots import catalog

  catalog.add(robot)
  playground = sys.modules.get(_PLAYGROUND)
  if playground is not None and hasattr(playground, "registry"):
    for name in robot.environments:
      _add(playground, name)


def register() -> None:
  """Registers now if Playground is imported, else as soon as it is.

  Calling it again changes nothing.
  """
  global _registered
  if _registered:
    return
  _registered = True
  wrapt.register_post_import_hook(_register_environments, _PLAYGROUND)
  wrapt.register_post_import_hook(_register_ppo_params, _PARAMS)


def _register_environments(playground: ModuleType) -> None:
  """Adds environments, configurations and randomisers; guards `load`."""
  from wildrobot_playground.robots import catalog

  locomotion = playground.locomotion
  missing = [n for n in _PRIVATE_NAMES if not hasattr(locomotion, n)]
  if missing:
    raise ImportError(
      "wildrobot_playground needs playground>=0.2,<0.3: this version's"
      f" locomotion module has no {', '.join(missing)}"
    )
  for name in catalog.environments():
    _add(playground, name)

  load = locomotion.load

  @functools.wraps(load)
  def load_ours_offline(
    env_name: str, config: Any = None, config_overrides: Any = None
  ) -> Any:
    # Playground's own clones the menagerie first, which ours does not need.
    if env_name not in catalog.environments():
      return load(env_name, config, config_overrides)
    return _make(env_name, config, config_overrides)

  locomotion.load = load_ours_offline
  for suite in (
    locomotion,
    playground.dm_control_suite,
    playground.manipulation,
  ):
    suite.load = _with_c(suite.load)


def _with_c(load: Callable[..., Any]) -> Callable[..., Any]:
  """A suite's `load` that knows `impl="mujoco"` for Playground's own."""

  @functools.wraps(load)
  def load_with_c(
    env_name: str, config: Any = None, config_overrides: Any = None
  ) -> Any:
    from wildrobot_playground.robots import catalog

    overrides = dict(config_overrides or {})
    impl = overrides.get("impl", None if config is None else config.get("impl"))
    if impl not in ("mujoco", "auto") or env_name in catalog.environments():
      return load(env_name, config, config_overrides)
    from wildrobot_playground.envs import physics, playground_physics

    if config is not None:  # Playground writes overrides into what it is given.
      config = config.copy_and_resolve_references()
    overrides["impl"] = impl = physics.resolve_impl(impl)
    if impl != "mujoco":
      return load(env_name, config, overrides)
    known = {} if config is None else config
    if overrides.get("vision", known.get("vision", False)):
      raise ValueError(
        f"impl 'mujoco' cannot run {env_name} with vision: plain MuJoCo C"
        " renders nothing inside jit; choose impl 'warp'"
      )
    overrides["impl"] = playground_physics.MJX_IMPL
    return put_on_c(load(env_name, config, overrides))

  return load_with_c


def put_on_c(env: Any) -> Any:
  """An environment that was made with MJX's impl `cpp`, stepped in C.

  Args:
    env: an `MjxEnv`; see `playground_physics.attach`.
  """
  from wildrobot_playground.envs import playground_physics

  _teach_mjx()
  return playground_physics.attach(env)


def with_features(env: Any, robot: Any, config: Any, clips: Any = None) -> Any:
  """An environment of Playground that emits AMP features.

  Args:
    env: the environment.
    robot: its description.
    config: keys of `amp.playground`.
    clips: folder of the reference's clips; None to start in none.
  """
  from wildrobot_playground.envs import playground_amp

  _teach_mjx()
  return playground_amp.WithFeatures(env, robot, config, clips)


def action_of(env: Any) -> tuple[float | None, list[float] | None]:
  """What an environment of Playground makes of an action, as far as it says.

  Args:
    env: the environment itself.

  Returns:
    The scale of its actions, and the pose (J,) [rad] that they are added to.
  """
  import numpy as np

  scale = getattr(env, "_config", {}).get("action_scale")
  scale = float(scale) if isinstance(scale, int | float) else None
  for name in ("_default_pose", "_default_ctrl"):
    pose = np.asarray(getattr(env, name, ()), float)
    if pose.shape == (env.action_size,):
      return scale, pose.tolist()
  return scale, None


@functools.cache
def _teach_mjx() -> None:
  """Puts ours round three functions of Playground and MJX, once.

  They do as before for who has not asked: with data that is not in C, outside
  of a reset that starts in the reference.
  """
  from mujoco import mjx
  from mujoco_playground._src import mjx_env

  from wildrobot_playground.envs import playground_amp, playground_physics

  mjx_env.make_data = functools.wraps(mjx_env.make_data)(
    functools.partial(playground_amp.make_data, mjx_env.make_data)
  )
  mjx_env.step = functools.wraps(mjx_env.step)(
    functools.partial(playground_physics.step, mjx_env.step)
  )
  mjx.forward = functools.wraps(mjx.forward)(
    functools.partial(playground_physics.forward, mjx.forward)
  )


def _add(playground: ModuleType, name: str) -> None:
  """Adds one environment."""
  locomotion, registry = playground.locomotion, playground.registry
  locomotion.register_environment(
    name,
    functools.partial(_make, name),
    functools.partial(_default_config, name),
  )
  locomotion._randomizer[name] = _domain_randomize
  registry.ALL_ENVS = tuple(dict.fromkeys((*registry.ALL_ENVS, name)))


# These import the environment only when it is asked for: it imports Playground
# itself, whose import may be what called the hook.


def _make(name: str, config: Any = None, config_overrides: Any = None) -> Any:
  from wildrobot_playground.envs import walk
  from wildrobot_playground.robots import catalog

  robot, terrain = catalog.of_environment(name)
  return walk.Walk(config, config_overrides, robot=robot, terrain=terrain)


def _default_config(name: str) -> Any:
  from wildrobot_playground.envs import walk_config
  from wildrobot_playground.robots import catalog

  robot, _ = catalog.of_environment(name)
  return walk_config.default_config(robot)


def _domain_randomize(model: Any, rng: Any) -> Any:
  from wildrobot_playground.envs import randomize

  return randomize.domain_randomize(model, rng)


def _register_ppo_params(params: ModuleType) -> None:
  """Lets `locomotion_params.brax_ppo_config` answer for our names."""
  brax_ppo_config = params.brax_ppo_config

  @functools.wraps(brax_ppo_config)
  def with_ours(env_name: str, impl: str | None = None) -> Any:
    from wildrobot_playground.robots import catalog

    if env_name not in catalog.environments():
      return brax_ppo_config(env_name, impl)
    from wildrobot_playground.envs import presets

    return presets.brax_ppo_config(env_name, impl)

  params.brax_ppo_config = with_ours
