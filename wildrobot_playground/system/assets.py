"""Where the data folders are: in a wheel, or in a checkout."""

import os
import pathlib

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
_POLICY_FILE = "policy.onnx"


def _folder(name: str) -> pathlib.Path:
  """A data folder: inside the installed package, or beside it in a checkout."""
  for root in (_PACKAGE, _PACKAGE.parent):
    if (root / name).is_dir():
      return root / name
  raise FileNotFoundError(
    f"the data folder '{name}' is neither in {_PACKAGE} nor in"
    f" {_PACKAGE.parent}; reinstall wildrobot-playground"
  )


def xmls() -> pathlib.Path:
  """The folder of the MJCF files."""
  return _folder("xmls")


def reference(robot: str = "wildrobot") -> pathlib.Path:
  """The folder of a robot's shipped clips and dataset, where there are any.

  WildRobot's are at the top, those of others in folders of their names.
  """
  top = _folder("reference")
  return top if robot == "wildrobot" else top / robot


def made_reference(robot: str) -> pathlib.Path:
  """The folder of a reference that is made here, of a robot without its own.

  In the user's cache: `$XDG_CACHE_HOME`, or `~/.cache`.
  """
  cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
  return pathlib.Path(cache) / "wildrobot_playground" / "reference" / robot


def policies() -> pathlib.Path:
  """The folder of the shipped policies, one a folder."""
  return _folder("policies")


def find_policy(name: str) -> pathlib.Path:
  """The folder of a shipped policy by its name; any other name is a path.

  So are `.`, `..` and whatever else leads into the folder of the policies.
  """
  shipped = {
    path.name: path
    for path in policies().iterdir()
    if (path / _POLICY_FILE).is_file()
  }
  return shipped.get(name, pathlib.Path(name))
