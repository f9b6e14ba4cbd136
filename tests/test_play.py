"""The command lines around an exported policy: one line for every mistake."""

import contextlib
import ctypes.util
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from PIL import Image

from wildrobot_playground.system import assets
from wildrobot_playground.web import address


def _run(module, *arguments):
  return subprocess.run(
    [sys.executable, "-m", f"wildrobot_playground.{module}", *arguments],
    capture_output=True,
    text=True,
    check=False,
  )


@pytest.mark.parametrize(
  ("module", "arguments", "message"),
  [
    ("play", ["--policy=nowhere"], "there is no policy at nowhere"),
    ("play", ["--model=nowhere.xml"], "there is no model at nowhere.xml"),
    (
      "play",
      ["--gif=x.gif", "--commands=fast"],
      "--commands=fast: expected",
    ),
    ("play", ["--gif=no/where.gif"], "no is no folder"),
    ("play", ["walk"], "unknown argument 'walk'"),
    ("play", ["--gif=x.gif", "--port=80"], "a film has no use for --port"),
    ("play", ["--port=-1"], "--port=-1: expected 0 to 65535"),
    ("play", ["--port=70000"], "--port=70000: expected 0 to 65535"),
    ("play", ["--port=65535"], "--port=65535: expected 0 to 65534"),
    ("play", ["--host=203.0.113.7"], "not an address of this machine"),
    ("play", ["--host="], "--host= is empty"),
    ("play", ["--commands=0.2"], "a page has no use for --commands"),
    ("export", [], "--checkpoint=RUN_FOLDER is required"),
    ("export", ["--checkpoint=nowhere"], "nowhere is no run folder"),
  ],
)
def test_mistakes_cost_one_line(commands, module, arguments, message):
  done = commands.run(module, *arguments)
  assert done.returncode == 2
  assert done.stderr.count("\n") == 1
  assert message in done.stderr


def test_a_taken_port_costs_one_line():
  with socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    done = _run("play", f"--port={port}")
  assert done.returncode == 2
  assert f"port {port} is not free" in done.stderr


def test_two_pages_take_ports_of_their_own_and_give_them_back():
  """Both with the defaults, at the same time."""
  command = [sys.executable, "-m", "wildrobot_playground.play"]
  with contextlib.ExitStack() as stack:
    pages = [
      stack.enter_context(
        subprocess.Popen(
          command,
          stdout=subprocess.PIPE,
          stderr=subprocess.PIPE,
          text=True,
        )
      )
      for _ in range(2)
    ]
    for page in pages:  # So that a page that does not end cannot hold us.
      stack.callback(page.kill)
    lines = [page.stdout.readline() for page in pages]
    found = [
      re.search(r"(http://127.0.0.1:(\d+)) .* (\d+) as", x) for x in lines
    ]
    for match in found:
      with urllib.request.urlopen(f"{match[1]}/state", timeout=10) as state:
        assert json.load(state)["command"] == 0.0
      with urllib.request.urlopen(f"{match[1]}/", timeout=10) as page:
        assert f'"port": {match[3]}' in page.read().decode()
    for page in pages:
      page.send_signal(signal.SIGINT)
    assert [page.wait(20) for page in pages] == [0, 0]
    assert [page.stderr.read() for page in pages] == ["", ""]
  ports = {int(port) for match in found for port in match.groups()[1:]}
  assert len(ports) == 4
  for port in ports:
    address.listen("127.0.0.1", port).close()


@pytest.mark.skipif(
  not ctypes.util.find_library("EGL"), reason="this machine cannot render"
)
def test_a_film_needs_no_browser(tmp_path):
  film = tmp_path / "walk.gif"
  done = _run("play", f"--gif={film}", "--commands=0.4")
  assert done.returncode == 0, done.stderr
  assert film.read_bytes().startswith(b"GIF8")


@pytest.mark.skipif(
  not ctypes.util.find_library("EGL"), reason="this machine cannot render"
)
def test_a_film_shows_policies_and_reference_side_by_side(tmp_path):
  path = tmp_path / "three.gif"
  arguments = ["--commands=0.4", "--beside=walk", "--reference"]
  done = _run("play", f"--gif={path}", *arguments)
  assert done.returncode == 0, done.stderr
  assert f"next     open {path}" in done.stdout
  with Image.open(path) as gif:
    assert gif.size == (3 * 240, 270)
    assert gif.n_frames == 40
    pictures = []
    for frame in (0, 20):
      gif.seek(frame)
      pictures.append(np.asarray(gif.convert("RGB"), int))
  first, later = (np.split(picture[:240], 3, axis=1) for picture in pictures)
  for column in range(3):
    assert np.abs(first[column] - later[column]).mean() > 1  # It moves.
  assert np.abs(first[1] - first[2]).mean() < 1  # The same policy twice.
  assert np.abs(first[0] - first[1]).mean() > 1  # The reference is another.


def test_the_shipped_policy_is_small():
  folder = assets.policies() / "walk"
  assert (folder / "policy.onnx").stat().st_size < 1_000_000
  files = [path for path in folder.rglob("*") if path.is_file()]
  assert sum(path.stat().st_size for path in files) < 1_000_000
