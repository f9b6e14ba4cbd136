"""Flags that a launcher hands to `train`: which of them it refuses."""

import contextlib
import io
from collections.abc import Mapping, Sequence

from absl import flags

from wildrobot_playground.system import errors


def names(arguments: Sequence[str]) -> list[str]:
  """The names of the flags among arguments, in their order."""
  return [
    argument.lstrip("-").partition("=")[0]
    for argument in arguments
    if argument.startswith("-")
  ]


def refuse(arguments: Sequence[str], own: Mapping[str, str]) -> None:
  """Refuses flags that a launcher gives to `train` itself.

  Args:
    arguments: for `train`.
    own: names of such flags, to what to do instead.

  Raises:
    errors.UsageError: naming the first of them.
  """
  for name in names(arguments):
    for flag in (name, name.removeprefix("no")):
      if flag in own:
        raise errors.UsageError(f"--{name} is set here; {own[flag]}")


def check(arguments: Sequence[str]) -> str:
  """Refuses what `train` would refuse of its settings; starts nothing.

  Args:
    arguments: of `train`; the process's own flags are parsed.

  Returns:
    What would be trained, all settings written out: equal for equal trainings.

  Raises:
    errors.UsageError: for a key, a flag or a value that is none.
    absl.flags.Error: likewise, for a flag's value of another type.
  """
  from wildrobot_playground import train

  known = flags.FlagValues()
  for flag in flags.FLAGS.get_flags_for_module(train.__name__):
    flag.unparse()  # What an earlier call set.
    known[flag.name] = flag
  rest = known(["train", *arguments], known_only=True)[1:]
  with contextlib.redirect_stderr(io.StringIO()):  # Each run says it again.
    return train.check(rest)
