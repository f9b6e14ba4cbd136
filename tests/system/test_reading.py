"""Texts are read from regular files alone; nothing else keeps us waiting."""

import os

import pytest

from wildrobot_playground.system import reading


def test_a_text_is_what_was_written_and_may_be_empty(tmp_path):
  path = tmp_path / "text"
  for text in ("", "läuft\n"):
    path.write_text(text, "utf-8")
    assert reading.text(path) == text


def test_odd_bytes_are_an_error_unless_they_are_expected(tmp_path):
  path = tmp_path / "text"
  path.write_bytes(b"a\xff")
  with pytest.raises(UnicodeDecodeError):
    reading.text(path)
  assert reading.text(path, odd="replace") == "a\ufffd"


@pytest.mark.parametrize(
  ("make", "said"),
  [
    (os.mkfifo, "no regular file"),
    (os.mkdir, "no regular file"),
    (lambda path: path.symlink_to("/dev/null"), "no regular file"),
    (lambda path: path.write_text("12345"), "over 4 bytes"),
    (lambda path: None, "No such file"),
  ],
)
def test_anything_else_is_an_error_at_once(tmp_path, make, said):
  make(tmp_path / "text")
  with pytest.raises(OSError, match=said):
    reading.text(tmp_path / "text", most=4)
