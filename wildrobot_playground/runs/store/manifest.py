"""A snapshot's manifest: what it holds, and the sha256 of its files."""

import hashlib
import json
import pathlib
from typing import Any

from wildrobot_playground.runs.store import digests
from wildrobot_playground.system import files, reading

FILE = "manifest.json"


class SnapshotError(ValueError):
  """A snapshot that cannot be used; one line says why."""


def write(
  folder: pathlib.Path, meta: dict[str, Any], arrays: list[str]
) -> None:
  """Writes the manifest of the files that are in `folder` now.

  Args:
    folder: of the snapshot.
    meta: plain values to keep.
    arrays: the paths of its arrays in the state, in their order.
  """
  manifest = {
    "meta": meta,
    "arrays": arrays,
    "sha256": digests.of_files(folder, FILE),
  }
  manifest["digest"] = digest(manifest)
  files.write_json(folder / FILE, manifest)


def read(path: pathlib.Path) -> dict[str, Any]:
  """The manifest of a snapshot; its files are not looked at.

  Raises:
    SnapshotError: when it is missing, or not what `write` wrote.
  """
  file = path / FILE
  try:
    manifest = json.loads(reading.text(file))
  except (OSError, ValueError, RecursionError) as error:
    raise SnapshotError(
      f"{path} has no readable manifest ({type(error).__name__})"
    ) from error
  kinds = {"meta": dict, "arrays": list, "sha256": dict}
  for name, kind in kinds.items():
    if not isinstance(manifest, dict) or not isinstance(
      manifest.get(name), kind
    ):
      raise SnapshotError(f"{file} is no manifest: it has no {name}")
  if not all(isinstance(name, str) for name in manifest["arrays"]):
    raise SnapshotError(f"{file} is no manifest: an array has no name")
  # Those of earlier versions have no digest of their own.
  if "digest" in manifest and manifest["digest"] != digest(manifest):
    raise SnapshotError(f"{path}: the file {FILE} has changed")
  return manifest


def verified(path: pathlib.Path) -> dict[str, Any]:
  """The manifest of a snapshot whose files are all as they were written."""
  manifest = read(path)
  try:
    found = digests.of_files(path, FILE)
  except OSError as error:  # Removed by the run that it is of, meanwhile.
    raise SnapshotError(f"{path} cannot be read: {error.strerror}") from error
  if difference := digests.changed(manifest["sha256"], found):
    raise SnapshotError(f"{path}: {difference}")
  return manifest


def digest(manifest: dict[str, Any]) -> str:
  """Sha256 of what a manifest says."""
  said = {key: value for key, value in manifest.items() if key != "digest"}
  text = json.dumps(said, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()
