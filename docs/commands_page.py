"""Writes docs/commands.md: every command line with every flag.

python docs/commands_page.py
"""

import importlib
import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence

from absl import flags

_PACKAGE = "wildrobot_playground"
# In the order in which they are needed; each is `python -m <package>.<name>`.
_PROGRAMS = (
  "train",
  "evaluate",
  "play",
  "export",
  "report",
  "doctor",
  "bench.__main__",
)
PAGE = pathlib.Path(__file__).with_name("commands.md")
_HEAD = """# Commands

Every command line with every flag, written by `python docs/commands_page.py`.
`--help` says the same; an unknown flag or key is answered with the nearest.
Flags are `--name=value` or `--name value`; those of truth values also `--name`
and `--noname`, those of several numbers `--name=1,2` or `--name 1 2`.
Bad input ends in one line and exit code 2, work that fails in one line and 1.
A reader that has left, as `| head` does, ends a command quietly with 141;
`train` and `bench` go on, for their files.
"""


def page() -> str:
  """The whole page."""
  programs = [_of_program(name) for name in _PROGRAMS]
  return "\n".join([_HEAD, *programs, _of_motion(), _keys()])


def _of_program(name: str) -> str:
  """A section of one program; its flags are read in a process of its own.

  Several programs have flags of one name, which absl keeps in one place.
  """
  module = f"{_PACKAGE}.{name}"
  found = subprocess.run(
    [sys.executable, __file__, module],
    capture_output=True,
    text=True,
    check=True,
  )
  said = json.loads(found.stdout)
  title = name.removesuffix(".__main__")
  return "\n".join(
    [f"## {title}\n", f"{said['doc']}\n", *_table("flag", said["rows"])]
  )


def _describe(module_name: str) -> dict[str, object]:
  """Documentation and own flags of a program."""
  module = importlib.import_module(module_name)
  own = flags.FLAGS.get_key_flags_for_module(module)
  return {
    "doc": _document(module.__doc__ or ""),
    "rows": [_row(flag) for flag in sorted(own, key=lambda flag: flag.name)],
  }


def _document(doc: str) -> str:
  """A docstring as Markdown: its commands become blocks."""
  lines = []
  for line in doc.strip().splitlines():
    text = line.strip()
    inside = line.startswith("  ") or text.startswith(("python ", "--"))
    lines.append(f"    {text}" if inside and text else text)
  return "\n".join(lines)


def _table(first: str, rows: Iterable[Sequence[str]]) -> list[str]:
  """The lines of a table of arguments."""
  return [
    f"| {first} | default | what |",
    "| --- | --- | --- |",
    *(f"| {' | '.join(row)} |" for row in rows),
    "",
  ]


def _row(flag: flags.Flag, required: Sequence[str] = ()) -> tuple[str, ...]:
  """Name, default and help of a flag."""
  default = "required" if flag.name in required else _default(flag.default)
  return f"`--{flag.name}`", default, _escape(flag.help or "")


def _default(value: object) -> str:
  if value is None or value == [] or value == "":
    return "-"
  several = isinstance(value, (list, tuple))
  text = ",".join(map(str, value)) if several else str(value)
  return f"`{text.lower() if isinstance(value, bool) else text}`"


def _escape(text: str) -> str:
  return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _of_motion() -> str:
  """The section of `motion` with its subcommands."""
  from wildrobot_playground.motion import __main__ as motion
  from wildrobot_playground.motion import subcommands

  parts = ["## motion\n", f"{_document(motion.__doc__ or '')}\n"]
  for command in subcommands.ALL:
    rows = [_row(flag, command.required) for flag in command.options]
    words = command.words
    if words.most:
      default = "required" if words.least else "-"
      rows.insert(0, (f"`{words.title}`", default, _escape(words.help)))
    parts += [
      f"### motion {command.name}\n",
      f"{command.summary}\n",
      *_table("argument", rows),
    ]
  return "\n".join(parts)


def _keys() -> str:
  """The tables of what `--set` changes."""
  from wildrobot_playground.motion import walk_options
  from wildrobot_playground.motion.retargeting import recording

  parts = []
  for command, module in ("generate", walk_options), ("import", recording):
    rows = [
      f"| `{key}` | {getattr(module.Options(), key):g} | {low:g} to {high:g}"
      f" | {_escape(_attribute(module.Options, key))} |"
      for key, (low, high) in module.RANGES.items()
    ]
    parts += [
      f"### Keys of `motion {command} --set`\n",
      "| key | default | range | what |",
      "| --- | --- | --- | --- |",
      *rows,
      "",
    ]
  return "\n".join(parts)


def _attribute(options: type, key: str) -> str:
  """What the docstring of a dataclass says of an attribute."""
  found = re.search(
    rf"^ +{key}: (.*?)(?=^ +\w+: |\Z)", options.__doc__ or "", re.M | re.S
  )
  return found[1] if found else ""


if __name__ == "__main__":
  if len(sys.argv) == 2:
    print(json.dumps(_describe(sys.argv[1])))
  else:
    PAGE.write_text(page(), "utf-8")
