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

from wildrobot_playground import config_ranges, echo, mujoco_warnings, ranges
from wildrobot_playground.motion import off_screen
from wildrobot_playground.runs import stopping

flatten = ranges.flatten
_LONGEST_VALUE = 1000  # characters
_MOST_LISTED = 20  # names


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
  try:
    if not answers_signals:
      stopping.hand_over()
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
  """A hint for an unknown name: the nearest known ones, or the first."""
  known = list(known)
  near = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.5)
  if near:
    return f"did you mean {' or '.join(near)}?"
  more = len(known) - _MOST_LISTED
  others = f" and {more} others" if more > 0 else ""
  return f"choose one of {', '.join(known[:_MOST_LISTED])}{others}"


def choose(what: str, name: str, known: Iterable[str]) -> str:
  """Returns `name` if it is known.

  Raises:
    UsageError: naming the nearest known ones.
  """
  known = list(known)
  if name not in known:
    raise UsageError(
      f"unknown {what} '{ranges.shorten(name)}'; {nearest(name, known)}"
    )
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
    section, key, text = _split(argument)
    if not key:
      raise UsageError(_unknown_argument(argument, sections))
    choose("section of", section, sections)
    _set(sections[section], section, key, text)
    keys.append(f"{section}.{key}")
  return keys


def check_early(
  values: Mapping[str, Any], arguments: Sequence[str], ours: bool
) -> None:
  """Refuses what `config_ranges` alone can refuse, before jax is imported.

  Args:
    values: full keys to values; None for what was not given.
    arguments: what the flags left over; those that cannot be read stay for
      `apply_overrides`.
    ours: whether `env_config` is of one of our environments.

  Raises:
    UsageError: naming the key, its value and its range.
  """
  found = [
    (*name.rpartition(".")[::2], value) for name, value in values.items()
  ]
  for section, key, text in map(_split, arguments):
    like = config_ranges.find(section, key).like
    found.append((section, key, None if like is None else parse(text, like)))
  try:
    for section, key, value in found:
      if value is not None:
        known = ours or section != "env_config"
        config_ranges.check(section, {key: value}, known)
  except config_ranges.RangeError as error:
    raise UsageError(str(error)) from error


def _split(argument: str) -> tuple[str, str, str]:
  """Section, key and text of `--section.key=text`; no key where it is none."""
  name, equals, text = argument.lstrip("-").partition("=")
  section, _, key = name.partition(".")
  if not argument.startswith("--") or not equals:
    key = ""
  return section, key, text


def _unknown_argument(argument: str, sections: Iterable[str]) -> str:
  name = argument.lstrip("-").partition("=")[0]
  if argument.startswith("--") and "." not in name:
    known = [key for key in flags.FLAGS if len(key) > 1]
    return f"unknown flag '--{ranges.shorten(name)}'; {nearest(name, known)}"
  forms = " or ".join(f"--{section}.key=value" for section in sections)
  shown = ranges.shorten(argument)
  return f"cannot read the argument '{shown}'; write {forms}"


def _set(
  config: config_dict.ConfigDict, section: str, key: str, text: str
) -> None:
  """Sets one key of a config from text, with the type of its present value."""
  known = flatten(config)
  if key not in known:
    shown = ranges.shorten(f"{section}.{key}")
    raise UsageError(f"unknown key '{shown}'; {nearest(key, known)}")
  value = parse(text, known[key])
  if value is None:
    raise UsageError(
      f"{section}.{key}={ranges.shorten(text)}: expected"
      f" {ranges.describe(known[key])}, like {known[key]!r}"
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
