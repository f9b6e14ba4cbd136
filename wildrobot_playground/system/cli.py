"""What the command lines share: process set-up, one-line errors, next steps."""

import difflib
import io
import os
import pathlib
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Sequence

from absl import flags

from wildrobot_playground.system import (
  echo,
  errors,
  mujoco_warnings,
  off_screen,
  stopping,
)

_MOST_LISTED = 20  # names


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
    # And what a name's bytes are no text for is spelt, as on standard error.
    kept = sys.stdout.errors
    sys.stdout.reconfigure(
      line_buffering=True,
      errors="backslashreplace" if kept == "strict" else kept,
    )


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
  except (errors.UsageError, errors.RunFailedError, flags.Error) as error:
    print(f"error: {echo.line(error)}", file=sys.stderr)
    return 1 if isinstance(error, errors.RunFailedError) else 2


def say_next(*steps: Sequence[str]) -> None:
  """Prints what to do next, each as it can be typed here.

  Args:
    steps: `("open", path)`, or a program of the package and its arguments.
  """
  for i, (program, *arguments) in enumerate(steps):
    words = [program, *arguments]
    if program != "open":
      words = [_python(), "-m", f"wildrobot_playground.{program}", *arguments]
    typed = " ".join(map(_typed, words))
    print(f"{'next' if i == 0 else '':<8} {typed}")


def _typed(word: str) -> str:
  """A word as it is typed in a shell, whatever bytes a name consists of."""
  if word.isprintable():
    return shlex.quote(word)
  escaped = "".join(
    chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}"
    for byte in os.fsencode(word)
  )
  return f"$'{escaped}'"


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
    raise errors.UsageError(
      f"unknown {what} '{echo.short(name)}'; {nearest(name, known)}"
    )
  return name
