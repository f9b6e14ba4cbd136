"""MuJoCo's warnings: counted, and told on the screen.

Left alone, MuJoCo appends each to a MUJOCO_LOG.TXT in whatever folder a
command was started in.
"""

import collections
import re
import sys
import threading
from types import ModuleType

import wrapt

_NUMBERS = re.compile(r"\s*Time = \S+|(?<=DOF )\d+")


class Counter:
  """Counts warnings by kind; tells the 1st, 10th, 100th, ... of each.

  Called from MuJoCo's own threads, with Python's lock held.

  Attributes:
    counts: warnings so far, by their text without its numbers.
  """

  def __init__(self) -> None:
    """None yet."""
    self.counts: collections.Counter[str] = collections.Counter()
    self._lock = threading.Lock()

  def __call__(self, text: str) -> None:
    """Takes a warning of MuJoCo."""
    kind = _NUMBERS.sub("", text).strip()
    with self._lock:
      self.counts[kind] += 1
      times = self.counts[kind]
    if str(times).strip("0") == "1":
      so_far = "" if times == 1 else f" ({times:,} times so far)"
      said = " ".join(text.split())
      # In one piece: other threads warn at the same time.
      line = f"warning: MuJoCo: {said}{so_far}\n"
      print(line, end="", file=sys.stderr)


def take() -> None:
  """Takes MuJoCo's warnings from now on, or from its import on."""
  wrapt.register_post_import_hook(_take, "mujoco")


def _take(mujoco: ModuleType) -> None:
  config = mujoco.MjLogConfig.get()
  config.logto_file = False
  config.set()
  if mujoco.get_mju_user_warning() is None:
    mujoco.set_mju_user_warning(Counter())
