"""What a run spends on anything but training."""

import contextlib
import time
from collections.abc import Iterator


class Costs:
  """Seconds by purpose, against the time of the whole."""

  def __init__(self):
    """The clock runs from here on."""
    self._started = time.monotonic()
    self._seconds: dict[str, float] = {}

  @contextlib.contextmanager
  def of(self, purpose: str) -> Iterator[None]:
    """Counts the time within; training must be waited for before."""
    started = time.monotonic()
    try:
      yield
    finally:
      spent = time.monotonic() - started
      self._seconds[purpose] = self._seconds.get(purpose, 0.0) + spent

  @property
  def total(self) -> float:
    """Seconds since the beginning."""
    return time.monotonic() - self._started

  def __str__(self) -> str:
    """One line: the total, and the share of every purpose."""
    total = self.total
    shares = ", ".join(
      f"{purpose} {100 * seconds / total:.2f} %"
      for purpose, seconds in self._seconds.items()
    )
    return f"{total:.0f} s" + (f"; of them {shares}" if shares else "")
