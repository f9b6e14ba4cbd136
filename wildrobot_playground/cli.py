"""What the command lines share: process set-up, one-line errors, overrides."""

import ast
import difflib
import io
import os
import pathlib
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from absl import flags
from ml_collections import config_dict

from wildrobot_playground import echo, mujoco_warnings
from wildrobot_playground.motion import off_screen
from wildrobot_playground.runs import stopping


class UsageError(ValueError):
  """Input that cannot be used; its message is the one line shown."""


class RunFailedError(RuntimeError):
  """Work that was begun and cannot be finished; its message is shown."""


def prepare_process() -> None:
  """Sets what must be set before jax and MuJoCo are imported.

  A persistent compile cache (`JAX_COMPILATION_CACHE_DIR` moves it), off-screen
  rendering where it works, XLA's chatter about cached code off the screen,
  MuJoCo's warnings on it, and output a line at a time.
  """
  defaults = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
  }
  if "JAX_COMPILATION_CACHE_DIR" not in os.environ and (cache := _cache()):
    defaults["JAX_COMPILATION_CACHE_DIR"] = str(cache)
  for name, value in defaults.items():
    os.environ.setdefault(name, value)
  off_screen.prepare()
  mujoco_warnings.take()
  # A log file shall show what has happened, not what fits a buffer.
  if isinstance(sys.stdout, io.TextIOWrapper):
    sys.stdout.reconfigure(line_buffering=True)


def _cache() -> pathlib.Path | None:
  """Where compiled programs are kept; None for who has no home to write to.

  Not a temporary place: others could put programs there.
  """
  try:
    folder = pathlib.Path.home() / ".cache" / "wildrobot_playground" / "jax"
    folder.mkdir(parents=True, exist_ok=True)
  except (OSError, RuntimeError):
    return None
  return folder if os.access(folder, os.W_OK) else None


def run(
  main: Callable[[Sequence[str]], int | None], answers_signals: bool = False
) -> None:
  """Runs a command line's `main` and exits with its code.

  Usage errors, its own or a flag's, end in one line on standard error and exit
  code 2; a run that fails, in exit code 1.

  Args:
    main: takes the arguments that are no flags; overrides are among them.
    answers_signals: whether it goes on answering them as `stopping` does from
      the start; else Ctrl-C and SIGTERM end in one line and 128 + signal.
  """
  if not answers_signals:
    stopping.hand_over()
  try:
    code = _run(main)
  except KeyboardInterrupt as error:
    terminated = isinstance(error, stopping.TerminatedError)
    number = signal.SIGTERM if terminated else signal.SIGINT
    print(stopping.word(number), file=sys.stderr)
    code = 128 + number
  sys.exit(code)


def _run(main: Callable[[Sequence[str]], int | None]) -> int | None:
  """The exit code of a command line; see `run`."""
  prepare_process()
  if {"--help", "-h"} & set(sys.argv[1:]):
    documentation = sys.modules["__main__"].__doc__ or ""
    print(f"{documentation.strip()}\n{flags.FLAGS.main_module_help()}")
    return 0
  try:
    rest = flags.FLAGS(sys.argv, known_only=True)
    return main(rest[1:])
  except (UsageError, RunFailedError, flags.Error) as error:
    print(f"error: {echo.line(error)}", file=sys.stderr)
    return 1 if isinstance(error, RunFailedError) else 2


def say_next(*steps: Sequence[str]) -> None:
  """Prints what to do next, each as it can be typed here.

  Args:
    steps: `("open", path)`, or a program of the package and its arguments.
  """
  for i, (program, *arguments) in enumerate(steps):
    words = [program, *arguments]
    if program != "open":
      words = [_python(), "-m", f"wildrobot_playground.{program}", *arguments]
    print(f"{'next' if i == 0 else '':<8} {shlex.join(words)}")


def _python() -> str:
  """This interpreter, as one types it in this folder."""
  try:
    return str(pathlib.Path(sys.executable).relative_to(pathlib.Path.cwd()))
  except ValueError:
    return "python"


def nearest(name: str, known: Iterable[str]) -> str:
  """A hint for an unknown name: the nearest known ones, or all of them."""
  known = list(known)
  near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
  return (
    f"did you mean {' or '.join(near)}?"
    if near
    else (f"choose one of {', '.join(known)}")
  )


def choose(what: str, name: str, known: Iterable[str]) -> str:
  """Returns `name` if it is known.

  Raises:
    UsageError: naming the nearest known ones.
  """
  known = list(known)
  if name not in known:
    raise UsageError(f"unknown {what} '{name}'; {nearest(name, known)}")
  return name


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
    name, equals, text = argument.lstrip("-").partition("=")
    section, dot, key = name.partition(".")
    if not argument.startswith("--") or not equals or not dot:
      raise UsageError(_unknown_argument(argument, sections))
    choose("section of", section, sections)
    _set(sections[section], section, key, text)
    keys.append(name)
  return keys


def _unknown_argument(argument: str, sections: Iterable[str]) -> str:
  name = argument.lstrip("-").partition("=")[0]
  if argument.startswith("--") and "." not in name:
    known = [key for key in flags.FLAGS if len(key) > 1]
    return f"unknown flag '--{name}'; {nearest(name, known)}"
  forms = " or ".join(f"--{section}.key=value" for section in sections)
  return f"cannot read the argument '{argument}'; write {forms}"


def _set(
  config: config_dict.ConfigDict, section: str, key: str, text: str
) -> None:
  """Sets one key of a config from text, with the type of its present value."""
  known = flatten(config)
  if key not in known:
    raise UsageError(f"unknown key '{section}.{key}'; {nearest(key, known)}")
  value = parse(text, known[key])
  if value is None:
    raise UsageError(
      f"{section}.{key}={text}: expected {_describe(known[key])}, like"
      f" {known[key]!r}"
    )
  config.update_from_flattened_dict({key: value})


def flatten(config: config_dict.ConfigDict, prefix: str = "") -> dict[str, Any]:
  """Dotted keys of all leaves to their values."""
  leaves: dict[str, Any] = {}
  for key, value in config.items():
    if isinstance(value, config_dict.ConfigDict):
      leaves |= flatten(value, f"{prefix}{key}.")
    else:
      leaves[prefix + key] = value
  return leaves


def parse(text: str, like: Any) -> Any:
  """Reads `text` as a value of the type of `like`; None if it is not one."""
  if isinstance(like, str):
    return text
  if isinstance(like, bool):
    return {"true": True, "false": False, "1": True, "0": False}.get(
      text.lower()
    )
  try:
    value = ast.literal_eval(text)
  except (ValueError, SyntaxError):
    return None
  if isinstance(like, tuple) and isinstance(value, (tuple, list)):
    same = all(
      isinstance(v, (int, float) if isinstance(like[0], float) else int)
      for v in value
    )
    return tuple(type(like[0])(v) for v in value) if same and value else None
  if isinstance(value, bool) or not isinstance(value, (int, float)):
    return None
  if isinstance(like, float):
    return float(value)
  return int(value) if isinstance(like, int) and value == int(value) else None


def _describe(value: Any) -> str:
  """The type of a value, in words."""
  if isinstance(value, tuple):
    return "a list of numbers"
  return {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a word",
  }.get(type(value), type(value).__name__)
