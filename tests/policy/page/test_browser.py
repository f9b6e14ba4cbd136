"""The page in a real browser: a robot is to be seen, and it answers."""

import itertools
import os
import pathlib
import threading
import time

import matplotlib.image
import pytest

from tests.policy.page import browser as browser_lib
from wildrobot_playground import assets
from wildrobot_playground.policy import sim_to_sim
from wildrobot_playground.policy.page import app, walker
from wildrobot_playground.web import address

pytestmark = pytest.mark.skipif(
  browser_lib.find() is None, reason="needs Chromium"
)
_STICK = "document.getElementById('stick').getBoundingClientRect()"


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


def test_the_page_says_how_fast_it_walks(browser):
  assert _eventually(
    lambda: (
      "m/s" in browser.evaluate("document.getElementById('state').innerText")
    )
  )
