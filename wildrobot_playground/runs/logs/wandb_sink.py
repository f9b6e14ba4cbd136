"""Weights & Biases, where it can be had: never asked for, never waited for."""

import dataclasses
import netrc
import os
import pathlib
import sys
import threading
import uuid
from collections.abc import Mapping
from typing import Any
from urllib import parse

from wildrobot_playground.policy.metrics import scorecard
from wildrobot_playground.runs.logs.sinks import Record
from wildrobot_playground.system import files

MODES = ("auto", "online", "offline", "disabled")
ID_FILE = "wandb_id.txt"
_HOST = "api.wandb.ai"
_INIT_SECONDS = 8  # Until an unreachable server is given up.
_FINISH_SECONDS = 30


@dataclasses.dataclass(frozen=True)
class Options:
  """How a run is shown at Weights & Biases.

  Attributes:
    mode: one of `MODES`; `auto` is online where a login exists, else offline.
    project: its name there.
    entity: user or team; the login's own when empty.
    tags: of the run.
    group: of the run.
    notes: on the run.
  """

  mode: str = "auto"
  project: str = "wildrobot-playground"
  entity: str = ""
  tags: tuple[str, ...] = ()
  group: str = ""
  notes: str = ""


class Wandb:
  """One run there, resumed under the id that the run folder keeps."""

  def __init__(
    self,
    mode: Any,
    options: Options,
    run_dir: pathlib.Path,
    config: Mapping[str, Any],
  ):
    """Starts the run; offline where the server does not answer.

    Args:
      mode: `online` or `offline`.
      options: how the run is shown.
      run_dir: the run folder.
      config: of the run.

    Raises:
      Exception: of whatever kind, when Weights & Biases cannot start at all.
    """
    import wandb

    self._wandb = wandb
    arguments: dict[str, Any] = {
      "project": options.project,
      "entity": options.entity or None,
      "tags": options.tags or None,
      "group": options.group or None,
      "notes": options.notes or None,
      "dir": str(run_dir),
      "id": _run_id(run_dir),
      "name": run_dir.name,
      "resume": "allow",
      "config": dict(config),
      "settings": wandb.Settings(
        init_timeout=_INIT_SECONDS, silent=True, console="off"
      ),
    }
    try:
      self._run = wandb.init(mode=mode, **arguments)
    except Exception as error:
      if mode != "online":
        raise
      first = (str(error).splitlines() or [type(error).__name__])[0]
      _say(f"offline, for its server does not answer ({first})")
      self._run = wandb.init(mode="offline", **arguments)

  def write(self, record: Record) -> None:
    """See `Sink.write`."""
    self._run.log(dict(record), step=int(record["steps"]))

  def finish(
    self, judged: scorecard.Report | None, video: pathlib.Path | None
  ) -> None:
    """See `Sink.finish`; a table and the video."""
    if judged is not None and judged.rows:
      columns: list[Any] = list(judged.rows[0])
      rows = [[row[name] for name in columns] for row in judged.rows]
      self._run.log({"evaluation": self._wandb.Table(columns, rows)})
    if video is not None and video.is_file():
      self._run.log({"rollout": self._wandb.Video(str(video), format="mp4")})
    # Without a network this would wait for it.
    thread = threading.Thread(target=self._run.finish, daemon=True)
    thread.start()
    thread.join(_FINISH_SECONDS)
    if thread.is_alive():
      _say(
        "the last metrics are still on their way; `wandb sync` in the run"
        " folder sends them later"
      )


def make(
  options: Options, run_dir: pathlib.Path, config: Mapping[str, Any]
) -> Wandb | None:
  """The sink that the options ask for; None where they ask for none."""
  mode = resolve(options.mode)
  return None if mode == "disabled" else Wandb(mode, options, run_dir, config)


def resolve(mode: str) -> str:
  """The mode behind `auto`, without asking anybody; never one that prompts."""
  if mode == "auto":
    wanted = os.environ.get("WANDB_MODE", "")
    if wanted in ("offline", "disabled", "dryrun"):
      return "disabled" if wanted == "disabled" else "offline"
    return "online" if has_login() else "offline"
  if mode == "online" and not has_login():
    _say("offline, for there is no login (`wandb login` makes one)")
    return "offline"
  return mode


def has_login() -> bool:
  """Whether a key is in the environment or in the user's netrc."""
  if os.environ.get("WANDB_API_KEY"):
    return True
  url = os.environ.get("WANDB_BASE_URL", "")
  host = parse.urlparse(url).hostname or _HOST
  for name in (os.environ.get("NETRC"), "~/.netrc", "~/_netrc"):
    path = pathlib.Path(name or "").expanduser()
    try:
      if name and netrc.netrc(path).authenticators(host):
        return True
    except (OSError, netrc.NetrcParseError):
      continue
  return False


def _run_id(run_dir: pathlib.Path) -> str:
  """The id of the run: an agent's, or a new one, kept from its beginning."""
  path = run_dir / ID_FILE
  if not path.is_file():
    new = os.environ.get("WANDB_RUN_ID") or uuid.uuid4().hex[:8]
    files.write_text(path, new + "\n")
  return path.read_text().strip()


def _say(text: str) -> None:
  print(f"\nWeights & Biases: {text}", file=sys.stderr)
