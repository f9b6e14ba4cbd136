"""Settings typed as `--section.key=value`: read, checked and applied."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from absl import flags
from ml_collections import config_dict

from wildrobot_playground.config import key_ranges, ranges
from wildrobot_playground.system import cli, echo, errors

SECTIONS = ("ppo", "amp", "env_config")  # Of a run's configuration.
_LONGEST_VALUE = 1000  # characters


def apply_overrides(
  sections: Mapping[str, config_dict.ConfigDict], arguments: Sequence[str]
) -> list[str]:
  """Applies `--section.key=value` arguments to the sections' configs.

  Args:
    sections: name to config; changed in place.
    arguments: what the flags left over.

  Returns:
    The full keys that were overridden.

  Raises:
    UsageError: for anything that is not such an argument, an unknown key (with
      the nearest ones) or a value of the wrong type.
  """
  keys = []
  for argument in arguments:
    section, key, text = _read(argument, sections)
    _set(sections[section], section, key, text)
    keys.append(f"{section}.{key}")
  return keys


def check_early(
  values: Mapping[str, Any], arguments: Sequence[str], ours: bool
) -> None:
  """Refuses what can be refused before jax is imported, which takes seconds.

  Args:
    values: full keys to values; None for what was not given.
    arguments: what the flags left over; keys that are in no table, and values
      of another type, stay for `apply_overrides`.
    ours: whether `env_config` is of one of our environments.

  Raises:
    UsageError: naming the argument, or the key, its value and its range.
  """
  found = [
    (*name.rpartition(".")[::2], value) for name, value in values.items()
  ]
  for argument in arguments:
    section, key, text = _read(argument, SECTIONS)
    like = key_ranges.find(section, key).like
    found.append((section, key, None if like is None else parse(text, like)))
  try:
    for section, key, value in found:
      if value is not None:
        known = ours or section != "env_config"
        key_ranges.check(section, {key: value}, known)
  except key_ranges.RangeError as error:
    raise errors.UsageError(str(error)) from error


def _read(argument: str, sections: Iterable[str]) -> tuple[str, str, str]:
  """Section, key and text of `--section.key=text`; refuses what is none."""
  name, equals, text = argument.lstrip("-").partition("=")
  section, _, key = name.partition(".")
  if not argument.startswith("--") or not equals or not key:
    raise errors.UsageError(_unknown_argument(argument, sections))
  cli.choose("section of", section, sections)
  return section, key, text


def _unknown_argument(argument: str, sections: Iterable[str]) -> str:
  name = argument.lstrip("-").partition("=")[0]
  if argument.startswith("--") and "." not in name:
    return cli.unknown_flag(name, flags.FLAGS)
  forms = " or ".join(f"--{section}.key=value" for section in sections)
  shown = echo.short(argument)
  return f"cannot read the argument '{shown}'; write {forms}"


def _set(
  config: config_dict.ConfigDict, section: str, key: str, text: str
) -> None:
  """Sets one key of a config from text, with the type of its present value."""
  known = ranges.flatten(config)
  if key not in known:
    shown = echo.short(f"{section}.{key}")
    raise errors.UsageError(f"unknown key '{shown}'; {cli.nearest(key, known)}")
  like, example = known[key], repr(known[key])
  if like is None:  # Off until it is given.
    like, example = key_ranges.find(section, key).like, ""
  value = parse(text, like)
  if value is None:
    example = example and f", like {example}"
    raise errors.UsageError(
      f"{section}.{key}={echo.short(text)}: expected"
      f" {ranges.describe(like)}{example}"
    )
  config.update_from_flattened_dict({key: value})


def parse(text: str, like: Any) -> Any:
  """Reads `text` as a value of the type of `like`; None if it is not one."""
  if isinstance(like, str):
    return text
  if isinstance(like, bool):
    return {"true": True, "false": False, "1": True, "0": False}.get(
      text.lower()
    )
  if len(text) > _LONGEST_VALUE:  # Nested deeply, Python's parser gives up.
    return None
  try:
    value = ast.literal_eval(text)
    if isinstance(like, tuple):
      return _read_tuple(value, like)
    return _read_number(value, like)
  except (ValueError, SyntaxError, MemoryError, RecursionError, OverflowError):
    return None


def _read_tuple(value: Any, like: tuple[Any, ...]) -> tuple[Any, ...] | None:
  """A list of numbers of the type of the first of `like`."""
  if not isinstance(value, (tuple, list)) or not value or not like:
    return None
  read = tuple(_read_number(v, like[0]) for v in value)
  return None if None in read else read


def _read_number(value: Any, like: Any) -> int | float | None:
  """A number of the type of `like`."""
  if isinstance(value, bool) or not isinstance(value, (int, float)):
    return None
  if isinstance(like, float):
    return float(value)
  return int(value) if isinstance(like, int) and value == int(value) else None
