"""A hook of mkdocs: pages that live outside docs/, and links between all.

Every page is written once, where a reader of the repository looks for it, with
links that work there. The site shows the same files; links are turned to where
their pages are on it, and those to other files become plain text.
"""

import pathlib
import posixpath
import re

from mkdocs.structure.files import File

_ROOT = pathlib.Path(__file__).parent.parent
# File of the repository -> page of the site.
_ELSEWHERE = {
  "README.md": "index.md",
  "CHANGELOG.md": "changes.md",
  "CONTRIBUTING.md": "contributing.md",
  "launch/README.md": "launch.md",
  "policies/README.md": "policies.md",
  "reference/README.md": "reference.md",
}
_SOURCES = {page: source for source, page in _ELSEWHERE.items()}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files, config):
  """Adds the pages that live elsewhere."""
  for source, page in _ELSEWHERE.items():
    text = (_ROOT / source).read_text("utf-8")
    files.append(File.generated(config, page, content=text))
  return files


def on_page_markdown(markdown, page, config, files):
  """Turns links of the repository into links of the site."""
  del config
  source = _SOURCES.get(page.file.src_uri, f"docs/{page.file.src_uri}")

  def turn(match: re.Match) -> str:
    image, text, target, anchor = match.groups()
    if not target or ":" in target:
      return match.group()
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    uri = _ELSEWHERE.get(path, path.removeprefix("docs/"))
    if files.get_file_from_path(uri) is None:
      return text
    return f"{image}[{text}]({uri}{anchor or ''})"

  return _LINK.sub(turn, markdown)
