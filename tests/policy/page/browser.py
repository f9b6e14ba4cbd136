"""A headless Chromium, driven through its DevTools protocol."""

import asyncio
import base64
import contextlib
import itertools
import json
import pathlib
import shutil
import subprocess
import time
import urllib.request
from typing import Any

from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
  "--headless=new",
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--ignore-gpu-blocklist",
  "--remote-debugging-port=0",
  "--window-size=1200,800",
)


def find() -> str | None:
  """The path of a Chromium, if there is one."""
  return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
  """One tab."""

  def __init__(self, profile: pathlib.Path):
    """Starts it with a profile of its own."""
    self._process = subprocess.Popen(
      [find() or "", *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
      stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL,
    )
    port = self._port(profile / "DevToolsActivePort")
    tabs = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json"))
    (tab,) = [tab for tab in tabs if tab["type"] == "page"]
    self._socket = connect(tab["webSocketDebuggerUrl"], max_size=None)
    self._ids = itertools.count(1)

  def open(self, url: str) -> None:
    """Goes to a page."""
    self._call("Page.navigate", url=url)

  def evaluate(self, script: str) -> Any:
    """The value of a script."""
    answer = self._call(
      "Runtime.evaluate", expression=script, returnByValue=True
    )
    return answer["result"].get("value")

  def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Presses at one point, moves to another and lets go."""
    for kind, (x, y) in (
      ("mousePressed", start),
      ("mouseMoved", end),
      ("mouseReleased", end),
    ):
      self._call(
        "Input.dispatchMouseEvent",
        type=kind,
        x=x,
        y=y,
        button="left",
        buttons=0 if kind == "mouseReleased" else 1,
        clickCount=1,
      )

  def press(self, key: str) -> None:
    """Types a key."""
    for kind in ("keyDown", "keyUp"):
      self._call("Input.dispatchKeyEvent", type=kind, key=key, text="")

  def screenshot(self, path: pathlib.Path) -> bool:
    """Writes a PNG of what is to be seen; False while a page is loading."""
    data = self._call("Page.captureScreenshot").get("data")
    if data is not None:
      path.write_bytes(base64.b64decode(data))
    return data is not None

  def close(self) -> None:
    """Ends it."""
    self._process.kill()
    self._process.wait()
    with contextlib.suppress(Exception, asyncio.CancelledError):
      self._socket.close()

  def _port(self, file: pathlib.Path) -> int:
    for _ in range(200):
      if file.is_file() and "\n" in file.read_text():
        return int(file.read_text().splitlines()[0])
      time.sleep(0.1)
    raise TimeoutError("Chromium does not start")

  def _call(self, method: str, **params: Any) -> dict[str, Any]:
    number = next(self._ids)
    self._socket.send(
      json.dumps({"id": number, "method": method, "params": params})
    )
    while True:
      answer = json.loads(self._socket.recv(timeout=60))
      if answer.get("id") == number:
        return answer.get("result", {})
