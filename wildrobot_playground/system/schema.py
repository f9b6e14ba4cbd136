"""What the arrays of a file must be: one table a format, one check for all."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from wildrobot_playground.system import echo

_KINDS = {"number": "fiu", "whole": "iu", "text": "U", "flag": "b"}
_NAMES = {
  "number": "numbers",
  "whole": "whole numbers",
  "text": "text",
  "flag": "true or false",
}


@dataclasses.dataclass(frozen=True)
class Field:
  """What an array must be.

  Attributes:
    kind: `number`, `whole`, `text` or `flag`.
    shape: of the array; a size that has a letter is the same wherever the
      letter is, and the first array with it says how large.
    low: smallest number.
    high: largest number; of text, the most characters of one entry.
  """

  kind: str
  shape: tuple[int | str, ...] = ()
  low: float = -np.inf
  high: float = np.inf


def check(
  arrays: Mapping[str, Any],
  fields: Mapping[str, Field],
  where: str,
  error: type[ValueError],
  remedy: str,
) -> None:
  """Raises `error`, in one line, for the first array that is not as its field.

  Args:
    arrays: by name; those of the fields must be there.
    fields: by the arrays' names.
    where: name of the file.
    error: what to raise.
    remedy: what to do.
  """
  sizes: dict[str, int] = {}
  for name, field in fields.items():
    problem = _problem(np.asarray(arrays[name]), field, sizes)
    if problem:
      raise error(f"{where}: {name} {problem}; {remedy}")


def _problem(
  array: np.ndarray, field: Field, sizes: dict[str, int]
) -> str | None:
  """What an array is and should not be, or None."""
  if len(array.shape) == len(field.shape):
    for size, letter in zip(array.shape, field.shape, strict=True):
      if isinstance(letter, str):
        sizes.setdefault(letter, size)
  expected = tuple(
    sizes.get(n, n) if isinstance(n, str) else n for n in field.shape
  )
  if array.shape != expected:
    shown = (
      f"({', '.join(map(str, expected))}{',' if len(expected) == 1 else ''})"
    )
    return f"is {array.shape}, expected {shown}"
  if array.dtype.kind not in _KINDS[field.kind]:
    return f"holds no {_NAMES[field.kind]} but {echo.short(array.dtype)}"
  if field.kind == "text":
    return _problem_of_text(array, field)
  if field.kind == "flag" or not array.size:
    return None
  return _problem_of_numbers(array, field)


def _problem_of_text(array: np.ndarray, field: Field) -> str | None:
  for text in map(str, array.ravel()):
    if len(text) > field.high or not text.isprintable():
      return (
        f"has '{echo.short(text)}', expected at most {field.high:g} characters"
        " that can be printed"
      )
  return None


def _problem_of_numbers(array: np.ndarray, field: Field) -> str | None:
  """A number that is not finite, or outside of its range, and where it is."""
  if not np.all(np.isfinite(array)):
    bad = _at(~np.isfinite(array))
    return f"has values that are not finite{bad}"
  wrong = (array < field.low) | (array > field.high)
  if not np.any(wrong):
    return None
  value = array[tuple(np.argwhere(wrong)[0])]
  limits = f"{field.low:g} to {field.high:g}"
  if not array.ndim:
    return f"is {value}, expected {limits}"
  return f"has {value:g}{_at(wrong)}, expected {limits}"


def _at(flags: np.ndarray) -> str:
  """Where the first of the flags is set, in words."""
  place = np.argwhere(flags)[0].tolist()
  return f" (at {place})" if place else ""


def read_json(text: str | bytes) -> Any:
  """JSON from outside.

  Raises:
    ValueError: for text that is none, or is nested too deeply to be read.
  """
  try:
    return json.loads(text)
  except RecursionError:
    raise ValueError("is nested too deeply") from None
