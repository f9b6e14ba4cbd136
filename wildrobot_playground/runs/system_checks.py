"""Backend, memory, rendering and the robot's own figures."""

import os
import pathlib
from typing import Any

import jax
import mujoco
import numpy as np
from ml_collections import config_dict

from wildrobot_playground.envs import constants as consts
from wildrobot_playground.runs.finding import FAIL, OK, WARN, Finding

MASS = 3.385  # kg
_MASS_SLACK = 0.02  # kg
_NUM_SERVOS = 9
_USABLE = 0.7  # share of the free memory that a run may take
_COPIES = 3  # of an unroll: collected, shuffled, and in flight
_MAX_ROBOTS = 2**20


def model(environment: Any) -> Finding:
  """Mass and servos of the compiled robot."""
  compiled = environment.mj_model
  mass = float(np.sum(compiled.body_mass))
  servos = tuple(
    compiled.joint(int(compiled.actuator_trnid[i, 0])).name
    for i in range(compiled.nu)
  )
  said = f"{mass:.3f} kg, {len(servos)} servos"
  remedy = "install the package again: its robot is not the shipped one"
  if abs(mass - MASS) > _MASS_SLACK:
    return Finding("model", FAIL, f"{said}, expected {MASS} kg", remedy)
  if servos != consts.JOINT_NAMES:
    return Finding(
      "model",
      FAIL,
      f"{said} in the order {', '.join(servos)}; expected {_NUM_SERVOS} in the"
      f" order {', '.join(consts.JOINT_NAMES)}",
      remedy,
    )
  return Finding("model", OK, f"{said} in the contract's order")


def backend() -> Finding:
  """What jax computes on."""
  device = jax.devices()[0]
  said = (
    f"{jax.default_backend()} x {jax.local_device_count()}"
    f" ({device.device_kind}), {os.cpu_count()} cores"
  )
  if device.platform == "cpu" and pathlib.Path("/dev/nvidia0").exists():
    return Finding(
      "backend",
      WARN,
      f"{said}, although there is an NVIDIA GPU",
      "pip install 'wildrobot-playground[cuda]'",
    )
  return Finding("backend", OK, said)


def memory(environment: Any, ppo: config_dict.ConfigDict) -> Finding:
  """How many robots fit, estimated from the arrays that training keeps.

  Args:
    environment: a WildRobot environment.
    ppo: with `num_envs` and `unroll_length`.
  """
  free = _free_bytes()
  each = bytes_per_robot(environment, ppo.unroll_length)
  if free is None:
    return Finding(
      "memory",
      WARN,
      f"unknown; a robot takes about {each / 1e6:.2f} MB",
      "watch it while training starts",
    )
  most = largest_num_envs(free, each)
  said = (
    f"{free / 1e9:.1f} GB free, about {each / 1e6:.2f} MB a robot: num_envs up"
    f" to about {most:,} (an estimate)"
  )
  if most < ppo.num_envs:
    return Finding(
      "memory",
      WARN,
      f"{said}, fewer than the {ppo.num_envs:,} asked for",
      f"--ppo.num_envs={most}",
    )
  return Finding("memory", OK, said)


def bytes_per_robot(environment: Any, unroll_length: int) -> int:
  """Bytes of a robot's state, its first state and its copies of an unroll."""
  state = jax.eval_shape(environment.reset, jax.random.PRNGKey(0))
  whole = _bytes(state)
  # Both observations, features, and some scalars a step.
  step = 2 * _bytes(state.obs) + _bytes(state.info["amp_features"])
  step += _bytes(state.metrics) + 4 * (3 * environment.action_size + 16)
  return 2 * whole + _COPIES * unroll_length * step


def largest_num_envs(free: float, each: float) -> int:
  """The largest power of two of robots whose memory fits; 0 for none.

  Args:
    free: memory [bytes].
    each: what a robot takes [bytes].
  """
  most = min(int(_USABLE * free / each), _MAX_ROBOTS)
  return 1 << (most.bit_length() - 1) if most > 0 else 0


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


def _bytes(tree: Any) -> int:
  return sum(
    int(np.prod(leaf.shape)) * leaf.dtype.itemsize
    for leaf in jax.tree.leaves(tree)
  )


def _free_bytes() -> float | None:
  """Free memory of the device that jax uses; None when nobody knows."""
  device = jax.local_devices()[0]
  if device.platform != "cpu":
    stats = device.memory_stats()
    return stats["bytes_limit"] - stats["bytes_in_use"] if stats else None
  try:
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    sizes = dict(line.split(":") for line in lines)
    return 1024.0 * float(sizes["MemAvailable"].split()[0])
  except (OSError, KeyError, ValueError):
    return None
