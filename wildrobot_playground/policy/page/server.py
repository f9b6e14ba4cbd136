"""Serves the joystick, and takes its commands."""

import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

from wildrobot_playground.web import address, http_server
from wildrobot_playground.web.http_server import RefusedError, Request, Response

_PAGE = pathlib.Path(__file__).with_name("joystick.html")
_METHODS = {
  "/": ("GET", "HEAD"),
  "/index.html": ("GET", "HEAD"),
  "/state": ("GET", "HEAD"),
  "/command": ("POST",),
  "/push": ("POST",),
}
# The page's script and style are inside it; its frame is on another port.
_RULES = (
  "default-src 'none'; connect-src 'self'; frame-src http:;"
  " script-src 'unsafe-inline'; style-src 'unsafe-inline';"
  " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class JoystickServer:
  """The page of the joystick, on a thread of its own.

  Attributes:
    port: that it listens on.
  """

  def __init__(
    self,
    listener: address.Listener,
    config: dict[str, Any],
    on_command: Callable[[float, float], None],
    on_push: Callable[[], None],
    state: Callable[[], dict[str, Any]],
  ):
    """Starts to serve.

    Args:
      listener: its port; closed with the server.
      config: for the page: `port` of the 3-D view, `fastest` [m/s] and `turn`
        [rad/s] of the joystick.
      on_command: called with a speed from 0 to `fastest` [m/s] and a turn rate
        from -`turn` to `turn` [rad/s].
      on_push: called when the robot is to be pushed.
      state: what the page shows: a number, or NaN, each.
    """
    text = _PAGE.read_text("utf-8")
    self._page = text.replace("/*CONFIG*/{}", json.dumps(config)).encode()
    self._config = config
    self._on_command, self._on_push, self._state = on_command, on_push, state
    self.port = listener.port
    self._server = http_server.HttpServer(listener, self._respond)

  def close(self) -> None:
    """Stops serving."""
    self._server.close()

  def _respond(self, request: Request) -> Response:
    """Answers a request, and does what it asks for.

    Raises:
      RefusedError: for anything that the page does not ask.
    """
    methods = _METHODS.get(request.path)
    if methods is None:
      raise RefusedError(404, "nothing is here")
    if request.method not in methods:
      allowed = ", ".join(methods)
      raise RefusedError(405, f"expected {allowed}", ("Allow", allowed))
    if request.path == "/push":
      self._on_push()
    elif request.path == "/command":
      self._on_command(*self._command(request.body))
    elif request.path == "/state":
      return http_server.in_json(_without_nan(self._state()))
    else:
      rules = ("Content-Security-Policy", _RULES)
      return Response(self._page, "text/html; charset=utf-8", headers=(rules,))
    return http_server.in_json({})

  def _command(self, body: bytes) -> tuple[float, float]:
    """Speed and turn rate of a body.

    Raises:
      RefusedError: for anything but two numbers within their ranges.
    """
    try:
      told = json.loads(body)
    except (ValueError, RecursionError):
      told = None
    if not isinstance(told, dict):
      raise RefusedError(400, 'expected JSON {"speed": m/s, "turn": rad/s}')
    fastest, turn = self._config["fastest"], self._config["turn"]
    return (
      _number(told, "speed", 0.0, fastest),
      _number(told, "turn", -turn, turn),
    )


def _number(
  told: dict[str, Any], key: str, lowest: float, highest: float
) -> float:
  """A number of a command, within its range; NaN is within none."""
  value = told.get(key)
  if (
    isinstance(value, bool)
    or not isinstance(value, int | float)
    or not lowest <= value <= highest
  ):
    raise RefusedError(
      400, f"{key}: expected a number from {lowest:g} to {highest:g}"
    )
  return float(value)


def _without_nan(state: dict[str, Any]) -> dict[str, Any]:
  """The same, with None for what is not finite."""
  return {
    key: value if math.isfinite(value) else None for key, value in state.items()
  }
