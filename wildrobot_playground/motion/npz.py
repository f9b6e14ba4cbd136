"""Archives of arrays: same arrays, same bytes; read without pickle."""

import io
import os
import pathlib
import zipfile
from collections.abc import Mapping

import numpy as np

from wildrobot_playground import files

LARGEST = 2**30  # bytes of an archive's arrays
# A zip file's earliest date; the clock must not get into the bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def write(
  path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]
) -> None:
  """Writes an uncompressed `.npz`, byte for byte a function of `arrays`.

  A file that holds them already is not touched.

  Args:
    path: file to write; its folder is made when missing.
    arrays: by name, in the order to be written.
  """
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
    for name, array in arrays.items():
      entry = zipfile.ZipInfo(f"{name}.npy", _DATE)
      entry.create_system = 3
      entry.external_attr = 0o644 << 16
      archive.writestr(entry, _npy(array))
  files.update_bytes(path, buffer.getvalue())


def read(
  path: str | os.PathLike[str],
  names: tuple[str, ...],
  error: type[ValueError],
) -> dict[str, np.ndarray]:
  """Reads the named arrays of a `.npz`.

  Args:
    path: file to read.
    names: arrays that must be there.
    error: what to raise.

  Returns:
    The arrays by name.

  Raises:
    ValueError: of type `error`, for a missing file, a file that is no `.npz`, a
      missing array, or arrays of more than a gigabyte.
  """
  arrays = read_some(path, names, error)
  missing = [name for name in names if name not in arrays]
  if missing:
    raise error(
      f"{path}: has no array '{missing[0]}'; expected {', '.join(names)};"
      " write it again with this version"
    )
  return arrays


def read_some(
  path: str | os.PathLike[str],
  names: tuple[str, ...],
  error: type[ValueError],
) -> dict[str, np.ndarray]:
  """Reads those of the named arrays of a `.npz` that are there; as `read`."""
  path = pathlib.Path(path)
  if not path.is_file():
    raise error(f"{path}: no such file; check the path")
  try:
    with np.load(path, allow_pickle=False) as archive:
      _check_size(archive.zip)
      return {name: archive[name] for name in names if name in archive.files}
  except Exception as e:  # A damaged archive may raise anything.
    raise error(
      f"{path}: not a readable .npz of plain arrays ({e}); write it again"
    ) from e


def _check_size(archive: zipfile.ZipFile) -> None:
  """Refuses archives that would fill the memory."""
  size = sum(entry.file_size for entry in archive.infolist())
  if size > LARGEST:
    raise ValueError(f"{size} bytes of arrays, at most {LARGEST} are read")


def _npy(array: np.ndarray) -> bytes:
  """The `.npy` bytes of an array."""
  buffer = io.BytesIO()
  np.lib.format.write_array(
    buffer, np.asarray(array, order="C"), allow_pickle=False
  )
  return buffer.getvalue()
