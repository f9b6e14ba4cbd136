"""A small HTTP server for one page: bounded in size, number and time.

h11 reads the protocol; a request gets one answer and the connection ends. A
thread of its own runs it, however many ask.
"""

import asyncio
import contextlib
import dataclasses
import errno
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import h11

from wildrobot_playground.web import address

_MOST = 64  # connections
_SECONDS = 5.0  # from the connection to the end of the answer
_GRACE = 0.5  # s for the other side to read an answer
_LONGEST_HEAD = 8192  # bytes
_LONGEST_BODY = 1000  # bytes
_HEADERS = (
  ("Cache-Control", "no-store"),
  ("Connection", "close"),
  ("Cross-Origin-Resource-Policy", "same-origin"),
  ("X-Content-Type-Options", "nosniff"),
)
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Request:
  """What was asked for; `path` is without a query."""

  method: str
  path: str
  body: bytes


@dataclasses.dataclass(frozen=True)
class Response:
  """The answer to a request."""

  body: bytes
  kind: str
  status: int = 200
  headers: tuple[tuple[str, str], ...] = ()


class RefusedError(ValueError):
  """A request that is not answered as it wishes.

  Attributes:
    status: of HTTP.
    headers: of the answer.
  """

  def __init__(self, status: int, reason: str, *headers: tuple[str, str]):
    """The reason is one line."""
    super().__init__(reason)
    self.status = status
    self.headers = headers


def in_json(
  value: Any, status: int = 200, *headers: tuple[str, str]
) -> Response:
  """An answer in JSON.

  Raises:
    ValueError: for NaN and infinity, which JSON has no words for.
  """
  body = json.dumps(value, allow_nan=False).encode()
  return Response(body, "application/json", status, headers)


class HttpServer:
  """Answers requests on a thread of its own until closed."""

  def __init__(
    self,
    listener: address.Listener,
    respond: Callable[[Request], Response],
  ):
    """Starts to serve.

    Args:
      listener: its port; closed with the server.
      respond: answers a request or raises RefusedError; quick, for all others
        wait.
    """
    self._listener = listener
    self._policy = listener.policy
    self._respond = respond
    # In order of arrival.
    self._open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
    self._loop = asyncio.new_event_loop()
    self._stop = asyncio.Event()
    self._thread = threading.Thread(
      target=self._loop.run_until_complete, args=(self._run(),), daemon=True
    )
    self._thread.start()

  def close(self) -> None:
    """Stops serving and gives the port back."""
    if self._thread.is_alive():
      self._loop.call_soon_threadsafe(self._stop.set)
      self._thread.join()
      self._loop.close()

  async def _run(self) -> None:
    # Of connections for which the process has no descriptor left: asyncio tells
    # each with a traceback, waits a second and goes on.
    self._loop.set_exception_handler(_tell)
    server = await asyncio.start_server(
      self._accept, sock=self._listener.socket, limit=_LONGEST_HEAD
    )
    await self._stop.wait()
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
      task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for writer in list(self._open):  # Of tasks that had not begun.
      writer.transport.abort()
    await asyncio.sleep(0)  # The sockets close in the loop's next round.

  def _accept(
    self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
  ) -> None:
    """Begins with a connection, in the place of the slowest if need be."""
    if len(self._open) >= _MOST:
      oldest = next(iter(self._open))
      self._open.pop(oldest).cancel()
      oldest.transport.abort()
    self._open[writer] = self._loop.create_task(self._serve(reader, writer))

  async def _serve(
    self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
  ) -> None:
    """One connection, from its first byte to its last."""
    try:
      async with asyncio.timeout(_SECONDS):
        await self._exchange(reader, writer)
    except (OSError, TimeoutError, asyncio.CancelledError):
      pass  # It went away, was too slow, or others needed its place.
    finally:
      self._open.pop(writer, None)
      writer.transport.abort()

  async def _exchange(
    self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
  ) -> None:
    """Reads a request and answers it."""
    connection = h11.Connection(
      h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD
    )
    method = ""
    try:
      head = await _next(connection, reader, writer)
      if not isinstance(head, h11.Request):
        return  # It went away.
      method = head.method.decode("ascii")
      self._admit(head)
      body = await _body(connection, reader, writer)
      path = head.target.decode("ascii").partition("?")[0]
      response = self._respond(Request(method, path, body))
    except h11.RemoteProtocolError as error:
      response = _error(RefusedError(error.error_status_hint, str(error)))
    except RefusedError as error:
      response = _error(error)
    except Exception:
      _log.exception("an answer failed")
      response = _error(RefusedError(500, "this is a bug of the page's"))
    writer.write(_written(connection, response, method))
    await writer.drain()
    writer.write_eof()
    with contextlib.suppress(TimeoutError):
      async with asyncio.timeout(_GRACE):  # So that the answer is not lost.
        while await reader.read(_LONGEST_HEAD):
          pass

  def _admit(self, head: h11.Request) -> None:
    """Raises RefusedError for another page's request, or one too long."""
    values: dict[bytes, list[str]] = {}
    for name, value in head.headers:
      values.setdefault(name, []).append(value.decode("latin-1"))
    reason = self._policy.refusal(
      values.get(b"host", []), values.get(b"origin", [])
    )
    if reason is not None:
      raise RefusedError(403, reason)
    # Of length fields, h11 has seen to it that they are numbers and agree.
    _check_length(int(values.get(b"content-length", ["0"])[0]))


def _tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
  """Logs what the loop has to say, but not that it is out of descriptors."""
  error = context.get("exception")
  if isinstance(error, OSError) and error.errno in _NO_ROOM:
    return
  loop.default_exception_handler(context)


async def _next(
  connection: h11.Connection,
  reader: asyncio.StreamReader,
  writer: asyncio.StreamWriter,
) -> Any:
  """The next of h11's events.

  Raises:
    h11.RemoteProtocolError: for what is not HTTP.
  """
  while (event := connection.next_event()) is h11.NEED_DATA:
    if connection.they_are_waiting_for_100_continue:
      go_on = h11.InformationalResponse(status_code=100, headers=[])
      writer.write(connection.send(go_on) or b"")
    connection.receive_data(await reader.read(_LONGEST_HEAD))
  return event


async def _body(
  connection: h11.Connection,
  reader: asyncio.StreamReader,
  writer: asyncio.StreamWriter,
) -> bytes:
  """The rest of a request.

  Raises:
    RefusedError: for one that is too long.
    h11.RemoteProtocolError: for what is not HTTP.
  """
  body = b""
  while isinstance(event := await _next(connection, reader, writer), h11.Data):
    body += bytes(event.data)
    _check_length(len(body))
  return body


def _check_length(length: int) -> None:
  if length > _LONGEST_BODY:
    raise RefusedError(413, f"expected at most {_LONGEST_BODY} bytes")


def _error(error: RefusedError) -> Response:
  return in_json({"error": str(error)}, error.status, *error.headers)


def _written(
  connection: h11.Connection, response: Response, method: str
) -> bytes:
  """The bytes of an answer."""
  headers = [
    *_HEADERS,
    ("Content-Type", response.kind),
    ("Content-Length", str(len(response.body))),
    *response.headers,
  ]
  head = h11.Response(status_code=response.status, headers=headers)
  parts = [connection.send(head)]
  if method != "HEAD":
    parts.append(connection.send(h11.Data(data=response.body)))
  return b"".join(part or b"" for part in parts)
