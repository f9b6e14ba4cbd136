"""What messages repeat of files and of what was typed: short and harmless.

Whatever comes from outside may be a megabyte long, have lines of its own, or
tell the terminal what to do.
"""

_MOST = 60  # characters of one thing
_MOST_OF_LINE = 1000  # of a whole message


def printable(text: str) -> str:
  """Text with what is not to be printed spelt out; lines stay lines."""
  return "".join(
    char if char.isprintable() or char == "\n" else _spelt(char)
    for char in text
  )


def short(value: object, most: int = _MOST) -> str:
  """A value as part of a message: one line, at most about `most` characters."""
  try:
    text = value if isinstance(value, str) else str(value)
  except (ValueError, RecursionError):  # Numbers and trees too large to show.
    return f"a {type(value).__name__} too large to show"
  shown = printable(" ".join(text[: 4 * most].split()))
  if len(text) <= 4 * most and len(shown) <= most:
    return shown
  return f"{shown[:most]}... ({len(text)} characters)"


def in_figure(value: object) -> str:
  """A value as text of a matplotlib figure, to which `$` means mathematics.

  An underscore first would keep it out of a legend.
  """
  shown = short(value).replace("$", r"\$")
  return f" {shown}" if shown.startswith("_") else shown


def line(error: object, most: int = _MOST_OF_LINE) -> str:
  """A whole message on one line; of a long one, its beginning and its end."""
  text = " ".join(str(error).split())
  if len(text) > most:
    end = most // 3
    text = f"{text[: most - end]} ... {text[-end:]}"
  return printable(text)


def _spelt(char: str) -> str:
  """A character by its number in hexadecimal."""
  return char.encode("unicode_escape").decode("ascii")
