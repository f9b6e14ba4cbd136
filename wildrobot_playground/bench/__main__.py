r"""Measures speed, memory and time to walking; writes a page with a plot.

  python -m wildrobot_playground.bench --out=docs
  python -m wildrobot_playground.bench --suites=training --num_envs=8192,16384

Any key of a training's configuration can be overridden as for `train`. What is
measured goes to `benchmarks.json` at once; started again, only the suites asked
for are measured anew.
"""

from collections.abc import Sequence

from absl import flags

from wildrobot_playground.bench import running, suites
from wildrobot_playground.system import cli

_SUITES = flags.DEFINE_list(
  "suites", list(suites.SUITES), "What to measure; everything by default."
)
_OUT = flags.DEFINE_string(
  "out", "runs/bench", "Folder of benchmarks.md, .png and .json."
)
_PRESET = flags.DEFINE_string("preset", "auto", "Settings to start from.")
_IMPL = flags.DEFINE_list(
  "impl", [], "Engines: mujoco, jax, warp; the machine's usual ones by default."
)
_NUM_ENVS = flags.DEFINE_list(
  "num_envs", [], "Numbers of robots; the machine's usual ones by default."
)
_ROUNDS = flags.DEFINE_integer(
  "rounds", 5, "Measurements of each side.", 1, 1000
)
_SEEDS = flags.DEFINE_integer(
  "seeds", 3, "Seeds that are to learn to walk.", 1, 1000
)
_ENVIRONMENTS = flags.DEFINE_list(
  "environments",
  [],
  "Playground's environments to measure; all that load by default.",
)


def main(overrides: Sequence[str]) -> int:
  """Turns the flags into a benchmark; see `bench.running`."""
  running.run(
    running.Request(
      suites=tuple(_SUITES.value),
      out=_OUT.value,
      preset=_PRESET.value,
      impl=tuple(_IMPL.value),
      num_envs=tuple(_NUM_ENVS.value),
      rounds=_ROUNDS.value,
      seeds=_SEEDS.value,
      environments=tuple(_ENVIRONMENTS.value),
      overrides=tuple(overrides),
    )
  )
  return 0


def run() -> None:
  """Entry point of the command line."""
  cli.run(main, takes_rest=True, needs_reader=False)


if __name__ == "__main__":
  run()
