"""The command lines around an exported policy: one line for every mistake."""

import ctypes.util
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from wildrobot_playground import assets


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
    ("play", ["--gif=x.gif", "--commands=fast"], "--commands takes numbers"),
    ("play", ["--gif=no/where.gif"], "no is no folder"),
    ("play", ["walk"], "unknown argument 'walk'"),
    ("play", ["--gif=x.gif", "--port=80"], "a film has no use for --port"),
    ("play", ["--commands=0.2"], "a page has no use for --commands"),
    ("export", [], "--checkpoint=RUN_FOLDER is required"),
    ("export", ["--checkpoint=nowhere"], "nowhere is no run folder"),
  ],
)
def test_mistakes_cost_one_line(module, arguments, message):
  done = _run(module, *arguments)
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
