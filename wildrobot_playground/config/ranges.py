"""What a value may be: kinds of ranges, each in words and as a test."""

import dataclasses
import math
import numbers
from typing import Any

from wildrobot_playground.system import echo

_MOST_LAYERS, _WIDEST_LAYER = 16, 16_384


@dataclasses.dataclass(frozen=True)
class Number:
  """A finite number between two ends.

  Attributes:
    low: the least.
    high: the most.
    unit: of both.
    below: whether `high` itself is too much.
    note: what else is to be known.
    like: a value of this type.
  """

  low: float
  high: float
  unit: str = ""
  below: bool = False
  note: str = ""
  like: Any = 0.0

  @property
  def said(self) -> str:
    """What is expected, in words."""
    to = "to below" if self.below else "to"
    unit = f" {self.unit}" if self.unit else ""
    note = f" ({self.note})" if self.note else ""
    return (
      f"a number from {_plain(self.low)} {to} {_plain(self.high)}{unit}{note}"
    )

  def fits(self, value: Any) -> bool:
    """Whether a key may have this value."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
      return False
    number: Any = value
    if not self.low <= number <= self.high:  # So is every NaN.
      return False
    return not (self.below and value == self.high)


@dataclasses.dataclass(frozen=True)
class Whole(Number):
  """A whole number between two ends, both included."""

  like: Any = 0

  @property
  def said(self) -> str:
    """What is expected, in words."""
    return super().said.replace("a number", "a whole number")

  def fits(self, value: Any) -> bool:
    """Whether a key may have this value."""
    return isinstance(value, numbers.Integral) and super().fits(value)


@dataclasses.dataclass(frozen=True)
class Rising:
  """A range: two values that do not fall, each of them in bounds.

  Attributes:
    of: what both ends must be.
  """

  of: Number

  @property
  def like(self) -> Any:
    """A value of this type."""
    return (self.of.like, self.of.like)

  @property
  def said(self) -> str:
    """What is expected, in words."""
    kind = "whole numbers" if isinstance(self.of, Whole) else "numbers"
    ends = self.of.said.partition(" from ")[2]
    return f"two {kind} (low, high) that do not fall, from {ends}"

  def fits(self, value: Any) -> bool:
    """Whether a key may have this value."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
      return False
    return all(map(self.of.fits, value)) and value[0] <= value[1]


@dataclasses.dataclass(frozen=True)
class Layers:
  """Widths of hidden layers."""

  like: Any = (0,)

  @property
  def said(self) -> str:
    """What is expected, in words."""
    return (
      f"a list of 1 to {_MOST_LAYERS} whole numbers from 1 to"
      f" {_plain(_WIDEST_LAYER)}"
    )

  def fits(self, value: Any) -> bool:
    """Whether a key may have this value."""
    if not isinstance(value, (tuple, list)):
      return False
    width = Whole(1, _WIDEST_LAYER)
    return 1 <= len(value) <= _MOST_LAYERS and all(map(width.fits, value))


@dataclasses.dataclass(frozen=True)
class Choice:
  """One of some words.

  Attributes:
    words: all of them.
  """

  words: tuple[str, ...]
  like: Any = ""

  @property
  def said(self) -> str:
    """What is expected, in words."""
    return f"one of {', '.join(self.words)}"

  def fits(self, value: Any) -> bool:
    """Whether a key may have this value."""
    return isinstance(value, str) and value in self.words


@dataclasses.dataclass(frozen=True)
class Text:
  """A printable line."""

  said: str = "a printable line, or nothing"
  like: Any = ""

  def fits(self, value: Any) -> bool:
    """Whether a key may have this value."""
    return isinstance(value, str) and value.isprintable()


@dataclasses.dataclass(frozen=True)
class Switch:
  """On or off."""

  said: str = "true or false"
  like: Any = False

  def fits(self, value: Any) -> bool:
    """Whether a key may have this value."""
    return isinstance(value, bool)


@dataclasses.dataclass(frozen=True)
class Finite:
  """Anything without an infinity or a NaN: for keys that are not ours."""

  said: str = "finite"
  like: Any = None

  def fits(self, value: Any) -> bool:
    """Whether a key may have this value."""
    if isinstance(value, (tuple, list)):
      return all(map(self.fits, value))
    return not isinstance(value, numbers.Real) or math.isfinite(value)


@dataclasses.dataclass(frozen=True)
class Maybe:
  """A value, or none: the default of what is off until it is given.

  Attributes:
    of: what it must be when it is given.
  """

  of: Number | Choice

  @property
  def like(self) -> Any:
    """A value of this type."""
    return self.of.like

  @property
  def said(self) -> str:
    """What is expected, in words."""
    return f"{self.of.said}, or left out"

  def fits(self, value: Any) -> bool:
    """Whether a key may have this value."""
    return value is None or self.of.fits(value)


Range = Number | Rising | Layers | Choice | Text | Switch | Maybe | Finite


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
  """Dotted keys of all leaves of nested mappings to their values."""
  leaves: dict[str, Any] = {}
  for key, value in config.items():
    if hasattr(value, "items"):
      leaves |= flatten(value, f"{prefix}{key}.")
    else:
      leaves[f"{prefix}{key}"] = value
  return leaves


def coerce(value: Any, like: Any) -> Any:
  """A value as read from JSON, in the type of the present one.

  Lists become tuples, and whole numbers numbers.

  Raises:
    ValueError: for a value of another type.
  """
  if isinstance(like, tuple) and isinstance(value, (tuple, list)):
    example = like[0] if like else None
    return tuple(coerce(v, example) for v in value)
  if type(like) is float and type(value) is int and abs(value) < 2**1000:
    return float(value)
  if like is None or type(value) is type(like):
    return value
  raise ValueError(f"{show(value)}; it must be {describe(like)}")


def describe(value: Any) -> str:
  """The type of a value, in words."""
  if isinstance(value, tuple):
    return "a list of numbers"
  return {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a word",
  }.get(type(value), type(value).__name__)


def show(value: Any) -> str:
  """A value in one line that fits the screen."""
  try:
    text = repr(value)
  except ValueError:  # Python prints no whole numbers of 4,300 digits.
    return f"a number of {value.bit_length():,} bits"
  return echo.short(text)


def _plain(number: float) -> str:
  """A number without an exponent where it is whole."""
  if abs(number) < 1e15 and number == int(number):
    return f"{int(number):,}"
  return f"{number:g}"
