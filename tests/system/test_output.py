"""Commands end, or go on, as they should when nobody can read their output."""

import os
import signal
import subprocess
import sys

import pytest

_HEAR = "import os, sys, time\nfrom wildrobot_playground.system import "
_FULL = "/dev/full"
_EVALUATE = (
  "evaluate",
  "--policy=walk",
  "--episodes=1",
  "--seconds=2",
  "--commands=0.2",
)


def _gone() -> int:
  """The writing end of a pipe whose reader has left."""
  reading, writing = os.pipe()
  os.close(reading)
  return writing


def _run(*command: str, **options) -> subprocess.CompletedProcess:
  streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
  return subprocess.run(
    [sys.executable, *command],
    text=True,
    timeout=100,
    check=False,
    **{**streams, **options},
  )


def _module(command: tuple[str, ...], **options) -> subprocess.CompletedProcess:
  name, *arguments = command
  return _run("-m", f"wildrobot_playground.{name}", *arguments, **options)


@pytest.mark.parametrize(
  "command",
  [
    _EVALUATE,
    ("report", "--help"),
    ("motion", "--help"),
  ],
  ids=lambda command: command[0],
)
def test_a_reader_that_has_left_ends_a_command_quietly(command):
  done = _module(command, stdout=_gone())
  assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("command", [_EVALUATE, ("motion", "--help")])
def test_a_full_disk_under_the_output_is_one_line(command):
  with open(_FULL, "w") as full:
    done = _module(command, stdout=full)
  assert done.returncode == 1
  assert done.stderr == (
    "error: standard output cannot be written: No space left on device\n"
  )


_MAIN = """
def main(rest):
  for i in range(3):
    print(i)
    print("bar", file=sys.stderr)
  open("done", "w").close()
cli.run(main, takes_rest=True, needs_reader=False)
"""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("how", ["left", "full", "closed"])
def test_who_needs_no_reader_goes_on_to_the_end(tmp_path, stream, how):
  """As a training, which is there for its files."""
  code = f"{_HEAR}cli\n{_MAIN}"
  number = {"stdout": 1, "stderr": 2}[stream]
  if how == "closed":
    options = {"preexec_fn": lambda: os.close(number)}
  else:
    gone = _gone() if how == "left" else os.open(_FULL, os.O_WRONLY)
    options = {stream: gone}
  done = _run("-c", code, cwd=tmp_path, **options)
  assert done.returncode == 0
  assert (tmp_path / "done").exists()
  if stream == "stderr":
    assert done.stdout == "0\n1\n2\n"
  else:
    assert done.stderr.count("bar") == 3
    assert done.stderr.count("warning:") == (how != "closed")


@pytest.mark.parametrize("how", ["left", "full", "unread"])
def test_signals_are_answered_when_nobody_reads(how):
  """The second one ends it, whatever became of standard error."""
  code = f"""{_HEAR}stopping
with stopping.StopRequest("stopping") as stop:
  os.kill(os.getpid(), {signal.SIGTERM})
  while not stop.requested:
    time.sleep(0.01)
  os.kill(os.getpid(), {signal.SIGTERM})
  time.sleep(60)
"""
  reading, writing = os.pipe()
  if how == "left":
    os.close(reading)
  elif how == "full":
    writing = os.open(_FULL, os.O_WRONLY)
  else:  # A full pipe: to write would be to wait for ever.
    os.set_blocking(writing, False)
    while _fits(writing):
      pass
    os.set_blocking(writing, True)
  done = _run("-c", code, stderr=writing)
  assert done.returncode == 128 + signal.SIGTERM


def _fits(writing: int) -> bool:
  try:
    os.write(writing, bytes(4096))
  except BlockingIOError:
    return False
  return True


def test_a_closed_stream_gives_its_number_to_no_file(tmp_path):
  code = f"""{_HEAR}output
os.close(2)
output.keep_places()
with open("precious", "w") as file:
  output.say_now("stopping")
"""
  done = _run("-c", code, cwd=tmp_path)
  assert done.returncode == 0
  assert (tmp_path / "precious").read_text() == ""


def test_letters_that_the_encoding_lacks_are_replaced():
  environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
  done = _module(_EVALUATE, env=environ)
  assert (done.returncode, done.stderr) == (0, "")
  assert "N?m" in done.stdout
