"""Versions of the dependencies, and the pairs that are known not to work.

Imports none of them, so that it can still speak when they cannot be imported.
"""

import re
from collections.abc import Mapping
from importlib import metadata

from wildrobot_playground.runs.doctor.finding import FAIL, OK, Finding

PACKAGES = ("jax", "brax", "mujoco", "mujoco-mjx", "playground", "flax")
_REINSTALL = "install wildrobot-playground again with its own dependencies"


def installed() -> dict[str, str | None]:
  """Version of each of `PACKAGES`; None when it is not installed."""
  found: dict[str, str | None] = {}
  for name in PACKAGES:
    try:
      found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
      found[name] = None
  return found


def check(found: Mapping[str, str | None]) -> list[Finding]:
  """Judges versions, see `installed`; one finding a problem, or one for all."""
  problems = _missing(found) or _bad_pairs(found)
  if problems:
    return problems
  said = ", ".join(f"{name} {version}" for name, version in found.items())
  return [Finding("versions", OK, said)]


def _missing(found: Mapping[str, str | None]) -> list[Finding]:
  missing = [name for name in PACKAGES if found.get(name) is None]
  if not missing:
    return []
  return [
    Finding(
      "versions", FAIL, f"not installed: {', '.join(missing)}", _REINSTALL
    )
  ]


def _bad_pairs(found: Mapping[str, str | None]) -> list[Finding]:
  """The pairs that are known to fail, each with its cure."""
  version = {name: text or "" for name, text in found.items()}
  problems = []
  if _numbers(version["jax"]) >= (0, 10) and version["brax"] == "0.14.2":
    problems.append(
      Finding(
        "versions",
        FAIL,
        f"brax 0.14.2 needs jax before 0.10, found jax {version['jax']}",
        "pip install 'jax<0.10'",
      )
    )
  if version["mujoco"] != version["mujoco-mjx"]:
    problems.append(
      Finding(
        "versions",
        FAIL,
        f"mujoco {version['mujoco']} and mujoco-mjx {version['mujoco-mjx']}"
        " are no pair",
        f"pip install mujoco-mjx=={version['mujoco']}, or the mujoco of your"
        " mujoco-mjx",
      )
    )
  if not (0, 2) <= _numbers(version["playground"]) < (0, 3):
    problems.append(
      Finding(
        "versions",
        FAIL,
        f"playground {version['playground']} is outside 0.2",
        "pip install 'playground>=0.2,<0.3'",
      )
    )
  return problems


def _numbers(version: str) -> tuple[int, ...]:
  """The first two numbers of a version."""
  return tuple(int(text) for text in re.findall(r"\d+", version)[:2])
