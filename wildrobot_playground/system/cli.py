"""What the command lines share: process set-up, one-line errors, next steps."""

import collections
import difflib
import os
import pathlib
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
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
  main: Callable[..., int | None],
  takes_rest: bool = False,
  needs_reader: bool = True,
) -> NoReturn:
  """Runs a command line's `main` and exits with its code; see `end_with`.

  Args:
    main: of the module whose documentation and flags `--help` shows.
    takes_rest: whether it takes the arguments that are no flags of ours, as
      overrides are; without, they are refused.
    needs_reader: whether it ends when nobody reads what it prints any more.
  """

  def work() -> int | None:
    words = sys.argv[1:]
    if wants_help(words):
      module = sys.modules[main.__module__]
      own = flags.FLAGS.module_help(module)
      print(f"{(module.__doc__ or '').strip()}\n{own}")
      return 0
    if not needs_reader:
      output.go_on_without()
    rest = parse(words, flags.FLAGS, takes_rest)
    if takes_rest:
      return main(rest)
    refuse(rest)
    return main()

  end_with(work)


def end_with(work: Callable[[], int | None]) -> NoReturn:
  """Prepares a process, does its work and exits with its code.

  SIGINT and SIGTERM end it in one word and 128 + signal, unless `work` answers
  them; for what else may happen see `exit_code`.
  """

  def prepared() -> int | None:
    prepare_process()
    code = work()
    output.flush()
    return code

  output.prepare()
  stopping.from_here()
  sys.exit(exit_code(prepared))


def exit_code(work: Callable[[], int | None]) -> int | None:
  """Does some work; what goes wrong is one line on standard error.

  Returns:
    Its exit code; 2 for input that cannot be used, 1 for work that fails, and
    141, in the silence of Unix, for output whose reader has gone.
  """
  try:
    return work()
  except (errors.UsageError, errors.RunFailedError) as error:
    code = 1 if isinstance(error, errors.RunFailedError) else 2
    said = error
  except output.LostError as error:
    if error.reader_left:
      return _READER_LEFT
    code, said = 1, error
  print(f"error: {echo.line(said)}", file=sys.stderr)
  return code


def wants_help(words: Sequence[str]) -> bool:
  """Whether someone asks how to type a command."""
  return not {"--help", "-h"}.isdisjoint(words)


def parse(
  words: Sequence[str], known: flags.FlagValues, takes_unknown: bool = False
) -> list[str]:
  """Reads the flags among words, wherever they stand; returns the others.

  Args:
    words: as typed after the program's name.
    known: its flags, which are set.
    takes_unknown: whether flags that it does not know are among the others.

  Raises:
    UsageError: for a flag that is unknown, or a value that it cannot have.
  """
  known.set_gnu_getopt()
  try:
    return known(["", *_joined(words, known)], takes_unknown)[1:]
  except flags.UnrecognizedFlagError as error:
    raise errors.UsageError(unknown_flag(error.flagname, known)) from error
  except (flags.Error, ValueError) as error:
    raise errors.UsageError(str(error)) from error


def _joined(words: Sequence[str], known: flags.FlagValues) -> Iterator[str]:
  """The words, with each flag and its value in one of them.

  Raises:
    UsageError: for a flag without a value, or with an empty one, as of a
      shell's variable that is not set: it would mean the default.
  """
  left = collections.deque(words)
  while left and left[0] != "--":
    word = left.popleft()
    name, equals, value = word.removeprefix("--").partition("=")
    flag = known[name] if word.startswith("--") and name in known else None
    if flag is None or (flag.boolean and not equals):
      yield word
      continue
    if not equals:
      value = _value(flag, left)
    if not value and flag.default not in ("", []):
      raise errors.UsageError(
        f"--{name}= is empty; give it a value, or leave it out"
      )
    yield f"--{name}={value}"
  yield from left


def _value(flag: flags.Flag, left: collections.deque[str]) -> str:
  """Takes a flag's value from the words after it: of a list, all its numbers.

  Raises:
    UsageError: where there is none.
  """
  if not left or left[0].startswith("--"):
    raise errors.UsageError(f"--{flag.name} needs a value")
  values = [left.popleft()]
  if isinstance(flag.parser, flags.BaseListParser):
    while left and _is_number(left[0]):
      values.append(left.popleft())
  return ",".join(values)


def _is_number(word: str) -> bool:
  try:
    float(word)
  except ValueError:
    return False
  return True


def refuse(words: Sequence[str]) -> None:
  """Refuses arguments that nobody takes.

  Raises:
    UsageError: naming the first of them.
  """
  if words:
    raise errors.UsageError(f"unknown argument '{echo.short(words[0])}'")


def unknown_flag(name: str, known: Iterable[str]) -> str:
  """What to say of a flag that is none of those known."""
  named = [flag for flag in known if len(flag) > 1]
  return f"unknown flag '--{echo.short(name)}'; {nearest(name, named)}"


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
