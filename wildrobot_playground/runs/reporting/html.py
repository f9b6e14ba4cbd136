"""Pieces of an HTML page; whatever text goes in comes out escaped."""

import dataclasses
import html
import pathlib
import re
import string
from collections.abc import Iterable, Sequence

from wildrobot_playground.system import errors, files

_MARK = '<nav aria-label="Sections">'  # In every page, of every version.
_TEMPLATE = pathlib.Path(__file__).with_name("template.html")
# An absolute path in running text: of the machine that trained, of no use on
# the one that reads.
_ABSOLUTE_PATH = re.compile(r"(?<![\w.:/\\])(?:~|[A-Za-z]:)?[/\\]\S*[/\\]")


@dataclasses.dataclass(frozen=True)
class Section:
  """A part of the page.

  Attributes:
    title: plain text.
    body: HTML.
  """

  title: str
  body: str


def page(title: str, header: str, sections: Sequence[Section]) -> str:
  """The whole page.

  Args:
    title: plain text.
    header: HTML above the sections.
    sections: in order; the navigation lists them.
  """
  links = "".join(
    f'<li><a href="#{_anchor(s.title)}">{text(s.title)}</a></li>'
    for s in sections
  )
  body = "\n".join(
    f'<section id="{_anchor(s.title)}">\n<h2>{text(s.title)}</h2>\n{s.body}\n'
    "</section>"
    for s in sections
  )
  return string.Template(_TEMPLATE.read_text("utf-8")).substitute(
    title=text(title),
    header=header,
    navigation=f"{_MARK}<ul>{links}</ul></nav>",
    body=body,
  )


def write(path: pathlib.Path, whole: str) -> None:
  """Writes a page, also over an earlier one, but over no file of the user's.

  Args:
    path: of the page.
    whole: what `page` returned.

  Raises:
    errors.UsageError: when there is a file that is no such page.
    OSError: when it cannot be written.
  """
  if path.is_file() and _MARK.encode() not in path.read_bytes():
    raise errors.UsageError(
      f"{path} is no report of ours, and is not overwritten; move it away"
    )
  files.write_text(path, whole)


def text(value: object) -> str:
  """Escaped text; absolute paths are cut to their last part.

  Bytes of a name that is no UTF-8 are spelt: no page can hold them.
  """
  shown = _ABSOLUTE_PATH.sub("…/", str(value))
  return html.escape(shown.encode(errors="backslashreplace").decode())


def paragraph(value: object) -> str:
  """A paragraph of plain text."""
  return f"<p>{text(value)}</p>"


def missing(value: object) -> str:
  """A short line that says what is not there, and why."""
  return f'<p class="missing">{text(value)}</p>'


def code(value: object) -> str:
  """A block to copy."""
  return f"<pre><code>{text(value)}</code></pre>"


def details(summary: object, body: str, is_open: bool = False) -> str:
  """HTML that unfolds."""
  opened = " open" if is_open else ""
  return f"<details{opened}><summary>{text(summary)}</summary>{body}</details>"


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
  """Figures at a glance, from (name, figure, remark)."""
  parts = []
  for name, figure, remark in entries:
    small = f"<small>{text(remark)}</small>" if remark else ""
    parts.append(
      f'<dl class="tile"><dt>{text(name)}</dt>'
      f"<dd>{text(figure)}{small}</dd></dl>"
    )
  return f'<div class="tiles">{"".join(parts)}</div>'


def figure(title: str, svg: str, keys: Iterable[tuple[str, str]] = ()) -> str:
  """A picture with its caption.

  Args:
    title: plain text.
    svg: from `plots`.
    keys: (class, label) of the series, where there are several.
  """
  caption = text(title) + legend(keys)
  return f"<figure><figcaption>{caption}</figcaption>{svg}</figure>"


def legend(keys: Iterable[tuple[str, str]]) -> str:
  """The strokes of the series, from (class, label)."""
  return "".join(
    f'<small class="key {kind}">{text(label)}</small>' for kind, label in keys
  )


def panels(figures: Iterable[str]) -> str:
  """Figures side by side, as many as fit."""
  return f'<div class="panels">{"".join(figures)}</div>'


def table(
  caption: str,
  header: Sequence[str],
  rows: Iterable[Sequence[str]],
  kind: str = "",
) -> str:
  """A table that scrolls sideways where it must.

  Args:
    caption: plain text.
    header: HTML of the column heads.
    rows: HTML of the cells; the first of a row is its head.
    kind: class of the table.
  """
  heads = "".join(f'<th scope="col">{cell}</th>' for cell in header)
  lines = "".join(
    f'<tr><th scope="row">{row[0]}</th>'
    + "".join(f"<td>{cell}</td>" for cell in row[1:])
    + "</tr>"
    for row in rows
  )
  # Focusable, so that the keyboard can scroll it.
  return (
    f'<div class="scroll" role="region" tabindex="0"'
    f' aria-label="{text(caption)}"><table class="{kind}">'
    f"<caption>{text(caption)}</caption>"
    f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
  )


def quantity(value: float, unit: str = "") -> str:
  """A large count in words that fit a tile: `7.0 M`."""
  for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
    if abs(value) >= factor:
      return f"{value / factor:.1f} {prefix} {unit}".strip()
  return f"{value:.0f} {unit}".strip()


def duration(seconds: float) -> str:
  """`1 h 20 min`, `8 min 17 s` or `12 s`."""
  minutes, rest = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  if hours:
    return f"{hours} h {minutes} min"
  return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _anchor(title: str) -> str:
  return re.sub(r"\W+", "-", title.lower()).strip("-")
