"""What is said before a training: what is about to happen, and how to stop."""

import os
from typing import Any

from ml_collections import config_dict

from wildrobot_playground import robots
from wildrobot_playground.envs import playground_amp
from wildrobot_playground.robots import catalog
from wildrobot_playground.runs import duration
from wildrobot_playground.runs.plan import Plan
from wildrobot_playground.system import backend


def announce(plan: Plan, environment: Any) -> None:
  """Says what is about to happen, and how to stop it."""
  impl = getattr(environment, "impl", plan.env_config.get("impl", "?"))
  engine = {"mujoco": "MuJoCo C", "jax": "MJX jax", "warp": "MJX warp"}
  style = "none"
  if plan.amp.weight > 0:
    target = plan.reference or _own_reference(environment)
    style = f"{plan.amp.weight:g} ({plan.amp.mixing}) towards {target}"
  budget = f"{plan.ppo.num_timesteps:,} steps with {plan.ppo.num_envs} robots"
  seconds = duration.guess(plan, plan.ppo.num_timesteps)
  if seconds is not None:
    budget += f", {duration.said(seconds)} of training at a guess"
  if isinstance(environment, playground_amp.WithFeatures):
    print(f"robot    {_found(environment.robot)}")
  print(
    f"backend  {backend.describe()}\n"
    f"physics  {engine.get(impl, impl)}{_accuracy(plan.env_config)}\n"
    f"task     {plan.env}, preset {plan.preset}, seed {plan.seed}\n"
    f"style    {style}\n"
    f"budget   {budget}\n"
    f"folder   {plan.run_dir}\n"
    f"process  {os.getpid()}; stop it with Ctrl-C or kill {os.getpid()}, it"
    " saves first",
    flush=True,
  )


def _own_reference(environment: Any) -> str:
  """What a robot's style is towards where nobody said."""
  known = catalog.SHIPPED
  shipped = getattr(environment, "robot", known[0]) in known
  return "the shipped reference" if shipped else "walks made for the robot"


def _found(robot: robots.RobotDescription) -> str:
  """What of a robot was found in its environment."""
  feet = ", ".join(f"{c.name} ({' '.join(c.geoms)})" for c in robot.contacts)
  return f"{robot.name}: {len(robot.joints)} joints, {feet}"


def _accuracy(config: config_dict.ConfigDict) -> str:
  """Time step and solver in words; nothing for who has none of ours."""
  if "solver" not in config:
    return ""
  return (
    f", {1000 * config.sim_dt:g} ms, {config.solver.iterations} solver"
    " iterations"
  )
