"""Drives a policy in the browser, or films it.

python -m wildrobot_playground.play
python -m wildrobot_playground.play --policy=runs/.../export --beside=walk
python -m wildrobot_playground.play --video=walk.mp4 --commands=0.2,0.6
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from wildrobot_playground import assets, cli

_POLICY = flags.DEFINE_string(
  "policy", "walk", "Exported policy (file or folder), or a shipped one's name."
)
_BESIDE = flags.DEFINE_string("beside", None, "A second policy, side by side.")
_MODEL = flags.DEFINE_string("model", None, "Another MJCF of the robot.")
_PORT = flags.DEFINE_integer(
  "port", 8080, "Of the page; the 3-D view in it takes the next."
)
_HOST = flags.DEFINE_string(
  "host", "127.0.0.1", "Address to listen on; 0.0.0.0 lets others in."
)
_VIDEO = flags.DEFINE_string("video", None, "MP4 to write in place of a page.")
_GIF = flags.DEFINE_string("gif", None, "GIF to write in place of a page.")
_COMMANDS = flags.DEFINE_list(
  "commands", "0.2,0.4,0.6", "Forward speeds [m/s] of the film."
)

_FILM_SECONDS = 8.0  # The film shows the last five.


def main(rest: Sequence[str]) -> int:
  """Serves the page until interrupted, or writes the film."""
  if rest:
    raise cli.UsageError(f"unknown argument '{rest[0]}'")
  try:
    films = bool(_VIDEO.value or _GIF.value)
    for flag in (_BESIDE, _PORT, _HOST) if films else (_COMMANDS,):
      if flag.present:
        kind = "film" if films else "page"
        raise cli.UsageError(f"a {kind} has no use for --{flag.name}")
    if films:
      return _film()
    return _serve()
  except ValueError as error:
    raise cli.UsageError(str(error)) from error


def _serve() -> int:
  from wildrobot_playground.policy import sim_to_sim
  from wildrobot_playground.policy.page import app, walker

  entrants = []
  for name in filter(None, (_POLICY.value, _BESIDE.value)):
    path = assets.find_policy(name)
    entrants.append(
      app.Entrant(path.name, sim_to_sim.load(path), walker.style_beside(path))
    )
  try:
    page = app.App(entrants, _PORT.value, _HOST.value, _MODEL.value)
  except OSError as error:
    raise cli.UsageError(
      f"port {_PORT.value} is not free ({error.strerror}); give another --port"
    ) from error
  print(
    f"drive it at http://{_HOST.value}:{page.joystick.port} (Ctrl-C ends; the"
    f" 3-D view needs port {page.view.get_port()} as well)",
    flush=True,
  )
  try:
    page.run()
  except KeyboardInterrupt:
    print()
  finally:
    page.close()
  return 0


def _film() -> int:
  """Films the policy at several commands, side by side."""
  from wildrobot_playground.policy import (
    episodes,
    plant,
    sim_to_sim,
    simulation,
  )
  from wildrobot_playground.runs import video

  commands = episodes.read_commands(_COMMANDS.value)
  for path in filter(None, (_VIDEO.value, _GIF.value)):
    if not pathlib.Path(path).parent.is_dir():
      raise cli.UsageError(f"{path}: {pathlib.Path(path).parent} is no folder")
    if pathlib.Path(path).is_dir():
      raise cli.UsageError(f"{path} is a folder; give a file")
  policy = sim_to_sim.load(assets.find_policy(_POLICY.value))
  contract = policy.controller.contract
  sim = simulation.Simulation(plant.load(contract, _MODEL.value), contract)
  rollouts = simulation.roll_out(
    policy, sim, commands, 1, round(_FILM_SECONDS / sim.dt)
  )
  for path in filter(None, (_VIDEO.value, _GIF.value)):
    problem = video.render(
      rollouts, simulation.reference_robot(), pathlib.Path(path)
    )
    if problem:
      raise cli.RunFailedError(f"no film: {problem.removeprefix('none: ')}")
    print(f"video    {path}")
  return 0


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
