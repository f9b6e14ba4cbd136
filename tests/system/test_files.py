"""A file is as it was, or whole; whatever happens meanwhile."""

import errno
import json
import os
import pathlib
import subprocess
import sys

import pytest

from wildrobot_playground.system import files


def _names(folder: pathlib.Path) -> list[str]:
  return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_there_and_nothing_else(tmp_path):
  files.write_json(tmp_path / "a.json", {"ä": [1, None]})
  assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {
    "ä": [1, None]
  }
  assert _names(tmp_path) == ["a.json"]


def test_what_fails_leaves_the_file_that_was_there(tmp_path):
  path = tmp_path / "a.txt"
  path.write_text("old")
  with pytest.raises(KeyError), files.replacing(path) as new:
    new.write_text("half")
    raise KeyError
  assert path.read_text() == "old"
  assert _names(tmp_path) == ["a.txt"]


def test_a_quota_leaves_the_file_that_was_there(tmp_path):
  path = tmp_path / "a.txt"
  path.write_text("old")
  script = f"""
import resource
from wildrobot_playground.system import files
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
try:
  files.write_text({str(path)!r}, "new" * 100)
except OSError as error:
  print(error.filename, error.errno)
"""
  done = subprocess.run(
    [sys.executable, "-c", script], capture_output=True, text=True, check=True
  )
  assert done.stdout == f"{path} {errno.EFBIG}\n"
  assert path.read_text() == "old"
  assert _names(tmp_path) == ["a.txt"]


def test_an_error_names_the_file_and_not_the_one_beside_it(tmp_path):
  with pytest.raises(FileNotFoundError) as caught:
    files.write_text(tmp_path / "none" / "a.txt", "")
  assert caught.value.filename == str(tmp_path / "none" / "a.txt")
  (tmp_path / "folder").mkdir()
  with pytest.raises(IsADirectoryError):
    files.write_text(tmp_path / "folder", "")


def test_a_link_is_followed_and_stays_one(tmp_path):
  (tmp_path / "there").mkdir()
  target, link = tmp_path / "there" / "a.txt", tmp_path / "link"
  link.symlink_to(target)
  for text in ("new", "newer"):
    files.write_text(link, text)
    assert link.is_symlink()
    assert target.read_text() == text


def test_what_is_no_plain_file_is_written_to_and_not_replaced(tmp_path):
  files.write_text("/dev/null", "gone")
  assert pathlib.Path("/dev/null").is_char_device()
  pipe = tmp_path / "pipe"
  os.mkfifo(pipe)
  reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
  files.write_text(pipe, "through")
  assert os.read(reader, 100) == b"through"
  os.close(reader)


def test_permissions_stay_and_new_files_have_the_usual_ones(tmp_path):
  path = tmp_path / "a.txt"
  files.write_text(path, "")
  plain = tmp_path / "plain.txt"
  plain.write_text("")
  assert path.stat().st_mode == plain.stat().st_mode
  path.chmod(0o600)
  files.write_text(path, "new")
  assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_file_holds_already_is_not_written_again(tmp_path):
  path = tmp_path / "a.txt"
  files.update_bytes(path, b"one")
  before = path.stat()
  files.update_bytes(path, b"one")
  assert path.stat().st_ino == before.st_ino
  assert path.stat().st_mtime_ns == before.st_mtime_ns
  files.update_bytes(path, b"two")
  assert path.read_bytes() == b"two"


def test_sweeping_removes_what_a_killed_process_left_and_no_more(tmp_path):
  script = f"""
import os, signal
from wildrobot_playground.system import files
with files.replacing({str(tmp_path / "a.txt")!r}) as new:
  new.write_text("half")
  os.kill(os.getpid(), signal.SIGKILL)
"""
  subprocess.run([sys.executable, "-c", script], check=False)
  assert len(_names(tmp_path)) == 1
  for name in (".new-mine", "new-12345678", ".hidden"):
    (tmp_path / name).mkdir()
  files.sweep(tmp_path)
  assert _names(tmp_path) == [".hidden", ".new-mine", "new-12345678"]


def test_json_has_null_for_what_is_not_finite(tmp_path):
  files.write_json(
    tmp_path / "a", {"a": [float("nan"), 1.5], "b": (float("inf"), "nan", 2)}
  )
  read = json.loads((tmp_path / "a").read_text(), parse_constant=pytest.fail)
  assert read == {"a": [None, 1.5], "b": [None, "nan", 2]}


def test_a_signal_that_ends_the_process_leaves_nothing_half_written(tmp_path):
  script = """
import os, signal, sys
from wildrobot_playground.system import files
from wildrobot_playground.system import stopping
with stopping.reacting(stopping.Leaving()):
  with files.replacing(sys.argv[1]) as new:
    new.write_text("half")
    os.kill(os.getpid(), signal.SIGTERM)
    while True:  # As its folder is taken away, no error of this is told.
      new.write_text("half")
"""
  path = tmp_path / "file"
  path.write_text("whole")
  done = subprocess.run(
    [sys.executable, "-c", script, str(path)],
    capture_output=True,
    text=True,
    timeout=60,
  )
  assert (done.returncode, done.stderr) == (143, "terminated\n")
  assert path.read_text() == "whole"
  assert [p.name for p in tmp_path.iterdir()] == ["file"]
