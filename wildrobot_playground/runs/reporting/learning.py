"""How training went: curves, the discriminator's health, incidents."""

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from wildrobot_playground.amp import health
from wildrobot_playground.runs.reporting import html, svg
from wildrobot_playground.runs.reporting.data import Run

# Title, metrics and their labels; the second of a band is its half height.
_CURVES = (
  ("Reward of an episode", (("episode/reward", ""),)),
  ("Velocity error [m/s]", (("episode/velocity_error", ""),)),
  ("Limit of the commanded speed [m/s]", (("episode/command_limit", ""),)),
  ("Length of an episode [control steps]", (("episode/length", ""),)),
  ("Style distance [standard deviations]", (("amp/style_distance", ""),)),
  (
    "Scores of the discriminator",
    (("amp/disc_real_mean", "reference"), ("amp/disc_fake_mean", "policy")),
  ),
  (
    "Reward of a step",
    (("amp/task_reward", "task"), ("amp/style_reward", "style")),
  ),
  ("Losses", (("training/v_loss", "value"), ("amp/disc_loss", "style"))),
  ("Change of the policy (KL)", (("training/kl_mean", ""),)),
  ("Speed of training [steps/s]", (("training/sps", ""),)),
)
_STEPS = "environment steps"
_COLORS = {
  health.LEARNING: "idle",
  health.HEALTHY: "good",
  health.SEPARATING: "s4",
  health.TOO_STRONG: "bad",
  health.COLLAPSED: "bad",
  health.LEAK: "bad",
}
_MOST_INCIDENTS = 40
_MOST_FEATURES = 8

Span = tuple[float, float, str]


def curves(run: Run) -> html.Section:
  """The training curves."""
  figures = [
    figure
    for title, series in _CURVES
    if (figure := _figure(run, title, series))
  ]
  body = html.panels(figures)
  if not run.records:
    body = html.missing("The run recorded no metrics.")
  elif not figures:
    body = html.missing("None of the recorded metrics can be drawn.")
  return html.Section("Training", body)


def discriminator(run: Run) -> html.Section:
  """Its states over time, with their reasons, and what shows them."""
  title = "Discriminator"
  if not run.has("amp/disc_acc"):
    return html.Section(
      title, html.missing("None: the run learnt without a motion prior.")
    )
  spans = _spans(run)
  parts = []
  if spans:
    parts += [_strip(spans, run.steps), _changes(run)]
  else:
    parts.append(html.missing("The run recorded no states."))
  shades = [(start, end, _color(state)) for start, end, state in spans]
  accuracy = _line(run, "amp/disc_acc")
  style = _line(run, "amp/style_reward", "amp/style_reward_std")
  parts.append(
    html.panels(
      html.figure(name, svg.lines(name, [line], _STEPS, shades))
      for name, line in (
        ("Accuracy", accuracy),
        ("Style reward, mean ± standard deviation", style),
      )
      if line is not None
    )
  )
  return html.Section(title, "".join(parts) + _separability(run))


def incidents(run: Run) -> html.Section:
  """What the guards and others had to report."""
  happened = [e for e in run.events if e.kind not in ("health", "tuning")]
  if not happened:
    return html.Section("Incidents", html.paragraph("None were recorded."))
  shown = happened[-_MOST_INCIDENTS:]
  caption = f"{len(happened)} in all"
  if len(shown) < len(happened):
    caption += f", the last {len(shown)} of them"
  table = html.table(
    caption,
    ("Steps", "Kind", "What happened"),
    ((_steps(e.steps), html.text(e.kind), html.text(e.text)) for e in shown),
    "reasons",
  )
  return html.Section("Incidents", table)


def last_state(run: Run) -> str | None:
  """The discriminator's last state; None when none was recorded."""
  states = [e.state for e in run.events if e.kind == "health"]
  return states[-1] if states else None


def _figure(
  run: Run, title: str, series: Sequence[tuple[str, str]]
) -> str | None:
  """A panel of those metrics that were recorded; None without any."""
  found = [
    (line, label) for name, label in series if (line := _line(run, name))
  ]
  if not found:
    return None
  keys = [(f"s{i + 1}", label) for i, (_, label) in enumerate(found) if label]
  return html.figure(
    title, svg.lines(title, [line for line, _ in found], _STEPS), keys
  )


def _line(run: Run, name: str, spread: str | None = None) -> svg.Line | None:
  """The curve of a metric; None when it has no finite value."""
  if not run.has(name):
    return None
  steps, values = run.series(name)
  around = run.series(spread)[1] if spread else []
  return svg.Line(
    np.array(steps),
    np.array(values),
    np.array(around) if len(around) == len(values) else None,
  )


def _spans(run: Run) -> list[Span]:
  """(from, to, state) [steps], from the beginning to the end."""
  changes = [(e.steps, e.state) for e in run.events if e.kind == "health"]
  if not changes:
    return []
  changes = [(0, health.LEARNING), *changes]
  end = max(run.steps, changes[-1][0])
  return [
    (start, stop, state)
    for (start, state), (stop, _) in itertools.pairwise([*changes, (end, "")])
    if stop > start
  ]


def _strip(spans: Sequence[Span], steps: int) -> str:
  """The states as a coloured strip."""
  total = max(spans[-1][1], 1)
  parts = []
  for start, end, state in spans:
    share = 100 * (end - start) / total
    parts.append(
      f'<span class="{_color(state)}" style="width:{share:.2f}%"'
      f' title="{html.text(state)}"><b>{html.text(state)}</b></span>'
    )
  words = ", ".join(
    f"{state} from {html.quantity(start, 'steps')}" for start, _, state in spans
  )
  return (
    f'<div class="strip" role="img" aria-label="{html.text(words)}">'
    f"{''.join(parts)}</div>"
    f'<div class="ends" aria-hidden="true"><span>0</span>'
    f"<span>{html.quantity(max(steps, total), 'steps')}</span></div>"
  )


def _changes(run: Run) -> str:
  """The changes of state and of settings as a table."""
  kinds = ("health", "tuning")
  return html.table(
    "Changes of its state, and why",
    ("Steps", "State", "Reason"),
    (
      (
        _steps(event.steps),
        f'<span class="state {_color(event.state)}">'
        f"{html.text(event.state or 'settings')}</span>",
        html.text(event.text),
      )
      for event in run.events
      if event.kind in kinds
    ),
    "reasons",
  )


def _separability(run: Run) -> str:
  """The features that tell reference from policy best, when last measured."""
  last = next(
    (
      found
      for record in reversed(run.records)
      if (found := _aucs(record.items()))
    ),
    [],
  )
  if not last:
    return ""
  table = html.table(
    "At the end of training; 0.5 is indistinguishable, 1 told every time",
    ("Feature", "Told apart", "Reference is"),
    (
      (
        html.text(name),
        f"{max(auc, 1 - auc):.3f}",
        "larger" if auc > 0.5 else "smaller",
      )
      for name, auc in last[:_MOST_FEATURES]
    ),
  )
  return html.details("Which single features tell them apart", table)


def _aucs(metrics: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
  """Feature and area under the curve, the most telling first."""
  found = [
    (name.removeprefix(health.AUC_PREFIX), value)
    for name, value in metrics
    if name.startswith(health.AUC_PREFIX) and math.isfinite(value)
  ]
  return sorted(found, key=lambda entry: -abs(entry[1] - 0.5))


def _color(state: str) -> str:
  return _COLORS.get(state, "idle")


def _steps(steps: int) -> str:
  return f'<span class="nowrap">{steps:,}</span>'
