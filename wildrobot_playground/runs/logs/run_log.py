"""The log of a run while it trains: metrics and events, into all sinks."""

import pathlib
from collections.abc import Mapping
from typing import Any

from wildrobot_playground.amp.progress import Event
from wildrobot_playground.runs.logs import metrics_log, sinks, wandb_sink
from wildrobot_playground.runs.logs.events import EventLog
from wildrobot_playground.runs.logs.metrics_log import MetricsLog


class RunLog:
  """The log of a run, which is silent until it is started.

  Attributes:
    sinks: where records go.
  """

  def __init__(self):
    """Opens nothing yet."""
    self.sinks = sinks.Sinks({})
    self._metrics: MetricsLog | None = None
    self._events: EventLog | None = None

  @property
  def records(self) -> list[dict[str, float]]:
    """Of the metrics, so far."""
    return self._metrics.records if self._metrics is not None else []

  def start(
    self,
    run_dir: pathlib.Path,
    num_timesteps: int,
    first_steps: int,
    config: Mapping[str, Any],
    wandb: wandb_sink.Options,
  ) -> None:
    """Opens the sinks, and shows the bar.

    Args:
      run_dir: of the files.
      num_timesteps: of the whole run.
      first_steps: where a resumed run goes on; later records are dropped.
      config: of the run.
      wandb: what is wanted of Weights & Biases.
    """
    earlier = metrics_log.records_until(run_dir, first_steps)
    self.sinks = sinks.Sinks(
      {
        sinks.METRICS_FILE: lambda: sinks.JsonLines(run_dir, earlier),
        "TensorBoard": lambda: sinks.TensorBoard(run_dir, first_steps),
        "Weights & Biases": lambda: wandb_sink.make(wandb, run_dir, config),
      }
    )
    self._metrics = MetricsLog(self.sinks, num_timesteps, first_steps, earlier)
    self._events = EventLog(run_dir, first_steps)

  def write(self, steps: int, values: dict[str, float]) -> None:
    """Takes an iteration's metrics."""
    if self._metrics is not None:
      self._metrics(steps, values)

  def add(self, values: dict[str, float]) -> None:
    """Values that the next record shall hold as well."""
    if self._metrics is not None:
      self._metrics.add(values)

  def tell(self, event: Event) -> None:
    """Takes an event."""
    if self._events is not None:
      self._events(event)

  def close(self) -> None:
    """Leaves the bar's last state on the screen; the sinks stay open."""
    if self._metrics is not None:
      self._metrics.close()
