"""Without style, ours is Brax's own PPO to the last bit."""

import functools
import os
import pathlib
import socket
import subprocess
import sys

import mujoco_playground
import pytest
from brax.training.agents.ppo import networks
from brax.training.agents.ppo import train as stock

import wildrobot_playground
from wildrobot_playground import robots
from wildrobot_playground.amp import ppo
from wildrobot_playground.envs import walk
from wildrobot_playground.robots.wildrobot_v2 import WILDROBOT_V2

ROOT = pathlib.Path(wildrobot_playground.__file__).parent.parent
STEPS = 80  # Of an iteration of `ppo_settings`.

WALK_SETTINGS = {
  "network_factory": functools.partial(
    networks.make_ppo_networks,
    policy_hidden_layer_sizes=(32, 32),
    value_hidden_layer_sizes=(32, 32),
    policy_obs_key="state",
    value_obs_key="privileged_state",
  )
}


@pytest.fixture(autouse=True, scope="module")
def optimized(users_compiler):
  """Compiles as a user's process does: two programs, optimised apart."""


@pytest.mark.parametrize(
  ("weights", "changes"),
  [
    ((None, 0.0), {}),
    ((0.0,), {"num_evals": 3, "num_resets_per_eval": 1}),
    ((0.0,), {"max_grad_norm": None, "normalize_observations": False}),
    ((0.0,), {"action_repeat": 2, "seed": 3}),
  ],
)
def test_parameters_equal_brax(
  point_mass, reference, amp, ppo_settings, assert_equal_trees, weights, changes
):
  settings = {**ppo_settings, **changes}
  _, expected, _ = stock.train(point_mass(), 20 * STEPS, **settings)
  for weight in weights:
    prior = None if weight is None else amp(weight=weight, replay_size=64)
    _, found, _ = ppo.train(
      point_mass(), 20 * STEPS, amp=prior, reference=reference, **settings
    )
    assert_equal_trees(found, expected)


@pytest.mark.parametrize(
  "robot",
  [robots.WILDROBOT, pytest.param(WILDROBOT_V2, marks=pytest.mark.slow)],
  ids=lambda robot: robot.name,
)
def test_parameters_equal_brax_on_a_walking_robot(
  ppo_settings, assert_equal_trees, robot
):
  settings = {**ppo_settings, **WALK_SETTINGS}
  environment = walk.Walk(config_overrides={"impl": "mujoco"}, robot=robot)
  _, expected, _ = stock.train(
    environment,
    10 * STEPS,
    wrap_env_fn=mujoco_playground.wrapper.wrap_for_brax_training,
    **settings,
  )
  _, found, _ = ppo.train(environment, 10 * STEPS, **settings)
  assert_equal_trees(found, expected)


TWO_DEVICES = """
import runpy

import jax
import numpy as np
from brax.training.agents.ppo import train as stock

from wildrobot_playground.amp import ppo
from wildrobot_playground.amp.hooks import Hooks

tiny = runpy.run_path("tests/amp/conftest.py")
assert jax.local_device_count() == 2
settings = {**tiny["PPO"], "run_evals": False}


def train(**arguments):
  states = []
  _, params, _ = ppo.train(
    tiny["PointMass"](),
    240,
    hooks=Hooks(
      state_fn=lambda steps, state, memory: states.append(state.training_state)
    ),
    **settings,
    **arguments,
  )
  return states[-1], params


def assert_same_on_both(tree):
  for leaf in jax.tree.leaves(tree):
    one, two = (np.asarray(shard.data) for shard in leaf.addressable_shards)
    np.testing.assert_array_equal(one, two)
    assert one.shape == leaf.shape


amp = tiny["make_amp"](replay_size=64, spectral_norm=True)
state, _ = train(amp=amp, reference=tiny["make_reference"]())
assert_same_on_both((state.params, state.prior.discriminator))
state, params = train()
assert_same_on_both((state.params, state.normalizer_params))
_, expected, _ = stock.train(tiny["PointMass"](), 240, **settings)
jax.tree.map(np.testing.assert_array_equal, params, expected)
print("both devices agree")
"""


def test_two_devices_hold_the_same_parameters(tmp_path):
  script = tmp_path / "two_devices.py"
  script.write_text(TWO_DEVICES)
  environment = {
    **os.environ,
    "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    "PYTHONPATH": str(ROOT),
  }
  result = subprocess.run(
    [sys.executable, str(script)],
    cwd=ROOT,
    env=environment,
    capture_output=True,
    text=True,
  )
  assert result.returncode == 0, result.stderr[-2000:]
  assert "both devices agree" in result.stdout


TWO_PROCESSES = """
import hashlib
import runpy
import sys

import jax
import numpy as np

from wildrobot_playground.system import distributed

port, process = sys.argv[1:]
distributed.join(f"localhost:{port}", 2, int(process))
tiny = runpy.run_path("tests/amp/conftest.py")
from wildrobot_playground.amp import ppo
from wildrobot_playground.amp.hooks import Hooks

states = []
ppo.train(
  tiny["PointMass"](),
  240,
  amp=tiny["make_amp"](replay_size=64, auto_tune=True),
  reference=tiny["make_reference"](),
  hooks=Hooks(
    state_fn=lambda steps, state, memory: states.append(state.training_state)
  ),
  **{**tiny["PPO"], "run_evals": False},
)
learnt = states[-1].params, states[-1].prior.discriminator
whole = hashlib.sha256()
for leaf in jax.tree.leaves(learnt):
  whole.update(np.asarray(leaf.addressable_data(0)).tobytes())
print("digest", jax.process_count(), whole.hexdigest())
"""


def test_two_processes_hold_the_same_parameters(tmp_path):
  script = tmp_path / "two_processes.py"
  script.write_text(TWO_PROCESSES)
  with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
  processes = [
    subprocess.Popen(
      [sys.executable, str(script), str(port), str(i)],
      cwd=ROOT,
      env={**os.environ, "PYTHONPATH": str(ROOT)},
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for i in range(2)
  ]
  outputs = [process.communicate(timeout=400) for process in processes]
  assert [p.returncode for p in processes] == [0, 0], outputs[0][1][-2000:]
  digests = [
    next(line for line in out.splitlines() if line.startswith("digest"))
    for out, _ in outputs
  ]
  assert digests[0].startswith("digest 2 ")
  assert digests[0] == digests[1]
