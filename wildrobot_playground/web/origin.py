"""Who may ask: a browser that shows our own page, by a name that is ours.

Any web site can make a browser send requests to this machine. Two headers that
no site can forge tell them apart. `Host` is the name by which the browser knows
us: a site whose own name has been pointed at this machine (DNS rebinding) sends
its own. `Origin` is the page that asks. A number is never a name that was
pointed elsewhere, so every IP address is accepted as `Host`; that is what lets
forwarded ports and containers work.
"""

import dataclasses
import ipaddress
import re
import socket
from collections.abc import Sequence

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?")
_LONGEST = 80  # characters of a header that is repeated in an answer


@dataclasses.dataclass(frozen=True)
class Policy:
  """Who may ask at a port.

  Attributes:
    port: that we listen on.
    names: lower-case, by which we may be known besides IP addresses.
  """

  port: int
  names: frozenset[str]

  def refusal(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
    """Why a request is refused; None for one that may be answered.

    Args:
      hosts: values of its `Host` headers.
      origins: values of its `Origin` headers; programs send none.
    """
    if len(hosts) != 1 or len(origins) > 1:
      return "expected one Host and at most one Origin"
    host = hosts[0].lower()
    name, port = split(host)
    if port != self.port or not self._is_ours(name):
      return (
        f"not known here as {host[:_LONGEST]!r}; open the page by localhost or"
        f" an IP address, with port {self.port}, or start it with --host=NAME"
      )
    if origins and origins[0].lower() != f"http://{host}":
      return f"pages of {origins[0][:_LONGEST]!r} may not ask here"
    return None

  def _is_ours(self, name: str) -> bool:
    try:
      ipaddress.ip_address(name.strip("[]"))
    except ValueError:
      return name.rstrip(".") in self.names
    return True


def split(host: str) -> tuple[str, int]:
  """The name and the port of a `Host`; ("", 0) for what is none."""
  match = _HOST.fullmatch(host)
  if match is None:
    return "", 0
  return match[1], int(match[2] or 80)


def names(host: str) -> frozenset[str]:
  """Names of this machine, and the one that it was told to listen on."""
  machine = socket.gethostname().lower()
  return frozenset({"localhost", machine, f"{machine}.local", host.lower()})
