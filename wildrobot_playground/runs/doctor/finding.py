"""What a check found: a verdict, what was seen, and what to do about it."""

import dataclasses
import pathlib
from collections.abc import Sequence

from wildrobot_playground.system import files

OK, WARN, FAIL = "ok", "warn", "FAIL"
VERDICTS = (OK, WARN, FAIL)  # From best to worst.


@dataclasses.dataclass(frozen=True)
class Finding:
  """One line of the doctor's table.

  Attributes:
    check: what was looked at.
    verdict: `ok`, `warn` or `FAIL`.
    detail: what was seen, with the numbers.
    remedy: what to do; empty when all is well.
  """

  check: str
  verdict: str
  detail: str
  remedy: str = ""


def overall(findings: Sequence[Finding]) -> str:
  """The worst verdict; `ok` for no finding."""
  return max((f.verdict for f in findings), key=VERDICTS.index, default=OK)


def table(findings: Sequence[Finding]) -> str:
  """A line a finding, its remedy behind it, and the verdict below."""
  width = max(len(f.check) for f in findings)
  lines = [
    f"{f.verdict:<4}  {f.check:<{width}}  {f.detail}"
    + (f"; {f.remedy}" if f.remedy else "")
    for f in findings
  ]
  counts = ", ".join(
    f"{sum(f.verdict == verdict for f in findings)} {verdict}"
    for verdict in VERDICTS
  )
  return "\n".join([*lines, f"\nverdict  {overall(findings)} ({counts})"])


def save(findings: Sequence[Finding], path: pathlib.Path) -> None:
  """Writes verdict and findings as JSON."""
  report = {
    "verdict": overall(findings),
    "findings": [dataclasses.asdict(f) for f in findings],
  }
  files.write_json(path, report)
