"""What `config.json` of a run folder must look like, and how it is read."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

FILE = "config.json"
SECTIONS = ("ppo", "amp", "env_config")
_WORD, _MAYBE_WORD, _DICTIONARY = (str,), (str, type(None)), (dict,)
# Every key that this package reads; which of them a reader needs, it says.
_KINDS: dict[str, tuple[type, ...]] = {
  "env": _WORD,
  "preset": _WORD,
  "seed": (int,),
  "reference": _MAYBE_WORD,
  "domain_randomization": (bool,),
  "init_from": _MAYBE_WORD,
  "start_clips_sha256": _MAYBE_WORD,
  **dict.fromkeys(SECTIONS, _DICTIONARY),
  "command": (list,),
  "versions": _DICTIONARY,
}
_NAMES = {
  str: "a word",
  int: "a whole number",
  bool: "true or false",
  dict: "a dictionary",
  list: "a list",
  type(None): "null",
}


class ConfigFileError(ValueError):
  """A `config.json` that cannot be used; one line says why."""


def load(path: pathlib.Path) -> dict[str, Any]:
  """Reads a `config.json`.

  Raises:
    FileNotFoundError: when there is none.
    ConfigFileError: when it cannot be read or is no configuration.
  """
  try:
    config = json.loads(path.read_text("utf-8"))
  except FileNotFoundError:
    raise
  except (OSError, ValueError, RecursionError) as error:
    raise ConfigFileError(f"cannot read {path}: {error}") from None
  if not isinstance(config, dict):
    raise ConfigFileError(f"{path} holds no configuration: it is no dictionary")
  for name, kinds in _KINDS.items():
    # JSON's true is no number, though Python's is.
    if name in config and type(config[name]) not in kinds:
      wanted = " or ".join(_NAMES[kind] for kind in kinds)
      raise ConfigFileError(
        f"{path} holds no configuration: {name} is {_shown(config[name])},"
        f" expected {wanted}"
      )
  try:
    config_dict.ConfigDict(config)
  except Exception as error:  # A name may be any of what Python forbids.
    raise ConfigFileError(
      f"{path} holds no configuration: {_first_line(error)}"
    ) from None
  return config


def require(config: Mapping[str, Any], path: pathlib.Path, *names: str) -> None:
  """Checks that a configuration has the keys that a reader needs.

  Raises:
    ConfigFileError: naming the first that is missing.
  """
  for name in names:
    if name not in config:
      raise ConfigFileError(f"{path} holds no {name}")


def fill(
  section: config_dict.ConfigDict, saved: Mapping[str, Any], name: str
) -> None:
  """Takes the values of a saved section over into one with the defaults.

  Args:
    section: with the keys and types of this version; changed in place.
    saved: a whole `config.json`.
    name: of the section.

  Raises:
    ConfigFileError: for a section that is missing or a value of another type.
  """
  if name not in saved:
    raise ConfigFileError(f"{FILE} holds no {name}")
  try:
    found = config_dict.ConfigDict(saved[name])
    _refuse_nulls(section, found, f"{name}.")
    section.update(found)
  except Exception as error:  # ConfigDict raises any kind, of many lines.
    raise ConfigFileError(
      f"{FILE}: {name} cannot be used: {_first_line(error)}"
    ) from None


def _refuse_nulls(
  defaults: config_dict.ConfigDict, found: config_dict.ConfigDict, prefix: str
) -> None:
  """Raises TypeError where null, which fits any type, stands for a value."""
  for key, value in defaults.items():
    if key not in found:
      continue
    if found[key] is None and value is not None:
      raise TypeError(f"{prefix}{key} is null")
    if isinstance(value, config_dict.ConfigDict) and isinstance(
      found[key], config_dict.ConfigDict
    ):
      _refuse_nulls(value, found[key], f"{prefix}{key}.")


def _first_line(error: Exception) -> str:
  lines = str(error).strip().splitlines()
  return f"{type(error).__name__} {lines[0][:200]}" if lines else repr(error)


def _shown(value: Any) -> str:
  text = json.dumps(value)
  return text if len(text) <= 40 else f"{text[:40]}..."
