import contextlib
import os
import re
import signal
import time

import mujoco
import numpy as np
import pytest

from tests.motion import command as cli
from wildrobot_playground.motion.show import viewer
from wildrobot_playground.system import assets
from wildrobot_playground.web import address, drawing

CLIP = str(assets.reference() / "clips" / "human_walk_0p30.npz")


@pytest.fixture
def listener():
  return address.listen("127.0.0.1", 0)


@pytest.fixture
def page(human_clip, recorded_clip, robot, listener):
  page = viewer.Viewer([human_clip, recorded_clip], robot, listener)
  yield page
  page.close()


def _pelvis(page, index):
  return np.array(page._drawings[index]._bodies[0][1].position)


def test_clips_stand_beside_each_other(page, human_clip, recorded_clip):
  page.show(0.0)
  apart = _pelvis(page, 0) - _pelvis(page, 1)
  assert apart[1] == pytest.approx(0.6)
  assert _pelvis(page, 0)[2] == pytest.approx(human_clip.root_pos[0, 2])


def test_time_goes_on_at_the_chosen_rate_and_begins_again(page):
  page.rate.value = 2.0
  page.advance(0.25)
  assert page.time.value == pytest.approx(0.5)
  page.advance(page.duration / 2)
  assert page.time.value == pytest.approx(0.5)
  page.playing.value = False
  page.advance(1.0)
  assert page.time.value == pytest.approx(0.5)


def test_robots_stay_in_place_until_told_to_walk(page, recorded_clip):
  page.show(1.0)
  assert _pelvis(page, 1)[0] == pytest.approx(0.0)
  page.follow.value = False
  page.show(1.0)
  assert _pelvis(page, 1)[0] == pytest.approx(recorded_clip.root_pos[50, 0])


def test_running_shows_and_closing_gives_the_port_back(
  human_clip, robot, listener
):
  page = viewer.Viewer([human_clip], robot, listener)
  port = listener.port
  page.run(iter(range(2)))
  page.close()
  address.listen("127.0.0.1", port).close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300, 1e300])
def test_a_panel_out_of_its_range_shows_a_frame_of_the_clip(page, value):
  page.rate.value = page.time.value = value
  page.advance(0.02)
  assert 0.0 <= page.time.value <= page.duration
  assert np.isfinite(_pelvis(page, 0)).all()


@pytest.fixture
def left_at_once(monkeypatch):
  """Somebody who presses Ctrl-C as soon as it plays."""

  def interrupt(self, steps):
    os.kill(os.getpid(), signal.SIGINT)
    assert all(time.monotonic() < deadline for _ in steps)

  deadline = time.monotonic() + 60
  monkeypatch.setattr(viewer.Viewer, "run", interrupt)


def test_the_port_that_is_really_used_is_named(left_at_once, capsys):
  with contextlib.closing(address.listen("127.0.0.1", None)) as taken:
    assert cli.main(["view", CLIP]) == 0
    (port,) = re.findall(r"http://127.0.0.1:(\d+);", capsys.readouterr().out)
    assert int(port) > taken.port
  address.listen("127.0.0.1", int(port)).close()


def test_a_port_that_cannot_be_had_costs_one_line(left_at_once, capsys):
  with contextlib.closing(address.listen("127.0.0.1", 0)) as taken:
    for port in (taken.port, -1, 70000):
      assert cli.main(["view", CLIP, f"--port={port}"]) == 2
      error = capsys.readouterr().err
      assert error.count("\n") == 1
      assert "is not free" in error or "number from 0 to 65,535" in error


GEOMS = """
<mujoco>
  <asset>
    <mesh name="wedge" vertex="0 0 0  1 0 0  0 1 0  0 0 1"/>
  </asset>
  <worldbody>
    <body>
      <geom type="box" size="0.1 0.2 0.3"/>
      <geom type="cylinder" size="0.1 0.3"/>
      <geom type="capsule" size="0.1 0.2"/>
      <geom type="sphere" size="0.2"/>
      <geom type="ellipsoid" size="0.1 0.2 0.3"/>
      <geom type="mesh" mesh="wedge"/>
    </body>
  </worldbody>
</mujoco>
"""


def test_geoms_are_closed_surfaces_of_their_own_size():
  model = mujoco.MjModel.from_xml_string(GEOMS)
  shapes = [drawing.mesh(model, geom) for geom in range(model.ngeom)]
  assert all(shape.is_watertight and shape.volume > 0 for shape in shapes)
  expected = [
    0.1 * 0.2 * 0.3 * 8,
    np.pi * 0.01 * 0.6,
    np.pi * 0.01 * (0.4 + 0.4 / 3),
    np.pi * 0.008 * 4 / 3,
    np.pi * 0.006 * 4 / 3,
    1 / 6,
  ]
  volumes = [shape.volume for shape in shapes]
  np.testing.assert_allclose(volumes, expected, rtol=0.04)


def test_a_plane_has_no_end_to_draw():
  text = (
    "<mujoco><worldbody><geom type='plane' size='1 1 1'/></worldbody></mujoco>"
  )
  assert drawing.mesh(mujoco.MjModel.from_xml_string(text), 0) is None
