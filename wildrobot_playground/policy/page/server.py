"""Serves the joystick, and takes its commands."""

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
    page = text.replace("/*CONFIG*/{}", json.dumps(config)).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
      def do_GET(self) -> None:
        if self.path == "/state":
          self._answer(json.dumps(state()).encode(), "application/json")
        elif self.path in ("/", "/index.html"):
          self._answer(page, "text/html; charset=utf-8")
        else:
          self.send_error(404)

      def do_POST(self) -> None:
        size = min(int(self.headers.get("Content-Length", 0)), _LONGEST)
        body = self.rfile.read(size)
        if self.path == "/push":
          on_push()
        elif self.path == "/command":
          try:
            told = json.loads(body)
            on_command(float(told["speed"]), float(told["turn"]))
          except (ValueError, KeyError, TypeError):
            self.send_error(400)
            return
        else:
          self.send_error(404)
          return
        self._answer(b"{}", "application/json")

      def log_message(self, format: str, *args: Any) -> None:
        pass  # Every poll would be a line.

      def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    self._server = http.server.ThreadingHTTPServer((host, port), Handler)
    self._server.daemon_threads = True
    self.port = self._server.server_address[1]
    threading.Thread(target=self._server.serve_forever, daemon=True).start()

  def close(self) -> None:
    """Stops serving."""
    self._server.shutdown()
    self._server.server_close()
