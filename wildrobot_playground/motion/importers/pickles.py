"""Pickles from outside: arrays and plain containers, and nothing else.

A pickle is a program. This reads it with the few instructions and the few
constructors that arrays, numbers, text and containers need, so that a file
which names anything else is refused before any of it runs.
"""

import io
import os
import pathlib
import pickle
import pickletools
from typing import Any

import numpy as np

from wildrobot_playground.motion import human

LARGEST = 2**30  # bytes

# Instructions that call or build by other ways than REDUCE and BUILD, or that
# look things up outside of the file.
_REFUSED = frozenset(
  ("PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ_EX")
)


def load(path: str | os.PathLike[str]) -> Any:
  """Reads a pickle of numpy arrays, numbers, text, lists, tuples and dicts.

  Raises:
    MotionError: for a missing, too large, damaged or forbidden file.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise human.MotionError(f"{path}: no such file; check the path")
  size = path.stat().st_size
  if size > LARGEST:
    raise human.MotionError(
      f"{path}: has {size} bytes, expected at most {LARGEST}; split the file"
    )
  content = path.read_bytes()
  try:
    _check_instructions(content)
    return _unwrapped(_Unpickler(io.BytesIO(content)).load())
  except _ForbiddenError as error:
    raise human.MotionError(
      f"{path}: names {error}, expected only arrays and plain containers;"
      " nothing of it was run; save the motion again as such"
    ) from error
  except Exception as error:  # A damaged pickle may raise anything.
    raise human.MotionError(
      f"{path}: not a readable pickle ({type(error).__name__}: {error}); copy"
      " or export it again"
    ) from error


class _ForbiddenError(pickle.UnpicklingError):
  """Something that a file of arrays has no need of."""


class _Unpickler(pickle.Unpickler):
  """Knows what stands for numpy's arrays; numpy itself reads nothing."""

  def find_class(self, module_name: str, global_name: str, /) -> Any:
    """What stands for a name, if it is one of the few."""
    module = module_name.replace("numpy.core.", "numpy._core.")
    allowed = _ALLOWED.get((module, global_name))
    if allowed is None:
      raise _ForbiddenError(f"'{module_name}.{global_name}'")
    return allowed


def _check_instructions(content: bytes) -> None:
  """Refuses instructions and numbers that no file of arrays has."""
  for opcode, argument, _ in pickletools.genops(content):
    if opcode.name in _REFUSED:
      raise _ForbiddenError(f"the instruction {opcode.name}")
    # A memo index beyond the file's length would only eat memory.
    is_memo = opcode.name in ("LONG_BINPUT", "PUT")
    if is_memo and int(argument or 0) > len(content):
      raise pickle.UnpicklingError(f"the memo index {argument} is too large")


class _Kind:
  """Stands for a numpy type of numbers or text."""

  def __init__(self, code: str, align: bool = False, copy: bool = True):
    kind = np.dtype(str(code))
    if kind.hasobject or kind.names:
      raise _ForbiddenError(f"the type '{kind}'")
    self.dtype = kind

  def __setstate__(self, state: tuple[Any, ...]) -> None:
    if state[2:5] != (None, None, None):
      raise _ForbiddenError("a type with fields")
    self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
  """Stands for a numpy array until the whole file is read."""

  def __init__(self, kind: Any, shape: Any, code: Any):
    self.array = np.zeros(0)

  def __setstate__(self, state: tuple[Any, ...]) -> None:
    *_, shape, kind, is_fortran, content = state
    if isinstance(content, str):
      content = content.encode("latin1")
    array = np.frombuffer(content, kind.dtype) if content else self.array
    array = array.astype(kind.dtype)  # An empty one has no type yet.
    self.array = array.reshape(shape, order="F" if is_fortran else "C")


def _from_buffer(content: bytes, kind: _Kind, shape: Any, order: str) -> _Array:
  """An array of bytes that the pickle carries (protocol 5)."""
  array = _Array(None, None, None)
  array.__setstate__((shape, kind, order == "F", bytes(content)))
  return array


def _scalar(kind: _Kind, content: bytes) -> Any:
  """A number."""
  return np.frombuffer(content, kind.dtype, count=1)[0]


def _bytes() -> bytes:
  """No bytes at all, as old protocols write them."""
  return b""


def _encode(text: str, encoding: str) -> bytes:
  """Bytes that an old protocol wrote as text."""
  if encoding != "latin1":
    raise _ForbiddenError(f"the encoding '{encoding}'")
  return text.encode("latin1")


def _unwrapped(value: Any) -> Any:
  """The value with its arrays in place of what stood for them."""
  if isinstance(value, _Array):
    return value.array
  if isinstance(value, dict):
    return {key: _unwrapped(item) for key, item in value.items()}
  if isinstance(value, (list, tuple, set, frozenset)):
    return type(value)(_unwrapped(item) for item in value)
  return value


_ALLOWED: dict[tuple[str, str], Any] = {
  ("numpy._core.multiarray", "_reconstruct"): _Array,
  ("numpy._core.multiarray", "scalar"): _scalar,
  ("numpy._core.numeric", "_frombuffer"): _from_buffer,
  ("numpy", "ndarray"): "ndarray",  # Named, never called.
  ("numpy", "dtype"): _Kind,
  ("_codecs", "encode"): _encode,
  ("builtins", "bytes"): _bytes,
  ("__builtin__", "bytes"): _bytes,
}
