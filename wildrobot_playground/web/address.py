"""Takes a port before anything slow happens, or says why it cannot."""

import dataclasses
import errno
import ipaddress
import socket

from wildrobot_playground.web import origin

DEFAULT_PORT = 8080
_TRIES = 100  # ports, when any will do
_HIGHEST = 65535
_BACKLOG = 128


class AddressError(ValueError):
  """An address that cannot be listened on; the message says what to do."""


class TakenError(AddressError):
  """A port that another program listens on."""


@dataclasses.dataclass(frozen=True)
class Listener:
  """A port that is ours.

  Attributes:
    socket: bound and listening.
    host: that was asked for.
  """

  socket: socket.socket
  host: str

  @property
  def port(self) -> int:
    """That is really listened on."""
    return self.socket.getsockname()[1]

  @property
  def shared(self) -> bool:
    """Whether it listens on every address of this machine."""
    address = self.socket.getsockname()[0]
    return ipaddress.ip_address(address.partition("%")[0]).is_unspecified

  @property
  def url(self) -> str:
    """To open in a browser on this machine."""
    name = "localhost" if self.shared else self.host
    return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"

  @property
  def policy(self) -> origin.Policy:
    """Who may ask at this port."""
    return origin.Policy(self.port, origin.names(self.host))

  def close(self) -> None:
    """Gives the port back."""
    self.socket.close()


def listen(host: str, port: int | None, after: int | None = None) -> Listener:
  """Takes a port.

  Args:
    host: an address or a name of this machine.
    port: 0 for any free one, None for the next free one.
    after: the first that "next" may be follows this one.

  Raises:
    AddressError: for a host that is not this machine's, a port out of range,
      one that is not allowed (under 1024, on many machines).
    TakenError: for a port that another program has.
  """
  if port is not None:
    return Listener(_bind(host, port), host)
  first = DEFAULT_PORT if after is None else after + 1
  for candidate in range(first, min(first + _TRIES, _HIGHEST + 1)):
    try:
      return Listener(_bind(host, candidate), host)
    except TakenError:
      continue
  raise TakenError(
    f"--port: no free port from {first} on; end other programs or give one"
  )


def listen_pair(host: str, port: int | None) -> tuple[Listener, Listener]:
  """Takes a port for a page, and the next free one for the view inside it.

  Args:
    host: see `listen`.
    port: of the page; see `listen`.

  Raises:
    AddressError: see `listen`; and for the last port, which has no next.
  """
  if port == _HIGHEST:
    raise AddressError(
      f"--port={port}: expected 0 to {_HIGHEST - 1}; the 3-D view takes the"
      " next port"
    )
  page = listen(host, port)
  try:
    return page, listen(host, 0 if port == 0 else None, after=page.port)
  except AddressError:
    page.close()
    raise


def _bind(host: str, port: int) -> socket.socket:
  """A listening socket."""
  if not 0 <= port <= _HIGHEST:
    raise AddressError(f"--port={port}: expected 0 to {_HIGHEST}")
  failure: OSError | None = None
  for family, address in _resolve(host, port):
    try:
      return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
      failure = error
  raise _explained(host, port, failure)


def _resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple]]:
  """Families and socket addresses of a host."""
  try:
    if not host.strip():
      raise ValueError
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
  except (OSError, ValueError) as error:  # No such name, or none at all.
    raise AddressError(
      f"--host={host}: no such address; give one of this machine's, like"
      " 127.0.0.1, or 0.0.0.0 for all of them"
    ) from error
  return [(family, address) for family, _, _, _, address in found]


def _explained(host: str, port: int, error: OSError | None) -> AddressError:
  """What a failure to bind means."""
  number = error.errno if error else None
  reason = error.strerror if error else "it has no address"
  if number == errno.EADDRINUSE:
    return TakenError(
      f"port {port} is not free ({reason}); give another --port"
    )
  if number in (errno.EACCES, errno.EPERM):
    return AddressError(
      f"port {port} is not allowed ({reason}); give a --port from 1024 on"
    )
  return AddressError(
    f"--host={host}: not an address of this machine ({reason}); give one of its"
    " own, like 127.0.0.1, or 0.0.0.0 for all of them"
  )
