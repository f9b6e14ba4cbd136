"""Drives a policy in the browser, or films it.

python -m wildrobot_playground.play
python -m wildrobot_playground.play --policy=runs/.../export --beside=walk
python -m wildrobot_playground.play --video=walk.mp4 --commands=0.2,0.6
"""

import pathlib
import socket
from collections.abc import Sequence

from absl import flags

from wildrobot_playground import assets, cli
from wildrobot_playground.web import address

_POLICY = flags.DEFINE_string(
  "policy", "walk", "Exported policy (file or folder), or a shipped one's name."
)
_BESIDE = flags.DEFINE_string("beside", None, "A second policy, side by side.")
_MODEL = flags.DEFINE_string("model", None, "Another MJCF of the robot.")
_PORT = flags.DEFINE_integer(
  "port",
  None,
  "Of the page, by default the first free one from 8080 on; 0 for any. The 3-D"
  " view in it takes the next free one.",
)
_HOST = flags.DEFINE_string(
  "host",
  "127.0.0.1",
  "Address to listen on; 0.0.0.0 lets everybody in the network drive it.",
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
  listeners = address.listen_pair(_HOST.value, _PORT.value)

  from wildrobot_playground.policy import sim_to_sim
  from wildrobot_playground.policy.page import app, walker

  entrants = []
  for name in filter(None, (_POLICY.value, _BESIDE.value)):
    path = assets.find_policy(name)
    entrants.append(
      app.Entrant(path.name, sim_to_sim.load(path), walker.style_beside(path))
    )
  page = app.App(entrants, *listeners, _MODEL.value)
  outer, inner = listeners
  print(
    f"drive it at {outer.url} (Ctrl-C ends; the 3-D view needs port"
    f" {inner.port} as well)",
    flush=True,
  )
  if outer.shared:
    print(
      "everybody who reaches this machine can drive it, at"
      f" http://{socket.gethostname()}:{outer.port}",
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
  from wildrobot_playground.policy import plant, sim_to_sim, simulation
  from wildrobot_playground.runs import video

  try:
    commands = [float(text) for text in _COMMANDS.value]
  except ValueError as error:
    raise cli.UsageError(f"--commands takes numbers: {error}") from error
  for path in filter(None, (_VIDEO.value, _GIF.value)):
    if not pathlib.Path(path).parent.is_dir():
      raise cli.UsageError(f"{path}: {pathlib.Path(path).parent} is no folder")
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
      raise cli.RunFailedError(f"no film: {problem}")
    print(f"video    {path}")
  return 0


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
