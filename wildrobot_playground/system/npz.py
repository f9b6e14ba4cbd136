"""Archives of arrays: same arrays, same bytes; read without pickle."""

import io
import math
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from wildrobot_playground.system import echo, files
from wildrobot_playground.system import reading as sources

LARGEST = 2**28  # bytes of the arrays that are read
LARGEST_FILE = 2**30  # bytes; others may be in it
_LARGEST_DIRECTORY = 2**20  # bytes: some ten thousand names
_TAIL = 2**16 + 22  # bytes in which a zip file's directory is told
_KINDS = "biufcSU"  # of numpy: truth, numbers, text
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
      missing array, one that is neither numbers nor text, or arrays of more
      than `LARGEST` bytes.
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
  with sources.opened(path, LARGEST_FILE, error) as file:
    try:
      return _arrays(file, names)
    except Exception as e:  # A damaged archive may raise anything.
      raise error(
        f"{path}: not a readable .npz of plain arrays ({echo.short(e, 200)});"
        " write it again"
      ) from e


def members(
  path: str | os.PathLike[str], error: type[ValueError]
) -> tuple[str, ...]:
  """Names of the arrays in a `.npz`; as `read`."""
  with sources.opened(path, LARGEST_FILE, error) as file:
    try:
      return tuple(_archive(file).namelist())
    except Exception as e:
      raise error(
        f"{path}: not a readable .npz ({echo.short(e, 200)}); copy or export it"
        " again"
      ) from e


def _archive(file: BinaryIO) -> zipfile.ZipFile:
  """The zip file, once its directory is known to be small."""
  size = file.seek(0, io.SEEK_END)
  file.seek(max(0, size - _TAIL))
  tail = file.read()
  end = tail.rfind(b"PK\x05\x06")
  if end < 0 or b"PK\x06\x07" in tail[max(0, end - 20) : end]:
    raise ValueError("no zip file of an ordinary size")
  directory = int.from_bytes(tail[end + 12 : end + 16], "little")
  if directory > _LARGEST_DIRECTORY:
    raise ValueError(f"a directory of {directory} bytes")
  return zipfile.ZipFile(file)


def _arrays(file: BinaryIO, names: tuple[str, ...]) -> dict[str, np.ndarray]:
  """The named arrays, once they are known to be small enough."""
  with _archive(file) as archive:
    inside = set(archive.namelist())
    found = [name for name in names if f"{name}.npy" in inside]
    size = sum(archive.getinfo(f"{name}.npy").file_size for name in found)
    if size > LARGEST:
      raise ValueError(f"{size} bytes of arrays, at most {LARGEST} are read")
    return {name: _array(archive, f"{name}.npy") for name in found}


def _array(archive: zipfile.ZipFile, member: str) -> np.ndarray:
  """An array of numbers or text whose header and bytes agree."""
  with archive.open(member) as file:
    reader = {
      (1, 0): np.lib.format.read_array_header_1_0,
      (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(file)]
    shape, is_fortran, kind = reader(file)
    if kind.kind not in _KINDS or not kind.itemsize:
      raise ValueError(f"{member} holds {kind}, expected numbers or text")
    content = file.read()
  size = kind.itemsize * math.prod(shape)
  if min(shape, default=0) < 0 or size != len(content):
    raise ValueError(
      f"{member} says it has {size} bytes, as {shape}, and has {len(content)}"
    )
  array = np.frombuffer(content, kind)
  array = array.reshape(shape, order="F" if is_fortran else "C")
  # Half floats cannot even be compared with what is beyond them.
  kind = np.dtype("f8") if kind == "f2" else kind.newbyteorder("=")
  return array.astype(kind)  # Ours, and not read-only.


def _npy(array: np.ndarray) -> bytes:
  """The `.npy` bytes of an array."""
  buffer = io.BytesIO()
  np.lib.format.write_array(
    buffer, np.asarray(array, order="C"), allow_pickle=False
  )
  return buffer.getvalue()
