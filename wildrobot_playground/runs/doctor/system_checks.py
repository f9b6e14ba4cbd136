"""Backend, memory, rendering and the robot's own figures."""

import os
import pathlib
from typing import Any

import jax
import mujoco
import numpy as np
from ml_collections import config_dict

from wildrobot_playground.runs import memory as memory_lib
from wildrobot_playground.runs.doctor.finding import FAIL, OK, WARN, Finding
from wildrobot_playground.system import backend as backend_lib

_MASS_SLACK = 0.02  # kg


def model(environment: Any) -> Finding:
  """Mass and servos of the compiled robot."""
  compiled, robot = environment.mj_model, environment.robot
  mass = float(np.sum(compiled.body_mass))
  servos = compiled.actuator_trnid[environment.at.servos, 0]
  found = tuple(compiled.joint(int(i)).name for i in servos)
  said = f"{robot.name}, {mass:.3f} kg, {len(found)} servos"
  remedy = "install the package again: its robot is not the shipped one"
  if robot.mass is not None and abs(mass - robot.mass) > _MASS_SLACK:
    return Finding("model", FAIL, f"{said}, expected {robot.mass} kg", remedy)
  if found != robot.joints:
    return Finding(
      "model",
      FAIL,
      f"{said} in the order {', '.join(found)}; expected {len(robot.joints)}"
      f" in the order {', '.join(robot.joints)}",
      remedy,
    )
  return Finding("model", OK, f"{said} in the contract's order")


def backend() -> Finding:
  """What jax computes on."""
  said = backend_lib.describe()
  if jax.default_backend() == "cpu" and pathlib.Path("/dev/nvidia0").exists():
    return Finding(
      "backend",
      WARN,
      f"{said}, although there is an NVIDIA GPU",
      "pip install 'wildrobot-playground[cuda]'",
    )
  return Finding("backend", OK, said)


def memory(environment: Any, ppo: config_dict.ConfigDict) -> Finding:
  """Whether a training fits, by `runs.memory`'s estimate.

  Args:
    environment: a WildRobot environment.
    ppo: PPO's arguments.
  """
  free = backend_lib.free_bytes()
  devices = jax.device_count()
  needed = memory_lib.bytes_needed(environment, ppo, devices)
  said = f"about {needed / 1e9:.2f} GB a device for {ppo.num_envs:,} robots"
  if free is None:
    return Finding(
      "memory",
      WARN,
      f"{said}; nobody knows how much is free",
      "watch it while training starts",
    )
  said += f" (an estimate), {free / 1e9:.1f} GB free"
  fitting = memory_lib.fitting(environment, ppo, free, devices)
  if fitting["num_envs"] < ppo.num_envs:
    flags = " ".join(f"--ppo.{name}={n}" for name, n in fitting.items())
    return Finding("memory", WARN, said, flags)
  return Finding("memory", OK, said)


def rendering(compiled: mujoco.MjModel) -> Finding:
  """Whether this machine can render off-screen, tried on a tiny picture."""
  remedy = (
    "no videos without it: install EGL (libegl1) or OSMesa and set"
    " MUJOCO_GL=egl or MUJOCO_GL=osmesa"
  )
  try:
    data = mujoco.MjData(compiled)
    mujoco.mj_forward(compiled, data)
    with mujoco.Renderer(compiled, 32, 32) as renderer:
      renderer.update_scene(data)
      picture = renderer.render()
  except Exception as error:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return Finding("rendering", WARN, f"cannot render ({first})", remedy)
  if np.ptp(picture) == 0:
    return Finding("rendering", WARN, "the picture is of one colour", remedy)
  return Finding(
    "rendering", OK, f"off-screen by {os.environ.get('MUJOCO_GL', 'default')}"
  )
