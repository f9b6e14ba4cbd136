"""viser's 3-D view, for our own page only.

viser listens to any web site, opens a public tunnel for who asks, and sets
whatever attribute a message names. It has no option for this, but two public
doors: it serves through `websockets.asyncio.server.serve`, which takes checks
of requests and connections as arguments, and a tunnel is a method of its own.
Both are as said here in viser 1.0.0 and 1.1.1; a version that does not come
through the first door is refused.
"""

import asyncio
import contextlib
import http
import io
import logging
import threading
import weakref
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import websockets.asyncio.server as websocket_server
from websockets.http11 import Request, Response
from websockets.protocol import State

from wildrobot_playground.web import address, messages

_MOST = 64  # connections
_OPEN_SECONDS = 5.0  # for a request to be complete
_CLOSE_SECONDS = 0.5  # for a client to say goodbye
_LONGEST = 65536  # bytes of a message
_serving = threading.Lock()


def serve(listener: address.Listener, page_port: int | None = None) -> Any:
  """A viser server, without the banner that names its port.

  Args:
    listener: its port; closed with the server.
    page_port: of the page of ours that shows it in a frame.

  Raises:
    RuntimeError: for a version of viser that cannot be guarded.
  """
  import viser  # Slow to import, and only pages need it.

  class View(viser.ViserServer):
    """Never on the internet, whatever a client asks for."""

    def request_share_url(self, verbose: bool = True) -> None:
      del verbose

    def stop(self) -> None:
      guard.hang_up()
      super().stop()

  guard = _Guard(listener, page_port)
  with _guarded(guard), _quiet():
    view = View(host="127.0.0.1", port=listener.port, verbose=False)
  if guard.loop is None:
    stop(view)
    raise RuntimeError(
      f"viser {viser.__version__} cannot be kept to this page: it does not"
      " serve through websockets.asyncio.server; install viser 1.1.1"
    )
  view.gui.configure_theme(show_share_button=False)
  return view


def stop(view: Any) -> None:
  """Stops a server of `serve`, as quietly."""
  with _quiet():
    view.stop()


def value_of(slider: Any) -> float:
  """The value of a slider, within its range whatever a client has set."""
  value = float(slider.value)
  if not np.isfinite(value):
    return float(slider.min)
  return float(np.clip(value, slider.min, slider.max))


def _quiet() -> contextlib.AbstractContextManager[Any]:
  return contextlib.redirect_stdout(io.StringIO())


@contextlib.contextmanager
def _guarded(guard: "_Guard") -> Iterator[None]:
  """Serves websockets on the guard's terms; its loop says that it has."""
  original = websocket_server.serve

  def serve_guarded(handler: Any, *_: Any, **options: Any) -> Any:
    guard.loop = asyncio.get_running_loop()
    guard.loop.set_exception_handler(lambda *_: None)  # Of bad messages.
    guard.answer = options.pop("process_request")
    return original(handler, **{**options, **guard.options()})

  with _serving:
    websocket_server.serve = serve_guarded
    try:
      yield
    finally:
      websocket_server.serve = original


class _Guard:
  """The terms on which the view is served.

  Attributes:
    answer: viser's own, to plain HTTP.
    loop: that serves, once it does.
  """

  def __init__(self, listener: address.Listener, page_port: int | None):
    """See `serve`."""
    self.answer: Any = None
    self.loop: asyncio.AbstractEventLoop | None = None
    self._closing = False
    self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
    self._listener = listener
    self._policy = listener.policy
    self._page_port = page_port

  def options(self) -> dict[str, Any]:
    """Arguments of `websockets.asyncio.server.serve`."""
    log = logging.getLogger(f"{__name__}.quiet")
    log.propagate = False
    log.addHandler(logging.NullHandler())
    return {
      "sock": self._listener.socket,
      "process_request": self.admit,
      "create_connection": self.connect,
      "max_size": _LONGEST,
      "open_timeout": _OPEN_SECONDS,
      "close_timeout": _CLOSE_SECONDS,
      "logger": log,
    }

  def connect(self, *args: Any, **options: Any) -> "_Connection":
    """A connection that has just been accepted."""
    connection = _Connection(*args, **options)
    if self._closing:
      connection.leave()
    self._connections.add(connection)
    return connection

  def hang_up(self) -> None:
    """Leaves those who have not asked yet, whom closing would wait for."""

    def leave() -> None:
      self._closing = True
      for connection in list(self._connections):
        connection.leave()

    if self.loop is not None and not self.loop.is_closed():
      self.loop.call_soon_threadsafe(leave)

  def admit(
    self, connection: websocket_server.ServerConnection, request: Request
  ) -> Response | None:
    """Refuses a request, answers it, or lets a websocket open (None)."""
    headers = request.headers
    reason = self._policy.refusal(
      headers.get_all("Host"), headers.get_all("Origin")
    )
    if reason is not None:
      return connection.respond(http.HTTPStatus.FORBIDDEN, f"{reason}\n")
    response = self.answer(connection, request)
    if response is not None:
      response.headers["Content-Security-Policy"] = self._rules(headers["Host"])
      response.headers["X-Content-Type-Options"] = "nosniff"
    return response

  def _rules(self, host: str) -> str:
    """Whom the view may talk to, and who may show it in a frame.

    A link can name another server for viser's page to take orders from.
    """
    if host.startswith("["):  # Which these rules have no words for.
      return "connect-src 'self' data: blob:"
    name = host.partition(":")[0]
    framed_by = (
      f"http://{name}:{self._page_port}" if self._page_port else "'none'"
    )
    return (
      f"connect-src 'self' ws://{host} data: blob:; frame-ancestors {framed_by}"
    )


class _Connection(websocket_server.ServerConnection):
  """One of a bounded number; passes on the messages of our own page."""

  _unwanted = _made = False

  def leave(self) -> None:
    """Ends it, unless it has opened."""
    self._unwanted = True
    if self._made and self.state is State.CONNECTING:
      self.transport.abort()

  def connection_made(self, transport: asyncio.BaseTransport) -> None:
    """When all places are taken, who has been asking longest must go."""
    self.transport = cast(asyncio.Transport, transport)
    known = [c for c in self.server.handlers if not c.transport.is_closing()]
    if len(known) >= _MOST:
      asking = [one for one in known if one.state is State.CONNECTING]
      self._unwanted = self._unwanted or not asking
      for one in asking[:1]:
        one.transport.abort()
    if self._unwanted:
      self.transport.abort()
    else:
      self._made = True
      super().connection_made(transport)

  def data_received(self, data: bytes) -> None:
    """Reads, unless it was turned away."""
    if self._made:
      super().data_received(data)

  def connection_lost(self, exc: Exception | None) -> None:
    """Ends what `connection_made` began."""
    if self._made:
      super().connection_lost(exc)

  async def recv(self, decode: bool | None = None) -> Any:
    """The next message that our page can have sent."""
    while True:
      message = await super().recv(decode)
      if messages.is_ours(message):
        return message
