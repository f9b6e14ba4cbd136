"""What training says while it runs: a progress bar and records of metrics."""

import pathlib
import time
from typing import Any

import tqdm

from wildrobot_playground.runs.logs import sinks as sinks_lib
from wildrobot_playground.system import reading

METRICS_FILE = sinks_lib.METRICS_FILE
_EPISODE_SUM = "episode_sum/"


class MetricsLog:
  """Collects an iteration's metrics into records at a steady interval.

  A record goes to every sink: `steps`, `seconds` since the start, the
  last value of every metric, and, over the episodes that ended since the last
  record, `episode/<name>`: the mean a control step (`episode/length` and
  `episode/reward`: the mean an episode).

  Attributes:
    records: all of them, in order.
  """

  def __init__(
    self,
    sinks: sinks_lib.Sinks,
    num_timesteps: int,
    first_steps: int = 0,
    earlier: list[dict[str, float]] | None = None,
    num_records: int = 200,
  ):
    """Shows the bar.

    Args:
      sinks: where the records go.
      num_timesteps: of the whole run.
      first_steps: where a resumed run goes on.
      earlier: the records of a resumed run up to there.
      num_records: about how many records to make.
    """
    self.records = list(earlier or ())
    self._sinks = sinks
    self._interval = num_timesteps / num_records
    self._sums: dict[str, float] = {}
    self._added: dict[str, float] = {}
    self._last_record = first_steps
    self._started = time.monotonic()
    self._last_time = self._started
    self._bar = tqdm.tqdm(
      total=num_timesteps,
      initial=first_steps,
      unit="step",
      unit_scale=True,
      dynamic_ncols=True,
      mininterval=1.0,
      smoothing=0.1,
    )

  def __call__(self, steps: int, metrics: dict[str, Any]) -> None:
    """Takes the metrics after `steps` environment steps."""
    for name, value in metrics.items():
      if name.startswith(_EPISODE_SUM):
        key = name.removeprefix(_EPISODE_SUM)
        self._sums[key] = self._sums.get(key, 0.0) + value
    self._bar.update(steps - self._bar.n)
    if steps - self._last_record >= self._interval:
      self._record(steps, metrics)

  def add(self, values: dict[str, float]) -> None:
    """Values that the next record shall hold as well."""
    self._added |= values

  def close(self) -> None:
    """Leaves the bar's last state on the screen."""
    self._bar.close()

  def _record(self, steps: int, metrics: dict[str, Any]) -> None:
    now = time.monotonic()
    record = {
      "steps": steps,
      "seconds": now - self._started,
      **{k: v for k, v in metrics.items() if not k.startswith(_EPISODE_SUM)},
      "training/sps": (steps - self._last_record) / (now - self._last_time),
      **_episode_means(self._sums),
      **self._added,
    }
    self._added = {}
    self.records.append(record)
    self._sinks.write(record)
    self._last_record, self._last_time = steps, now
    self._sums = {}
    shown = {
      "reward": ("episode/reward", ".1f"),
      "velocity_error": ("episode/velocity_error", ".2f"),
      "disc_acc": ("amp/disc_acc", ".2f"),
      "style": ("amp/style_distance", ".2f"),
    }
    self._bar.set_postfix(
      {
        label: format(record[name], form)
        for label, (name, form) in shown.items()
        if name in record
      }
    )


def load_records(run_dir: pathlib.Path) -> list[dict[str, float]]:
  """The records of a run's `metrics.jsonl`; see `read`."""
  return read(run_dir)[0]


def read(run_dir: pathlib.Path) -> tuple[list[dict[str, float]], int]:
  """The records of a run's `metrics.jsonl`, NaN for what was not finite.

  Returns:
    The records, and how many lines are none; a killed process leaves half a
    line.

  Raises:
    OSError: when there is no such file, or it cannot be read.
  """
  text = reading.text(run_dir / METRICS_FILE, odd="replace")
  lines = [line for line in text.split("\n") if line.strip()]
  found = [sinks_lib.record_of(line) for line in lines]
  records = [record for record in found if record is not None]
  return records, len(lines) - len(records)


def records_until(run_dir: pathlib.Path, steps: int) -> list[dict[str, float]]:
  """What a run has recorded up to `steps`; nothing at its beginning."""
  if steps == 0 or not (run_dir / METRICS_FILE).exists():
    return []
  return [r for r in load_records(run_dir) if r["steps"] <= steps]


def _episode_means(sums: dict[str, float]) -> dict[str, float]:
  """Means over the episodes that ended; empty when none did."""
  count, length = sums.get("count", 0.0), sums.get("length", 0.0)
  if not count:
    return {}
  means = {
    f"episode/{name}": value / length
    for name, value in sums.items()
    if name not in ("count", "length", "sum_reward")
  }
  return means | {
    "episode/length": length / count,
    "episode/reward": sums["sum_reward"] / count,
  }
