"""What the command lines share: process set-up, one-line errors, next steps."""

import difflib
import os
import pathlib
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from absl import flags

from wildrobot_playground.system import (
  echo,
  errors,
  mujoco_warnings,
  off_screen,
  output,
  stopping,
)

_MOST_LISTED = 20  # names
_READER_LEFT = 128 + 13  # SIGPIPE, by which other programs end then.


def prepare_process() -> None:
  """Sets what must be set before jax and MuJoCo are imported.

  A persistent compile cache (`JAX_COMPILATION_CACHE_DIR` moves it), off-screen
  rendering where it works, XLA's chatter about cached code off the screen, and
  MuJoCo's warnings on it.

  Raises:
    UsageError: for a MUJOCO_GL with which MuJoCo cannot be imported.
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
  main: Callable[[Sequence[str]], int | None], needs_reader: bool = True
) -> NoReturn:
  """Runs a command line's `main` and exits with its code; see `end_with`.

  Args:
    main: takes the arguments that are no flags; overrides are among them.
    needs_reader: whether it ends when nobody reads what it prints any more.
  """
  end_with(lambda: _run(main, needs_reader))


def end_with(work: Callable[[], int | None]) -> NoReturn:
  """Does a process's work and exits with its code.

  Usage errors, its own or a flag's, end in one line on standard error and exit
  code 2; work that fails, in exit code 1; SIGINT and SIGTERM, in one word and
  128 + signal, unless `work` answers them; output whose reader has gone, in the
  silence of Unix and 141.
  """
  output.prepare()
  stopping.from_here()
  try:
    prepare_process()
    code = work()
    output.flush()
  except (errors.UsageError, errors.RunFailedError, flags.Error) as error:
    print(f"error: {echo.line(error)}", file=sys.stderr)
    code = 1 if isinstance(error, errors.RunFailedError) else 2
  except output.LostError as error:
    code = _READER_LEFT
    if not error.reader_left:
      print(f"error: {error}", file=sys.stderr)
      code = 1
  sys.exit(code)


def _run(
  main: Callable[[Sequence[str]], int | None], needs_reader: bool
) -> int | None:
  """The exit code of a command line; see `run`."""
  if {"--help", "-h"} & set(sys.argv[1:]):
    documentation = sys.modules["__main__"].__doc__ or ""
    print(f"{documentation.strip()}\n{flags.FLAGS.main_module_help()}")
    return 0
  if not needs_reader:
    output.go_on_without()
  rest = flags.FLAGS(sys.argv, known_only=True)
  _refuse_empty()
  return main(rest[1:])


def file_to_write(
  flag: str, value: str | None, endings: Sequence[str] = ()
) -> pathlib.Path | None:
  """The path in a flag, or None: refused before there is anything to write.

  Args:
    flag: its name.
    value: as typed.
    endings: what its name may end in, in small letters; anything when empty.

  Raises:
    UsageError: for what can be no such file.
  """
  if not value:
    return None
  path = pathlib.Path(value)
  said = f"--{flag}={echo.short(value)}"
  if not path.parent.is_dir():
    raise errors.UsageError(f"{said}: {path.parent} is no folder")
  if path.is_dir():
    raise errors.UsageError(f"{said} is a folder; give a file")
  if endings and path.suffix.lower() not in endings:
    raise errors.UsageError(
      f"{said}: expected a name that ends in {' or '.join(endings)}"
    )
  there = path if path.exists() else path.parent
  if not os.access(there, os.W_OK):
    raise errors.UsageError(f"{said}: {there} cannot be written to")
  return path


def _refuse_empty() -> None:
  """Refuses `--flag=`, as of a shell's variable that is not set.

  Taken as it is, it would mean the default, or this folder.

  Raises:
    UsageError: naming the flag.
  """
  for name in flags.FLAGS:
    flag = flags.FLAGS[name]
    if flag.present and flag.value == "" and flag.default != "":
      raise errors.UsageError(
        f"--{name}= is empty; give it a value, or leave it out"
      )


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
