"""What a caller hangs into a training, beside what Brax's `train` takes."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from wildrobot_playground.amp.programs import Compiled, RunState
from wildrobot_playground.amp.progress import EventFn, ProgressFn

Memory = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Hooks:
  """Functions that a training calls; by default, none does anything.

  Attributes:
    event_fn: called with every `Event`.
    metrics_fn: called with (steps, metrics) after every iteration, one
      iteration late so that the device never waits for the host.
    compiled_fn: called with what compiling took, before the first iteration.
    restore_fn: turns the first state into the one to go on from, and the
      host's memory; given what `state_fn` saw, the run goes on bit for bit.
    state_fn: called with (steps, state, memory) after every iteration; calling
      `memory` waits for the iteration and gives plain values. The next
      iteration uses the state up: copy what must last.
    stop_fn: asked before every iteration whether to stop early.
  """

  event_fn: EventFn = lambda event: None
  metrics_fn: ProgressFn = lambda *args: None
  compiled_fn: Callable[[Compiled], None] = lambda compiled: None
  restore_fn: Callable[[RunState], tuple[RunState, Memory]] = lambda state: (
    state,
    {},
  )
  state_fn: Callable[[int, RunState, Callable[[], Memory]], None] = (
    lambda *args: None
  )
  stop_fn: Callable[[], bool] = lambda: False
