"""The page of a robot that is told three speeds, with a robot made of air."""

import itertools
import json
import urllib.error
import urllib.request

import mujoco
import numpy as np
import pytest

from wildrobot_playground.policy.page import joystick_app
from wildrobot_playground.web import address

MODEL = """
<mujoco>
  <worldbody>
    <body pos="0 0 0.5">
      <freejoint/>
      <geom type="sphere" size="0.1"/>
    </body>
  </worldbody>
</mujoco>
"""


class Ball:
  """Does as it is told."""

  def __init__(self):
    self.model = mujoco.MjModel.from_xml_string(MODEL)
    self.dt, self.falls, self.pushes = 0.02, 0, 0
    self.low, self.high = np.array([-0.5, 0.0, -1.0]), np.array([1.0, 0.0, 0.7])
    self.reset()

  def reset(self):
    self.qpos, self.twist = self.model.qpos0.copy(), np.zeros(3)

  def step(self, command):
    self.twist = np.array(command)
    self.qpos[:2] += self.dt * self.twist[:2]

  def push(self):
    self.pushes += 1


@pytest.fixture
def page():
  listeners = address.listen_pair("127.0.0.1", 0)
  page = joystick_app.JoystickApp(Ball(), *listeners)
  yield page
  page.close()


def ask(page, path, body=None):
  url = f"http://127.0.0.1:{page.joystick.port}/{path}"
  data = None if body is None else json.dumps(body).encode()
  with urllib.request.urlopen(url, data) as answer:
    return json.loads(answer.read())


def test_the_stick_drives_ahead_and_turns(page):
  ask(page, "command", {"speed": 1.0, "turn": -0.7})
  page.run(iter(range(60)))
  assert page.player.twist.tolist() == [1.0, 0.0, -0.7]
  assert page.player.qpos[0] == pytest.approx(60 * 0.02)
  state = ask(page, "state")
  assert state["speed"] == pytest.approx(1.0, abs=0.1)
  assert state["command"] == 1.0
  assert 30 < state["rate"] < 55


@pytest.mark.parametrize("speed", [1.1, -0.1, None, float("nan")])
def test_beyond_what_it_is_trained_for_nothing_is_told(page, speed):
  with pytest.raises(urllib.error.HTTPError, match="400"):
    ask(page, "command", {"speed": speed, "turn": 0.0})
  with pytest.raises(ValueError, match="finite"):
    page.drive(np.nan)


def test_what_the_task_never_tells_is_never_told(page):
  left = page._sliders[1]
  assert left.disabled
  left.value = left.max
  page.step()
  assert page.player.twist[1] == 0.0


def test_pushes_and_new_starts_reach_the_robot(page):
  ask(page, "push", {})
  assert page.player.pushes == 1
  page.drive(0.5)
  page.run(itertools.islice(itertools.count(), 5))
  page.reset()
  assert page.player.qpos[0] == 0.0
