"""The `config.json` of a run that goes on: what it says, or what is wrong."""

from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

from wildrobot_playground import cli, ranges

_OPTIONAL_TEXT = (str, type(None))
_PLAIN: dict[str, tuple[type, ...]] = {
  "env": (str,),
  "preset": (str,),
  "seed": (int,),
  "reference": _OPTIONAL_TEXT,
  "domain_randomization": (bool,),
  "init_from": _OPTIONAL_TEXT,
}
_SECTIONS = ("ppo", "amp", "env_config")


def check(saved: Any, where: str) -> dict[str, Any]:
  """A configuration whose sections and plain keys are of their types.

  Args:
    saved: what `config.json` holds.
    where: its run folder, for the error.

  Raises:
    cli.UsageError: naming the file and the key.
  """
  file = f"{where}/config.json"
  if not isinstance(saved, Mapping):
    raise cli.UsageError(
      f"{file} is {ranges.show(saved)}; it must be a configuration"
    )
  for name in _SECTIONS:
    if not isinstance(saved.get(name), Mapping):
      raise cli.UsageError(
        f"{file}: {name} is {ranges.show(saved.get(name))}; it must be a table"
        " of keys"
      )
  for name, types in _PLAIN.items():
    value = saved.get(name)
    strange = isinstance(value, bool) and bool not in types
    if name in saved and (strange or not isinstance(value, types)):
      raise cli.UsageError(
        f"{file}: {name} is {ranges.show(value)}; it must be"
        f" {ranges.describe(types[0]())}"
      )
  return {**saved, "file": file}


def restore(
  name: str, section: config_dict.ConfigDict, saved: Mapping[str, Any]
) -> None:
  """Writes a saved section over the defaults; what it lacks stays.

  Args:
    name: of the section.
    section: the defaults; changed in place.
    saved: as `check` returns it.

  Raises:
    cli.UsageError: naming a key that is unknown or of another type.
  """
  known = ranges.flatten(section)
  values = {}
  for key, value in ranges.flatten(saved[name]).items():
    full = ranges.shorten(f"{name}.{key}")
    if key not in known:
      raise cli.UsageError(
        f"{saved['file']}: unknown key '{full}'; {cli.nearest(key, known)}"
      )
    try:
      values[key] = ranges.coerce(value, known[key])
    except ValueError as error:
      raise cli.UsageError(f"{saved['file']}: {full} is {error}") from error
  section.update_from_flattened_dict(values)
