"""Subcommands of a program: `python -m PROGRAM COMMAND ...`."""

import copy
import dataclasses
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from wildrobot_playground.system import cli, errors


@dataclasses.dataclass(frozen=True)
class Words:
  """Arguments of a subcommand that are no flags.

  Attributes:
    name: by which the subcommand has them, as a list.
    help: what they are.
    least: how many there must be.
    most: how many there may be.
  """

  name: str
  help: str
  least: int = 1
  most: int = sys.maxsize

  @property
  def title(self) -> str:
    """How they are shown."""
    return self.name if self.most == 1 else f"{self.name} ..."


_NONE = Words("words", "nothing else", 0, 0)


@dataclasses.dataclass(frozen=True)
class Command:
  """A subcommand.

  Attributes:
    name: as typed.
    run: takes its arguments, each by its name; the first line of its docstring
      is its help.
    options: its flags.
    words: its arguments that are no flags.
    required: names of the flags that must be given.
  """

  name: str
  run: Callable[[types.SimpleNamespace], Any]
  options: Sequence[flags.Flag]
  words: Words = _NONE
  required: Sequence[str] = ()

  @property
  def summary(self) -> str:
    """What it does, in a line."""
    return (self.run.__doc__ or "").splitlines()[0]

  def help(self) -> str:
    """How it is typed."""
    must = "".join(f" --{name}=..." for name in self.required)
    known = self._flags().get_help("  ", include_special_flags=False)
    usage, about = self.name, ""
    if self.words.most:
      usage += f" {self.words.title}"
      about = f"  {self.words.name}: {self.words.help}\n"
    return f"{self.summary}\n\n  {usage}{must} [FLAGS]\n\n{about}{known}"

  def read(self, typed: Sequence[str]) -> types.SimpleNamespace:
    """Its arguments by their names.

    Raises:
      UsageError: for what it cannot take, or lacks.
    """
    known = self._flags()
    rest = cli.parse(typed, known)
    cli.refuse(rest[self.words.most :])
    lacking = [f"--{n}" for n in self.required if known[n].value is None]
    if len(rest) < self.words.least:
      lacking.insert(0, f"{self.words.name} ({self.words.help})")
    if lacking:
      raise errors.UsageError(f"{self.name} needs {' and '.join(lacking)}")
    found = known.flag_values_dict() | {self.words.name: rest}
    return types.SimpleNamespace(**found)

  def _flags(self) -> flags.FlagValues:
    """Its flags, of which none is read yet."""
    known = flags.FlagValues()
    for option in self.options:
      known[option.name] = copy.deepcopy(option)
    return known


def choose(
  commands: Sequence[Command], typed: Sequence[str], about: str
) -> tuple[Command, types.SimpleNamespace] | None:
  """The subcommand that is typed first, and its arguments.

  Args:
    commands: of the program.
    typed: after its name.
    about: the program's documentation.

  Returns:
    None for who asked for help, and has it now.

  Raises:
    UsageError: for a subcommand that is none, or arguments that it cannot take.
  """
  by_name = {command.name: command for command in commands}
  name, *rest = typed or [""]
  if cli.wants_help(typed):
    print(by_name[name].help() if name in by_name else _help(commands, about))
    return None
  if not typed:
    raise errors.UsageError(f"no command; {cli.nearest('', by_name)}")
  command = by_name[cli.choose("command", name, by_name)]
  return command, command.read(rest)


def _help(commands: Sequence[Command], about: str) -> str:
  """What a program's subcommands are."""
  lines = [f"  {c.name:<9} {c.summary}" for c in commands]
  return "\n".join([about.strip(), "", *lines])
