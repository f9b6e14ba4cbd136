"""The page `docs/keys.md`: every key of a training, and what it may be.

python docs/keys_page.py
"""

import pathlib

from wildrobot_playground.config import key_ranges, ranges
from wildrobot_playground.robots import catalog

PAGE = pathlib.Path(__file__).with_name("keys.md")
_HEAD = """# Keys and ranges

Every key of a training of our environments, for `--section.key=value`; presets
change some of the defaults. A range (low, high) is two numbers that do not
fall. What is not in its range is refused before anything is compiled, in one
line. In the `env_config` of other environments the four keys that all of them
have are within these ranges, too; the others must be finite.

Beside that:

- `ppo.batch_size * ppo.num_minibatches` is a multiple of `ppo.num_envs`.
- `env_config.ctrl_dt` is a multiple of `env_config.sim_dt`, and no longer than
  `env_config.velocity_time_constant`.
- With `servo_config.enable`, `servo_config.updates` divides the time steps of a
  control step; with `push_config.enable`, `push_config.interval` is a control
  step at least; with the curriculum, its speeds are within `lin_vel_x` and its
  times within a command's.
"""


def page() -> str:
  """The table in Markdown."""
  from wildrobot_playground.runs import plan

  lines = [_HEAD]
  for section, values in plan.defaults(catalog.environments()[0]).items():
    lines += [f"## {section}", "", "| key | default | must be |"]
    lines.append("| --- | --- | --- |")
    for key, value in ranges.flatten(values).items():
      said = key_ranges.find(section, key).said
      lines.append(f"| `{key}` | `{value!r}` | {said} |")
    lines.append("")
  return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
  PAGE.write_text(page(), "utf-8")
