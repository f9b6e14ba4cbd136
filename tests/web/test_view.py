"""The 3-D view: for our own page only, and not to be broken by a message."""

import http.client
import os
import socket
import threading
import time

import msgspec.msgpack
import pytest
import viser
import websockets.asyncio.server as websocket_server
from websockets.exceptions import (
  ConnectionClosed,
  InvalidStatus,
  WebSocketException,
)
from websockets.sync.client import connect

from wildrobot_playground.web import address, view

_PAGE_PORT = 4242
_CAMERA = {
  "type": "ViewerCameraMessage",
  "wxyz": (1.0, 0.0, 0.0, 0.0),
  "position": (0.0, 0.0, 1.0),
  "fov": 1.0,
  "near": 0.1,
  "far": 10.0,
  "image_height": 100,
  "image_width": 100,
  "look_at": (0.0, 0.0, 0.0),
  "up_direction": (0.0, 0.0, 1.0),
}


@pytest.fixture(scope="module")
def served():
  listener = address.listen("127.0.0.1", 0)
  server = view.serve(listener, _PAGE_PORT)
  yield server
  view.stop(server)


@pytest.fixture
def slider(served):
  slider = served.gui.add_slider("speed", 0.0, 1.0, 0.05, 0.5)
  yield slider
  slider.remove()


def _connect(served, host=None, origin="own", **options):
  host = host or f"127.0.0.1:{served.get_port()}"
  return connect(
    f"ws://{host}",
    sock=socket.create_connection(("127.0.0.1", served.get_port())),
    origin=f"http://{host}" if origin == "own" else origin,
    subprotocols=[f"viser-v{viser.__version__}"],
    max_size=None,
    **options,
  )


def _send(link, **message):
  link.send(msgspec.msgpack.encode(message))


def _tell(link, slider, value):
  updates = {"value": value}
  uuid = slider._impl.uuid
  _send(link, type="GuiUpdateMessage", uuid=uuid, updates=updates)


def _get(served, path, host=None):
  link = http.client.HTTPConnection("127.0.0.1", served.get_port(), timeout=10)
  headers = {"Host": host or f"127.0.0.1:{served.get_port()}"}
  link.request("GET", path, headers=headers)
  answer = link.getresponse()
  answer.read()
  link.close()
  return answer


def _eventually(condition, seconds=10.0):
  end = time.monotonic() + seconds
  while time.monotonic() < end and not condition():
    time.sleep(0.02)
  return condition()


def test_its_own_page_drives_it(served, slider):
  with _connect(served) as link:
    _send(link, **_CAMERA)
    _tell(link, slider, 0.25)
    assert _eventually(lambda: slider.value == 0.25)


@pytest.mark.parametrize(
  "origin", ["http://evil.example", "null", f"http://127.0.0.1:{_PAGE_PORT}"]
)
def test_other_pages_do_not(served, origin):
  with pytest.raises(InvalidStatus, match="403"):
    _connect(served, origin=origin)


def test_a_name_pointed_at_this_machine_does_not(served):
  host = f"evil.example:{served.get_port()}"
  with pytest.raises(InvalidStatus, match="403"):
    _connect(served, host=host)
  assert _get(served, "/", host).status == 403


def test_its_page_is_for_the_frame_of_ours_and_takes_no_other_orders(served):
  answer = _get(served, "/?websocket=ws://evil.example")
  rules = answer.headers["Content-Security-Policy"]
  own = f"127.0.0.1:{served.get_port()}"
  assert answer.status == 200
  assert f"connect-src 'self' ws://{own} data: blob:;" in rules
  assert rules.endswith(f"frame-ancestors http://127.0.0.1:{_PAGE_PORT}")


@pytest.mark.parametrize(
  "path",
  [
    "/../_viser.py",
    "/%2e%2e/%2e%2e/_viser.py",
    "/..%5c.._viser.py",
    "//etc/passwd",
    "/%00",
    "/" + "a" * 3000,
  ],
)
def test_no_other_file_is_served(served, path):
  assert _get(served, path).status in (404, 500)


def test_nobody_makes_it_public(served, monkeypatch):
  from viser import _viser

  asked = []
  monkeypatch.setattr(_viser, "ViserTunnel", lambda *a: asked.append(a))
  with _connect(served) as link:
    _send(link, **_CAMERA)
    _send(link, type="ShareUrlRequest")
    _tell_and_wait(link, served)
  assert served.request_share_url() is None
  assert not asked


def _tell_and_wait(link, served):
  """Until all that was sent before has been seen to."""
  box = served.gui.add_checkbox("seen", False)
  _tell(link, box, True)
  assert _eventually(lambda: box.value)
  box.remove()


def test_no_message_breaks_it(served, slider, capfd):
  with _connect(served) as link:
    _send(link, **_CAMERA)
    for value in (float("nan"), float("inf"), "fast", [1], None, {}):
      _tell(link, slider, value)
    uuid = slider._impl.uuid
    for updates in ({"update_cb": 1}, {"removed": True}, {"nothing": 1}, 3):
      _send(link, type="GuiUpdateMessage", uuid=uuid, updates=updates)
    for kind in ("FileTransferPart", "RunJavascriptMessage", "Nothing", 3):
      _send(link, type=kind)
    link.send("text")
    for _ in range(3000):
      link.send(os.urandom(20))
    assert slider.value == 0.5
    _tell_and_wait(link, served)
    _tell(link, slider, 0.75)
    assert _eventually(lambda: slider.value == 0.75)
  assert capfd.readouterr().err == ""


def test_a_message_without_end_is_hung_up_on(served, slider):
  with _connect(served) as link, pytest.raises(ConnectionClosed):
    link.send(b"a" * 1_000_000)
    while True:
      link.recv(timeout=10)
  test_its_own_page_drives_it(served, slider)


@pytest.mark.parametrize("value", [1e300, -1e300, float("nan"), float("inf")])
def test_a_slider_says_what_is_in_its_range(slider, value):
  slider.value = value
  assert 0.0 <= view.value_of(slider) <= 1.0
  slider.value = 0.5
  assert view.value_of(slider) == 0.5


def test_half_requests_are_no_threads_and_leave_places(served, slider):
  threads = threading.active_count()
  port = served.get_port()
  links = []
  for _ in range(300):
    links.append(socket.create_connection(("127.0.0.1", port), 10))
    links[-1].sendall(b"GET / HT")
  assert threading.active_count() == threads
  test_its_own_page_drives_it(served, slider)
  for link in links:
    link.close()


def test_open_views_are_bounded(served, slider, monkeypatch):
  monkeypatch.setattr(view, "_MOST", 3)
  links = [_connect(served) for _ in range(3)]
  with pytest.raises((OSError, WebSocketException)):
    _connect(served, open_timeout=3)
  for link in links:
    link.close()
  assert _eventually(lambda: _opens(served))


def _opens(served):
  try:
    _connect(served, open_timeout=3).close()
  except (OSError, WebSocketException):
    return False
  return True


def test_closing_ends_its_threads_and_gives_the_port_back(capfd):
  before = set(threading.enumerate())

  def ours() -> set[threading.Thread]:
    return set(threading.enumerate()) - before

  listener = address.listen("127.0.0.1", 0)
  port = listener.port
  server = view.serve(listener)
  link = _connect(server)
  idle = socket.create_connection(("127.0.0.1", port))
  started = time.monotonic()
  view.stop(server)
  assert time.monotonic() - started < 3.0
  assert _eventually(lambda: len(ours()) <= 1)
  link.close()
  idle.close()
  assert _eventually(lambda: not ours())
  address.listen("127.0.0.1", port).close()
  assert capfd.readouterr().err == ""


def test_a_viser_that_cannot_be_guarded_is_refused(monkeypatch):
  """One that serves by a way of its own."""
  from viser.infra import _infra

  class Own:
    class asyncio:  # noqa: N801
      class server:  # noqa: N801
        serve = staticmethod(websocket_server.serve)

  monkeypatch.setattr(_infra, "websockets", Own)
  listener = address.listen("127.0.0.1", 0)
  with pytest.raises(RuntimeError, match="cannot be kept to this page"):
    view.serve(listener)
  listener.close()
