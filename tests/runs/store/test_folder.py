"""Never two runs in one folder, and never a folder that nobody can have."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from wildrobot_playground.runs.store import folder

# A process that takes folders as it is told, and appends to a record there.
_WORKER = """
import contextlib, pathlib, sys, time
from wildrobot_playground.runs.store import folder

print("ready", flush=True)
for line in sys.stdin:
  kind, run_dir = line.rstrip("\\n").split(" ", 1)
  run_dir = pathlib.Path(run_dir)
  try:
    with contextlib.ExitStack() as stack:
      if kind == "default":
        run_dir = folder.make_new(run_dir)
      elif kind == "named":
        run_dir.mkdir(parents=True, exist_ok=True)
      stack.enter_context(folder.held(run_dir))
      with (run_dir / "record").open("a") as record:
        for step in range(20):
          record.write(f"{step}\\n")
          record.flush()
      print(f"took {run_dir}", flush=True)
      sys.stdin.readline()  # Until both have tried.
  except folder.BusyError as error:
    print(f"busy {error}", flush=True)
    sys.stdin.readline()
"""


class _Worker:
  def __init__(self):
    self._process = subprocess.Popen(
      [sys.executable, "-c", _WORKER],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
      bufsize=1,
    )
    self.pid = self._process.pid
    assert self.hear() == "ready"

  def tell(self, line: str) -> None:
    assert self._process.stdin is not None
    self._process.stdin.write(line + "\n")

  def hear(self) -> str:
    assert self._process.stdout is not None
    return self._process.stdout.readline().rstrip("\n")

  def kill(self) -> None:
    self._process.kill()
    self._process.wait()


@pytest.fixture
def pair():
  workers = [_Worker(), _Worker()]
  yield workers
  for worker in workers:
    worker.kill()


def _both(pair, line: str) -> list[str]:
  """What two processes say that take a folder at the same time."""
  for worker in pair:
    worker.tell(line)
  answers = [worker.hear() for worker in pair]
  for worker in pair:
    worker.tell("")
  return answers


def _record(run_dir: str | pathlib.Path) -> list[int]:
  return [
    int(s) for s in (pathlib.Path(run_dir) / "record").read_text().split()
  ]


def test_two_hundred_pairs_of_starts_never_share_a_folder(pair, tmp_path):
  for number in range(200):
    answers = _both(pair, f"default {tmp_path / f'runs {number}' / 'run'}")
    taken = {answer.removeprefix("took ") for answer in answers}
    assert len(taken) == 2
    for run_dir in taken:
      assert pathlib.Path(run_dir).name in ("run", "run-2")
      assert _record(run_dir) == list(range(20))


@pytest.mark.parametrize("kind", ["named", "resumed"])
def test_of_two_hundred_pairs_one_has_the_folder(pair, tmp_path, kind):
  """Starts in a named folder, and resumes of a run."""
  for number in range(200):
    run_dir = tmp_path / f"run{number}"
    if kind == "resumed":
      run_dir.mkdir()
    answers = sorted(_both(pair, f"{kind} {run_dir}"))
    assert answers[0].startswith(f"busy {run_dir} is being written by")
    assert answers[1] == f"took {run_dir}"
    assert _record(run_dir) == list(range(20))


def test_the_writer_is_named_by_process_and_host(pair, tmp_path):
  run_dir = tmp_path / "run"
  pair[0].tell(f"named {run_dir}")
  pair[0].hear()
  with pytest.raises(folder.BusyError) as caught, folder.held(run_dir):
    pass
  assert f"process {pair[0].pid} on {os.uname().nodename}" in str(caught.value)
  assert "\n" not in str(caught.value)


def test_the_folder_of_a_killed_process_is_free(pair, tmp_path):
  run_dir = tmp_path / "run"
  pair[0].tell(f"named {run_dir}")
  pair[0].hear()
  assert (run_dir / folder.WRITER_FILE).is_file()
  os.kill(pair[0].pid, signal.SIGKILL)
  pair[0].kill()
  with folder.held(run_dir):
    writer = json.loads((run_dir / folder.WRITER_FILE).read_text())
    assert writer["process"] == os.getpid()
  assert not (run_dir / folder.WRITER_FILE).exists()


@pytest.mark.parametrize("note", ["", "{", "[]", "3", '{"process": 1}'])
def test_a_damaged_note_of_the_writer_is_no_traceback(tmp_path, note):
  with folder.held(tmp_path):
    (tmp_path / folder.WRITER_FILE).write_text(note)
    with (
      pytest.raises(folder.BusyError, match="by another process"),
      folder.held(tmp_path),
    ):
      pass


def test_a_folder_held_once_can_be_held_again(tmp_path):
  for _ in range(2):
    with folder.held(tmp_path):
      pass


def test_a_taken_name_gets_a_number(tmp_path):
  wanted = tmp_path / "deep" / "run"
  names = [folder.make_new(wanted).name for _ in range(3)]
  assert names == ["run", "run-2", "run-3"]


def test_a_parent_that_is_a_file_is_an_error(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(OSError):
    folder.make_new(tmp_path / "file" / "run")
