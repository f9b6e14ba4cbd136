"""Pickles from outside: arrays and plain containers, and nothing else.

A pickle is a program. This reads it with the few instructions and the few
constructors that arrays, numbers, text and containers need, so that a file
which names anything else is refused before any of it runs.
"""

import collections
import hashlib
import io
import math
import os
import pickle
import pickletools
from collections.abc import Iterable
from typing import Any

import numpy as np

from wildrobot_playground.motion import human
from wildrobot_playground.motion.importers import limits
from wildrobot_playground.system import echo, reading

LARGEST = limits.PICKLE_FILE  # bytes
_MOST_INSTRUCTIONS = 2_000_000
# Of large numbers, whose hashes a file may choose, and of tuples, which are
# hashed from the outside in: neither may slow or break what looks keys up.
_MOST_OF_A_KIND = 10_000
_MOST_BYTES = 2**28  # of arrays, of which a pickle may name one many times
_MOST_ITEMS = 10_000_000  # of containers, likewise
_DEEPEST = 20

# Instructions that call or build by other ways than REDUCE and BUILD, or that
# look things up outside of the file; and sets, for which motion has no use.
_REFUSED = frozenset(
  ("PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ_EX")
  + ("EMPTY_SET", "ADDITEMS", "FROZENSET")
)
_COUNTED = {
  "large numbers": ("LONG", "LONG1", "LONG4", "INT"),
  "tuples": ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
}


def load(path: str | os.PathLike[str]) -> tuple[Any, str]:
  """Reads a pickle of numpy arrays, numbers, text, lists, tuples and dicts.

  Returns:
    What it holds, and the file's sha256.

  Raises:
    MotionError: for a missing, too large, damaged or forbidden file.
  """
  content = reading.read(path, LARGEST, human.MotionError)
  try:
    _check_instructions(content)
    value = _Unwrapped().of(_Unpickler(io.BytesIO(content)).load())
  except _ForbiddenError as error:
    raise human.MotionError(
      f"{path}: names {echo.short(error)}, expected only arrays and plain"
      " containers; nothing of it was run; save the motion again as such"
    ) from error
  except Exception as error:  # A damaged pickle may raise anything.
    raise human.MotionError(
      f"{path}: not a readable pickle ({type(error).__name__}:"
      f" {echo.short(error, 100)}); copy or export it again"
    ) from error
  return value, hashlib.sha256(content).hexdigest()


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
  counts: collections.Counter[str] = collections.Counter()
  for opcode, argument, _ in pickletools.genops(content):
    if opcode.name in _REFUSED:
      raise _ForbiddenError(f"the instruction {opcode.name}")
    counts[opcode.name] += 1
    _check_counts(counts, opcode.name)
    # A memo index beyond the file's length would only eat memory.
    is_memo = opcode.name in ("LONG_BINPUT", "PUT")
    if is_memo and int(argument or 0) > len(content):
      raise pickle.UnpicklingError(f"the memo index {argument} is too large")


def _check_counts(counts: collections.Counter[str], name: str) -> None:
  """Refuses a program that is too long, or has too much of what is slow."""
  if counts.total() > _MOST_INSTRUCTIONS:
    raise pickle.UnpicklingError(
      f"has over {_MOST_INSTRUCTIONS} instructions; store arrays, not lists"
    )
  for what, names in _COUNTED.items():
    if name in names and sum(counts[n] for n in names) > _MOST_OF_A_KIND:
      raise pickle.UnpicklingError(
        f"has over {_MOST_OF_A_KIND} {what}; store arrays, not lists"
      )


class _Placeholder:
  """Stands for something until the whole file is read; does nothing."""

  __slots__ = ("state",)

  def __init__(self, *arguments: Any):
    self.state = arguments

  def __setstate__(self, state: Any) -> None:
    self.state = state


class _Kind(_Placeholder):
  """Stands for a numpy type of numbers or text."""

  __slots__ = ("dtype",)

  def __init__(self, code: str, align: bool = False, copy: bool = True):
    kind = np.dtype(str(code)) if len(str(code)) < 20 else np.dtype(object)
    if kind.kind not in "biufSU" or kind.shape:
      raise _ForbiddenError(f"the type '{echo.short(kind)}'")
    self.dtype = kind

  def __setstate__(self, state: tuple[Any, ...]) -> None:
    if state[2:5] != (None, None, None):
      raise _ForbiddenError("a type with fields")
    self.dtype = self.dtype.newbyteorder(state[1])


class _Array(_Placeholder):
  """Stands for an array: version, shape, type, order and bytes."""

  __slots__ = ()


class _Buffer(_Placeholder):
  """Stands for an array whose bytes come first (protocol 5)."""

  __slots__ = ()


class _Scalar(_Placeholder):
  """Stands for one number: type and bytes."""

  __slots__ = ()


class _Encoded(_Placeholder):
  """Stands for bytes that an old protocol wrote as text."""

  __slots__ = ()


class _NoBytes(_Placeholder):
  """Stands for no bytes at all, as old protocols write them."""

  __slots__ = ()


class _Unwrapped:
  """Puts values in the place of what stood for them, each once."""

  def __init__(self):
    self._known: dict[int, Any] = {}
    self._kept: list[Any] = []  # So that no identity is given twice.
    self._bytes = 0
    self._items: dict[int, int] = {}

  def of(self, value: Any, depth: int = 0) -> Any:
    """The value with its arrays; containers are copied."""
    if id(value) in self._known:
      return self._known[id(value)]
    if depth > _DEEPEST:
      raise ValueError(f"is nested more than {_DEEPEST} deep")
    found = self._made(value, depth)
    if isinstance(found, (np.ndarray, str, bytes)):
      size = found.size if isinstance(found, np.ndarray) else len(found)
      self._items[id(value)] = max(1, size)
    self._known[id(value)] = found
    self._kept.append(value)
    return found

  def _made(self, value: Any, depth: int) -> Any:
    if isinstance(value, dict):
      items = {k: self.of(v, depth + 1) for k, v in value.items()}
      self._count(value, value.values())
      return items
    if isinstance(value, (list, tuple)):
      items = [self.of(item, depth + 1) for item in value]
      self._count(value, value)
      return items if isinstance(value, list) else tuple(items)
    match value:
      case _Array(state=(*_, shape, kind, is_fortran, content)):
        return self._array(content, kind, shape, "F" if is_fortran else "C")
      case _Buffer(state=(content, kind, shape, order)):
        return self._array(content, kind, shape, "F" if order == "F" else "C")
      case _Scalar(state=(kind, content)):
        return self._array(content, kind, (), "C")[()]
      case _Encoded(state=(str(text), "latin1")):
        self._take(len(text))
        return text.encode("latin1")
      case _Encoded(state=(_, encoding)):
        raise _ForbiddenError(f"the encoding '{encoding}'")
      case _NoBytes(state=()):
        return b""
      case _Placeholder():
        raise ValueError(f"a {type(value).__name__[1:]} that is not complete")
    return value

  def _array(
    self, content: Any, kind: _Kind, shape: Any, order: Any
  ) -> np.ndarray:
    """An array of bytes, with as many of them as it says."""
    content = self.of(content)
    if isinstance(content, str):
      self._take(len(content))
      content = content.encode("latin1")
    if math.prod(shape) * kind.dtype.itemsize != len(content):
      raise ValueError(f"an array of {shape} in {len(content)} bytes")
    self._take(len(content))
    array = np.frombuffer(bytearray(content), kind.dtype)
    return array.reshape(shape, order=order)

  def _take(self, size: int) -> None:
    """Counts bytes that are made of the file's."""
    self._bytes += size
    if self._bytes > _MOST_BYTES:
      raise ValueError(f"holds over {_MOST_BYTES} bytes")

  def _count(self, value: Any, items: Iterable[Any]) -> None:
    """Counts what is in a container, again wherever it is named again."""
    total = 1 + sum(self._items.get(id(item), 1) for item in items)
    if total > _MOST_ITEMS:
      raise ValueError(f"holds over {_MOST_ITEMS} items")
    self._items[id(value)] = total


_ALLOWED: dict[tuple[str, str], Any] = {
  ("numpy._core.multiarray", "_reconstruct"): _Array,
  ("numpy._core.multiarray", "scalar"): _Scalar,
  ("numpy._core.numeric", "_frombuffer"): _Buffer,
  ("numpy", "ndarray"): "ndarray",  # Named, never called.
  ("numpy", "dtype"): _Kind,
  ("_codecs", "encode"): _Encoded,
  ("builtins", "bytes"): _NoBytes,
  ("__builtin__", "bytes"): _NoBytes,
}
