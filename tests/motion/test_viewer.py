import sys
import types

import numpy as np
import pytest

from wildrobot_playground.motion import drawing, viewer


class _Handle:
  def __init__(self, value=None):
    self.value = value
    self.position = self.wxyz = None


class _Scene:
  def __init__(self):
    self.added = []

  def __getattr__(self, name):
    def add(path, *args, **look):
      self.added.append((name, path))
      return _Handle()

    return add


class _Gui:
  def add_checkbox(self, label, value):
    return _Handle(value)

  def add_slider(self, label, low, high, step, value):
    return _Handle(value)


class _Server:
  def __init__(self, host, port, verbose):
    self.scene, self.gui, self.stopped = _Scene(), _Gui(), False

  def stop(self):
    self.stopped = True


@pytest.fixture
def page(monkeypatch, human_clip, recorded_clip, robot):
  module = types.SimpleNamespace(ViserServer=_Server)
  monkeypatch.setitem(sys.modules, "viser", module)
  return viewer.Viewer([human_clip, recorded_clip], robot)


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


def test_running_shows_and_closing_stops(page):
  page.run(iter(range(2)))
  page.close()
  assert page.server.stopped


@pytest.mark.parametrize(
  "shape",
  [drawing.cylinder(0.1, 0.2), drawing.box(np.array([0.1, 0.2, 0.3]))],
  ids=["cylinder", "box"],
)
def test_a_surface_is_closed_and_faces_out(shape):
  """Every edge of a closed surface belongs to two faces, once each way."""
  vertices, faces = shape
  edges = [(int(f[i]), int(f[(i + 1) % 3])) for f in faces for i in range(3)]
  assert len(set(edges)) == len(edges)
  assert {(b, a) for a, b in edges} == set(edges)
  a, b, c = vertices[faces].transpose(1, 0, 2)
  volume = np.sum(a * np.cross(b, c)) / 6
  assert volume > 0
