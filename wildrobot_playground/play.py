"""Drives a policy in the browser, or films it.

python -m wildrobot_playground.play
python -m wildrobot_playground.play --policy=runs/.../export --beside=walk
python -m wildrobot_playground.play --checkpoint=runs/G1JoystickFlatTerrain-...
python -m wildrobot_playground.play --video=walk.mp4 --commands=0.2,0.6
python -m wildrobot_playground.play --gif=walk.gif --commands=0.4 --reference
"""

import pathlib
import socket
from typing import Any

from absl import flags

from wildrobot_playground.config import typed_flags
from wildrobot_playground.policy.metrics import episodes
from wildrobot_playground.runs import robot_option
from wildrobot_playground.system import assets, cli, errors, stopping
from wildrobot_playground.web import address

flags.adopt_module_key_flags(robot_option)
_POLICY = flags.DEFINE_string(
  "policy", "walk", "Exported policy (file or folder), or a shipped one's name."
)
_CHECKPOINT = flags.DEFINE_string(
  "checkpoint",
  None,
  "Run folder of an environment of Playground, to drive in it.",
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
_COMMANDS = flags.DEFINE_flag(
  typed_flags.numbers(
    "commands",
    "Forward speeds [m/s] of the film.",
    episodes.COMMAND,
    (0.2, 0.4, 0.6),
  )
)
_REFERENCE = flags.DEFINE_boolean(
  "reference", False, "In a film, the reference walks beside the policies."
)


@errors.of_input()
def main() -> int:
  """Serves the page until interrupted, or writes the film."""
  films = bool(_VIDEO.value or _GIF.value)
  for flag in (_PORT, _HOST) if films else (_COMMANDS, _REFERENCE):
    if flag.present:
      kind = "film" if films else "page"
      raise errors.UsageError(f"a {kind} has no use for --{flag.name}")
  if _CHECKPOINT.value:
    return _drive(pathlib.Path(_CHECKPOINT.value), films)
  return _film() if films else _serve()


def _drive(run_dir: pathlib.Path, films: bool) -> int:
  """Serves the page of a run in an environment of Playground."""
  if films:
    raise errors.UsageError(
      f"evaluate --checkpoint={run_dir} --video=FILE films it"
    )
  for flag in (_POLICY, _BESIDE, _MODEL):
    if flag.present:
      raise errors.UsageError(f"--checkpoint has no use for --{flag.name}")
  listeners = address.listen_pair(_HOST.value, _PORT.value)

  from wildrobot_playground.policy.page import joystick_app
  from wildrobot_playground.runs import joystick_player

  print("compiling ...", flush=True)
  player = joystick_player.JoystickPlayer(run_dir)
  return _run(joystick_app.JoystickApp(player, *listeners), *listeners)


def _serve() -> int:
  listeners = address.listen_pair(_HOST.value, _PORT.value)

  from wildrobot_playground.policy.page import app, walker

  entrants = [
    app.Entrant(name, policy, walker.style_beside(path))
    for name, policy, path in _policies()
  ]
  return _run(app.App(entrants, *listeners, _MODEL.value), *listeners)


def _run(page: Any, outer: Any, inner: Any) -> int:
  """Says where the page is, and steps until it is interrupted."""
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
  with stopping.StopRequest() as stop:
    try:
      page.run(stop.steps())
      print()
    finally:
      page.close()
  return 0


def _film() -> int:
  """Films the policies, a row for each command."""
  from wildrobot_playground.runs import film, video

  commands = list(_COMMANDS.value)
  films = [
    cli.file_to_write("video", _VIDEO.value, (".mp4", ".gif")),
    cli.file_to_write("gif", _GIF.value, (".gif",)),
  ]
  shots, dt = film.shots(
    {name: policy for name, policy, _ in _policies()},
    commands,
    _MODEL.value,
    _REFERENCE.value,
  )
  columns = len(shots) // len(commands)
  for path in filter(None, films):
    problem = video.render_shots(
      shots,
      dt,
      path,
      columns=columns if columns > 1 else 3,
    )
    if problem:
      raise errors.RunFailedError(f"no film: {problem.removeprefix('none: ')}")
    print(f"video    {path}")
  cli.say_next(("open", _VIDEO.value or _GIF.value or ""))
  return 0


def _policies() -> list[tuple[str, Any, pathlib.Path]]:
  """Name, policy and path of those that were asked for."""
  from wildrobot_playground.policy.sim import sim_to_sim

  paths = [
    assets.find_policy(name) for name in (_POLICY.value, _BESIDE.value) if name
  ]
  for path in paths:
    robot_option.of_policy(path)
  names = [_name(path) for path in paths]
  if len(set(names)) < len(names):
    names = [f"{name} {i + 1}" for i, name in enumerate(names)]
  return [
    (name, sim_to_sim.load(path), path)
    for name, path in zip(names, paths, strict=True)
  ]


def _name(path: pathlib.Path) -> str:
  """What to call a policy: of `runs/mine/export`, it is `mine`."""
  folder = path.parent if path.suffix else path
  return folder.parent.name if folder.name == "export" else folder.name


def run() -> None:
  """Entry point of the command line."""
  cli.run(main)


if __name__ == "__main__":
  run()
