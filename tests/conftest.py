"""What every test shares: process set-up, the compiled robot, a strict jax."""

import contextlib
import ctypes.util
import os
import pathlib
import signal
import sys

_ROOT = pathlib.Path(__file__).resolve().parent.parent


def _prepare_process() -> None:
  """Sets what must be set before jax and MuJoCo are imported."""
  defaults = {
    "JAX_PLATFORMS": "cpu",
    "JAX_COMPILATION_CACHE_DIR": str(_ROOT / ".cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    # Programs that call MuJoCo C are in no cache and compile in each process,
    # for longer than the tests run them. `make test-slow` sets it to 0.
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "WANDB_MODE": "offline",
  }
  # MuJoCo cannot even be imported when told to use an EGL that is not there.
  if sys.platform == "linux" and ctypes.util.find_library("EGL"):
    defaults["MUJOCO_GL"] = "egl"
  for name, value in defaults.items():
    os.environ.setdefault(name, value)
  # A shell's background jobs ignore Ctrl-C, and so would what tests start.
  if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


_prepare_process()

import hypothesis  # noqa: E402
import jax  # noqa: E402
import mujoco  # noqa: E402
import pytest  # noqa: E402

from tests import forked  # noqa: E402
from wildrobot_playground.robots import scene  # noqa: E402
from wildrobot_playground.robots import sole as sole_lib  # noqa: E402
from wildrobot_playground.robots.wildrobot import WILDROBOT  # noqa: E402

# The default suite tries the same inputs each time; the slow target others.
_COMMON = {
  "deadline": None,
  "suppress_health_check": [hypothesis.HealthCheck.function_scoped_fixture],
}
hypothesis.settings.register_profile(
  "pinned", derandomize=True, max_examples=100, database=None, **_COMMON
)
hypothesis.settings.register_profile(
  "thorough", max_examples=2000, print_blob=True, **_COMMON
)
hypothesis.settings.load_profile("pinned")

# Files that train for minutes: begun first, so that no core waits for them.
_LONGEST = (
  "tests/runs/store/test_resume.py",
  "tests/test_docs_commands.py",
  "tests/runs/test_training.py",
  "tests/amp/test_ppo_parity.py",
  "tests/runs/test_processes.py",
  "tests/test_robot_from_outside.py",
  "tests/runs/test_every_write.py",
  "tests/envs/test_engines.py",
  "tests/runs/test_init_from.py",
  "tests/runs/store/test_claiming.py",
  "tests/test_with_playground.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  """Puts the longest files first; the others stay as they are."""
  place = {_ROOT / name: i for i, name in enumerate(_LONGEST)}
  items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="session")
def model() -> mujoco.MjModel:
  """The flat scene, compiled as it is written; not to be changed."""
  return scene.compile_scene(WILDROBOT)


@pytest.fixture(scope="session")
def sole(model: mujoco.MjModel) -> sole_lib.Sole:
  """The sole plates of `model`."""
  return sole_lib.of(model, WILDROBOT)


@pytest.fixture(scope="session")
def commands():
  """Runs command lines of ours, see `forked.Commands.run`."""
  with forked.Commands() as found:
    yield found


@pytest.fixture
def no_rank_promotion():
  """Makes jax refuse to broadcast (N,) against (N, 1)."""
  with strict_ranks():
    yield


@contextlib.contextmanager
def strict_ranks():
  """Makes jax refuse to broadcast (N,) against (N, 1), while it lasts."""
  with jax.numpy_rank_promotion("raise"):
    yield
