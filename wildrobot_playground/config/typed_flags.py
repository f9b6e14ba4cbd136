"""Flags of texts, of numbers between two ends, and of lists of either.

Switches and choices are absl's own `BooleanFlag` and `EnumFlag`.
"""

from typing import Any

from absl import flags

from wildrobot_playground.config import overrides, ranges


def text(name: str, what: str, default: str | None = None) -> flags.Flag:
  """A flag that may be any text."""
  return flags.Flag(flags.ArgumentParser(), None, name, default, what)


def texts(name: str, what: str) -> flags.Flag:
  """A flag that may be given several times."""
  return flags.MultiFlag(flags.ArgumentParser(), None, name, [], what)


def number(
  name: str, what: str, may_be: ranges.Number, default: float | None = None
) -> flags.Flag:
  """A flag that is a number."""
  return flags.Flag(_Number(may_be), None, name, default, what)


def numbers(
  name: str,
  what: str,
  may_be: ranges.Number | ranges.Rising,
  default: tuple[float, ...] | None = None,
) -> flags.Flag:
  """A flag that is several numbers: each in bounds, or together a range."""
  return flags.Flag(_Numbers(may_be), None, name, default, what)


def read(typed: str, may_be: ranges.Number) -> Any:
  """A number as it is typed.

  Raises:
    ValueError: for what it may not be.
  """
  value = overrides.parse(typed, may_be.like)
  if not may_be.fits(value):
    raise ValueError(f"expected {may_be.said}")
  return value


class _Number(flags.ArgumentParser):
  """Reads a number; a default is one already."""

  def __init__(self, may_be: ranges.Number) -> None:
    self._may_be = may_be
    self.syntactic_help = may_be.said

  def parse(self, argument: Any) -> Any:
    is_read = not isinstance(argument, str)
    return argument if is_read else read(argument, self._may_be)


class _Numbers(flags.BaseListParser):
  """Reads numbers with commas; a default is a tuple already."""

  def __init__(self, may_be: ranges.Number | ranges.Rising) -> None:
    super().__init__(",", "comma")
    self._may_be = may_be

  def parse(self, argument: Any) -> Any:
    if not isinstance(argument, str):
      return argument
    typed = argument.split(",")
    if isinstance(self._may_be, ranges.Number):
      return tuple(read(text, self._may_be) for text in typed)
    found = tuple(overrides.parse(text, 0.0) for text in typed)
    if not self._may_be.fits(found):
      raise ValueError(f"expected {self._may_be.said}")
    return found
