"""Serves the joystick, and takes its commands."""

import functools
import http.server
import json
import pathlib
import threading
from collections.abc import Callable
from typing import Any

_PAGE = pathlib.Path(__file__).with_name("joystick.html")
_LONGEST = 1000  # bytes of a request


class JoystickServer:
  """A small web server on a thread of its own.

  Attributes:
    port: that it listens on.
  """

  def __init__(
    self,
    host: str,
    port: int,
    config: dict[str, Any],
    on_command: Callable[[float, float], None],
    on_push: Callable[[], None],
    state: Callable[[], dict[str, Any]],
  ):
    """Starts to serve.

    Args:
      host: address to listen on.
      port: to listen on; 0 for any free one.
      config: for the page: `port` of the 3-D view, `fastest` [m/s] and `turn`
        [rad/s] of the joystick.
      on_command: called with speed [m/s] and turn rate [rad/s].
      on_push: called when the robot is to be pushed.
      state: what the page shows.

    Raises:
      OSError: when the port is taken.
    """
    text = _PAGE.read_text("utf-8")
    self._page = text.replace("/*CONFIG*/{}", json.dumps(config)).encode()
    self._on_command, self._on_push, self._state = on_command, on_push, state
    self._server = http.server.ThreadingHTTPServer(
      (host, port), functools.partial(_Handler, self)
    )
    self._server.daemon_threads = True
    self.port = self._server.server_address[1]
    threading.Thread(target=self._server.serve_forever, daemon=True).start()

  def get(self, path: str) -> tuple[bytes, str] | None:
    """What is at a path, and its type; None for nothing."""
    if path == "/state":
      return json.dumps(self._state()).encode(), "application/json"
    if path in ("/", "/index.html"):
      return self._page, "text/html; charset=utf-8"
    return None

  def post(self, path: str, body: bytes) -> int:
    """Does what was asked for; the HTTP status."""
    if path == "/push":
      self._on_push()
    elif path == "/command":
      try:
        told = json.loads(body)
        speed, turn = float(told["speed"]), float(told["turn"])
      except (ValueError, KeyError, TypeError):
        return 400
      self._on_command(speed, turn)
    else:
      return 404
    return 200

  def close(self) -> None:
    """Stops serving."""
    self._server.shutdown()
    self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
  """HTTP for a `JoystickServer`."""

  def __init__(self, owner: JoystickServer, *args: Any):
    self._owner = owner
    super().__init__(*args)

  def do_GET(self) -> None:
    found = self._owner.get(self.path)
    if found is None:
      self.send_error(404)
    else:
      self._answer(*found)

  def do_POST(self) -> None:
    size = min(int(self.headers.get("Content-Length", 0)), _LONGEST)
    status = self._owner.post(self.path, self.rfile.read(size))
    if status == 200:
      self._answer(b"{}", "application/json")
    else:
      self.send_error(status)

  def log_message(self, format: str, *args: Any) -> None:
    pass  # Every poll would be a line.

  def _answer(self, body: bytes, kind: str) -> None:
    self.send_response(200)
    self.send_header("Content-Type", kind)
    self.send_header("Content-Length", str(len(body)))
    self.end_headers()
    self.wfile.write(body)
