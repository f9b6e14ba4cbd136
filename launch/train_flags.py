"""Flags that a launcher hands to `train`: which of them it refuses.

As a program it reads lists of arguments as JSON, and writes what becomes of
each: in a process of its own, for jax takes the memory of a GPU.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from absl import flags

from wildrobot_playground.system import cli, echo, errors


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


def check_all(trainings: Sequence[Sequence[str]]) -> list[str]:
  """Refuses what `train` would refuse of the settings; starts no training.

  Args:
    trainings: the arguments of each.

  Returns:
    What each would train, see `check`.

  Raises:
    errors.UsageError: for the first that is refused.
    errors.RunFailedError: when nobody could look.
  """
  done = subprocess.run(
    [sys.executable, __file__],
    input=json.dumps([list(arguments) for arguments in trainings]),
    capture_output=True,
    text=True,
    check=False,
    env={**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
  )
  if done.returncode:
    last = (done.stderr.strip().splitlines() or ["no output"])[-1]
    raise errors.RunFailedError(f"the flags cannot be checked: {last}")
  found = json.loads(done.stdout.splitlines()[-1])
  for said in found:
    if "refused" in said:
      raise errors.UsageError(said["refused"])
  return [said["trains"] for said in found]


def check(arguments: Sequence[str]) -> str:
  """As `check_all` of one training, in this process, whose flags are parsed.

  Returns:
    What would be trained, all settings written out: equal for equal trainings.

  Raises:
    errors.UsageError: for a key, a flag or a value that is none.
  """
  from wildrobot_playground import train

  known = flags.FlagValues()
  for flag in flags.FLAGS.get_key_flags_for_module(train):
    flag.unparse()  # What an earlier call set.
    known[flag.name] = flag
  rest = cli.parse(arguments, known, takes_unknown=True)
  with contextlib.redirect_stderr(io.StringIO()):  # Each run says it again.
    return train.check(rest)


def _main() -> int:
  found = []
  for arguments in json.load(sys.stdin):
    try:
      found.append({"trains": check(arguments)})
    except errors.UsageError as error:
      found.append({"refused": echo.line(error)})
      break
  print(json.dumps(found))
  return 0


if __name__ == "__main__":
  cli.run(_main)
