"""`config.json` of a run folder: what it must look like, and how it is read."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

from wildrobot_playground.config import overrides, ranges
from wildrobot_playground.system import cli, echo, errors, reading

FILE = "config.json"
SECTIONS = overrides.SECTIONS
_WORD, _MAYBE_WORD, _TABLE = (str,), (str, type(None)), (dict,)
# Every key that this package reads; which of them a reader needs, it says.
_KINDS: dict[str, tuple[type, ...]] = {
  "env": _WORD,
  "robot": _MAYBE_WORD,
  "preset": _WORD,
  "seed": (int,),
  "reference": _MAYBE_WORD,
  "domain_randomization": (bool,),
  "init_from": _MAYBE_WORD,
  "start_clips_sha256": _MAYBE_WORD,
  **dict.fromkeys(SECTIONS, _TABLE),
  "command": (list,),
  "versions": _TABLE,
}
_NAMES = {
  str: "a word",
  int: "a whole number",
  bool: "true or false",
  dict: "a table of keys",
  list: "a list",
  type(None): "null",
}

Where = str | os.PathLike[str]


class ConfigFileError(errors.UsageError):
  """A `config.json` that cannot be used; one line says why."""


def load(path: pathlib.Path) -> dict[str, Any]:
  """Reads a `config.json`.

  Raises:
    FileNotFoundError: when there is none.
    ConfigFileError: when it cannot be read or is no configuration.
  """
  try:
    config = json.loads(reading.text(path))
  except FileNotFoundError:
    raise
  except (OSError, ValueError, RecursionError) as error:
    raise ConfigFileError(f"cannot read {path}: {error}") from None
  check(config, path)
  try:
    config_dict.ConfigDict(config)
  except Exception as error:  # A name may be any of what Python forbids.
    raise ConfigFileError(
      f"{path} holds no configuration: {_first_line(error)}"
    ) from None
  return config


def check(config: Any, where: Where = FILE) -> None:
  """Checks the types of what a configuration holds.

  Args:
    config: what `config.json` holds.
    where: its path, for the error.

  Raises:
    ConfigFileError: naming the key.
  """
  if not isinstance(config, Mapping):
    raise ConfigFileError(
      f"{where} holds no configuration: it is {ranges.show(config)}, expected"
      " a table of keys"
    )
  for name, kinds in _KINDS.items():
    # JSON's true is no number, though Python's is.
    if name in config and type(config[name]) not in kinds:
      wanted = " or ".join(_NAMES[kind] for kind in kinds)
      raise ConfigFileError(
        f"{where}: {name} is {ranges.show(config[name])}; it must be {wanted}"
      )


def require(config: Mapping[str, Any], where: Where, *names: str) -> None:
  """Checks that a configuration has the keys that a reader needs.

  Raises:
    ConfigFileError: naming the first that is missing.
  """
  for name in names:
    if name not in config:
      raise ConfigFileError(f"{where} holds no {name}")


def fill(
  section: config_dict.ConfigDict,
  saved: Mapping[str, Any],
  name: str,
  where: Where,
) -> None:
  """Writes a saved section over the defaults; what it lacks stays.

  Args:
    section: the defaults; changed in place.
    saved: a whole `config.json`.
    name: of the section.
    where: path of the file, for the error.

  Raises:
    ConfigFileError: for a section that is missing, or a key that is unknown or
      of another type.
  """
  require(saved, where, name)
  known, values = ranges.flatten(section), {}
  for key, value in ranges.flatten(saved[name]).items():
    full = echo.short(f"{name}.{key}")
    if key not in known:
      raise ConfigFileError(
        f"{where}: unknown key '{full}'; {cli.nearest(key, known)}"
      )
    try:
      values[key] = ranges.coerce(value, known[key])
    except ValueError as error:
      raise ConfigFileError(f"{where}: {full} is {error}") from error
  section.update_from_flattened_dict(values)


def _first_line(error: Exception) -> str:
  lines = str(error).strip().splitlines()
  return f"{type(error).__name__} {lines[0][:200]}" if lines else repr(error)
