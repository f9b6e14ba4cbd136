"""Ctrl-C and SIGTERM do what is promised, from a command's start to its end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from wildrobot_playground.system import assets

CLIP = str(assets.reference() / "clips" / "generated_walk_0p40.npz")
_BOTH = [signal.SIGINT, signal.SIGTERM]


def _start(*command: str, **changes: str) -> subprocess.Popen:
  return subprocess.Popen(
    [sys.executable, *command],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env={**os.environ, "MUJOCO_GL": "disable", **changes},
  )


def _signal_at_import(process: subprocess.Popen, module: str, number: int):
  """Sends a signal once `module` has been imported; what was said then."""
  assert process.stderr is not None
  for line in process.stderr:
    if line.rstrip().endswith(module):
      break
  process.send_signal(number)
  rest = process.stderr.read().splitlines()
  process.wait(60)
  return [line for line in rest if not line.startswith("import time:")]


@pytest.mark.parametrize("number", _BOTH)
@pytest.mark.parametrize("module", ["absl.flags", " jax"])
def test_training_stopped_while_it_imports_exits_with_0(
  tmp_path, module, number
):
  run_dir = tmp_path / "run"
  process = _start(
    "-X",
    "importtime",
    "-m",
    "wildrobot_playground.train",
    f"--run_dir={run_dir}",
    "--wandb=disabled",
  )
  said = _signal_at_import(process, module, number)
  assert said == ["stopped before training began; nothing was written"]
  assert process.returncode == 0
  assert not run_dir.exists()


@pytest.mark.parametrize("number", _BOTH)
@pytest.mark.parametrize(
  ("command", "module"),
  [
    (("evaluate", "--policy=walk"), "numpy"),
    (("evaluate", "--policy=walk"), "mujoco._constants"),
    (("motion", "validate", CLIP), "numpy"),
    (("doctor",), "jax._src.config"),
    (("doctor",), "mujoco_playground"),
  ],
)
def test_other_commands_stopped_while_they_import_are_one_line(
  command, module, number
):
  name, *arguments = command
  process = _start(
    "-X", "importtime", "-m", f"wildrobot_playground.{name}", *arguments
  )
  said = _signal_at_import(process, module, number)
  word = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}[number]
  assert said == [word]
  assert process.returncode == 128 + number


_BUSY_IN_C = """
import os, signal, threading, time
from wildrobot_playground.system import stopping

def send():
  for _ in range(2):
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=send, daemon=True).start()
with stopping.StopRequest("stopping"):
  {busy}
  print("never")
"""


def test_a_second_signal_stops_at_once_while_the_main_thread_is_in_c():
  """As a compilation is, for minutes."""
  busy = "import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"
  process = _start("-c", _BUSY_IN_C.format(busy=busy))
  started = time.monotonic()
  out, said = process.communicate(timeout=100)
  assert process.returncode == 128 + signal.SIGINT
  assert time.monotonic() - started < 30
  assert out == ""
  assert said == "stopping\n"


def test_a_child_that_is_signalled_is_no_reason_to_stop():
  code = """
import os, signal, time
from wildrobot_playground.system import stopping
with stopping.StopRequest() as stop:
  child = os.fork()
  if child == 0:
    time.sleep(60)
  time.sleep(0.2)
  os.kill(child, signal.SIGTERM)
  print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
  time.sleep(0.2)
  print(stop.requested)
"""
  out, _ = _start("-c", code).communicate(timeout=60)
  assert out.split() == [str(-signal.SIGTERM), "False"]


def test_a_library_leaves_signals_alone():
  code = """
import signal
import wildrobot_playground
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
print(signal.set_wakeup_fd(-1))
"""
  out, _ = _start("-c", code).communicate(timeout=60)
  assert out.split() == ["True", "True", "-1"]
