"""Whether files are as they were written, by their sha256."""

import hashlib
import pathlib
from typing import Any


def of_files(folder: pathlib.Path, seal: str) -> dict[str, str]:
  """Sha256 of every file below `folder` but the one that keeps them."""
  return {
    str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(folder.rglob("*"))
    if path.is_file() and path != folder / seal
  }


def changed(expected: dict[str, Any], found: dict[str, str]) -> str | None:
  """The first file whose digest is not as expected, in words."""
  for name in sorted(expected.keys() | found.keys()):
    if expected.get(name) != found.get(name):
      what = "is missing" if name not in found else "has changed"
      shown = name[:200] if name.isprintable() else repr(name[:200])
      return f"the file {shown} {what}"
  return None
