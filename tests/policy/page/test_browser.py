"""The page in a real browser: a robot is to be seen, and it answers."""

import contextlib
import http.server
import itertools
import os
import pathlib
import threading
import time

import matplotlib.image
import pytest
from websockets.sync.server import serve

from tests.policy.page import browser as browser_lib
from wildrobot_playground.policy.page import app, walker
from wildrobot_playground.policy.sim import sim_to_sim
from wildrobot_playground.system import assets
from wildrobot_playground.web import address

pytestmark = pytest.mark.skipif(
  browser_lib.find() is None, reason="needs Chromium"
)
_STICK = "document.getElementById('stick').getBoundingClientRect()"

_ATTACK = """
  var tried = 0, opened = 0;
  const body = JSON.stringify({speed: 0.3, turn: 0});
  const options = {method: "POST", mode: "no-cors", body};
  fetch("%(own)s/command", options).finally(() => { tried++; });
  fetch("%(own)s/state").then(() => { opened++; }, () => { tried++; });
  const socket = new WebSocket("%(view)s");
  socket.onopen = () => { opened++; };
  socket.onclose = () => { tried++; };
  0
"""


class _Site(http.server.BaseHTTPRequestHandler):
  """Another web site."""

  def do_GET(self):
    self.send_response(200)
    self.send_header("Content-Type", "text/html")
    self.end_headers()
    self.wfile.write(b"<title>evil</title>")

  def log_message(self, format, *args):
    pass


@contextlib.contextmanager
def _site():
  """The address of another site, while it is up."""
  with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site) as site:
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield f"http://localhost:{site.server_address[1]}/"
    site.shutdown()


@pytest.fixture(scope="module")
def page():
  folder = assets.policies() / "walk"
  entrant = app.Entrant(
    "walk", sim_to_sim.load(folder), walker.style_beside(folder)
  )
  page = app.App([entrant], *address.listen_pair("127.0.0.1", 0))
  stop = threading.Event()
  steps = itertools.takewhile(lambda _: not stop.is_set(), itertools.count())
  thread = threading.Thread(target=page.run, args=(steps,))
  thread.start()
  yield page
  stop.set()
  thread.join()
  page.close()


@pytest.fixture(scope="module")
def browser(page, tmp_path_factory):
  browser = browser_lib.Browser(tmp_path_factory.mktemp("profile"))
  browser.open(f"http://127.0.0.1:{page.joystick.port}/")
  yield browser
  browser.close()


def _eventually(condition, seconds=60.0):
  end = time.monotonic() + seconds
  while time.monotonic() < end:
    if condition():
      return True
    time.sleep(0.2)
  return False


def _orange(browser, path: pathlib.Path) -> int:
  """How many pixels of a screenshot have the robot's orange."""
  if not browser.screenshot(path):
    return 0
  # The middle, where no button and no notice is.
  picture = matplotlib.image.imread(path)[100:450, 380:820, :3]
  red, green, blue = picture.transpose(2, 0, 1)
  return int(((red > 0.6) & (green > 0.4) & (blue < 0.25)).sum())


def test_the_robot_is_to_be_seen(browser, tmp_path):
  seen = _eventually(lambda: _orange(browser, tmp_path / "page.png") > 1000)
  if folder := os.environ.get("WILDROBOT_SCREENSHOTS"):
    (pathlib.Path(folder) / "page.png").write_bytes(
      (tmp_path / "page.png").read_bytes()
    )
  assert seen


def test_it_answers_to_the_joystick(browser, page):
  assert _eventually(lambda: browser.evaluate(f"{_STICK}.width") is not None)
  x, y, width = (browser.evaluate(f"{_STICK}.{k}") for k in ("x", "y", "width"))
  middle = (x + width / 2, y + width / 2)
  browser.drag(middle, (middle[0], middle[1] + width / 20))
  fastest = page._speed.max
  # A tenth of the stick's radius down, half as much again for its reach.
  told = fastest * (1 - 0.15) / 2
  assert _eventually(lambda: page._speed.value == pytest.approx(told, abs=0.03))
  assert _eventually(lambda: page._mean_speed == pytest.approx(told, abs=0.15))


def test_it_answers_to_the_keyboard(browser, page):
  before = page._speed.value
  browser.press("w")
  assert _eventually(lambda: page._speed.value > before + 0.02, 10)
  browser.press("x")
  assert _eventually(lambda: page._speed.value == 0.0, 10)


def test_another_site_drives_nothing(page, tmp_path_factory):
  """A page of another port, in a browser that would let it."""
  own = f"http://127.0.0.1:{page.joystick.port}"
  view = f"ws://127.0.0.1:{page.view.get_port()}"
  browser = browser_lib.Browser(tmp_path_factory.mktemp("other"))
  before = page._speed.value, page.view.get_clients()
  try:
    with _site() as url:
      browser.open(url)
      assert _eventually(lambda: browser.evaluate("document.title") == "evil")
      browser.evaluate(_ATTACK % {"own": own, "view": view})
      assert _eventually(lambda: browser.evaluate("tried") == 3, 20)
      assert browser.evaluate("opened") == 0
  finally:
    browser.close()
  assert page._speed.value == before[0]
  assert page.view.get_clients().keys() <= before[1].keys()


def test_a_link_does_not_make_the_view_take_orders_from_elsewhere(
  page, tmp_path_factory
):
  """The view connects to whatever server its address names."""
  came = []
  options = {"host": "127.0.0.1", "port": 0}
  with serve(came.append, process_request=_note(came), **options) as other:
    threading.Thread(target=other.serve_forever, daemon=True).start()
    elsewhere = f"ws://127.0.0.1:{other.socket.getsockname()[1]}"
    browser = browser_lib.Browser(tmp_path_factory.mktemp("link"))
    try:
      view = f"http://127.0.0.1:{page.view.get_port()}/"
      browser.open(f"{view}?websocket={elsewhere}")
      shown = "document.querySelector('canvas') !== null"
      assert _eventually(lambda: browser.evaluate(shown) or came)
      time.sleep(3.0)
    finally:
      browser.close()
    assert not came


def _note(came):
  return lambda connection, request: came.append(request)


def test_the_page_says_how_fast_it_walks(browser):
  assert _eventually(
    lambda: (
      "m/s" in browser.evaluate("document.getElementById('state').innerText")
    )
  )
