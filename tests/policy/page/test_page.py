"""The page without a browser: what it is told happens, and it keeps time."""

import itertools
import json
import time
import urllib.request

import numpy as np
import pytest

from wildrobot_playground.policy.page import app, ghost, ground, walker
from wildrobot_playground.robots import scene
from wildrobot_playground.robots.wildrobot import WILDROBOT
from wildrobot_playground.web import address


@pytest.fixture
def page(walk, walk_folder):
  entrant = app.Entrant("walk", walk, walker.style_beside(walk_folder))
  page = app.App([entrant], *_listeners())
  yield page
  page.close()


def _listeners():
  return address.listen_pair("127.0.0.1", 0)


def _ask(page, path, body=None):
  url = f"http://127.0.0.1:{page.joystick.port}/{path}"
  data = None if body is None else json.dumps(body).encode()
  with urllib.request.urlopen(url, data) as answer:
    return answer.read()


def test_the_joystick_drives_the_robot(page):
  _ask(page, "command", {"speed": 0.4, "turn": 0.0})
  for _ in range(150):
    page.step()
  assert page.walkers[0].pose[0] == pytest.approx(0.4 * 3.0, abs=0.4)
  state = json.loads(_ask(page, "state"))
  assert state["command"] == pytest.approx(0.4)
  assert state["speed"] == pytest.approx(0.4, abs=0.15)
  _ask(page, "command", {"speed": 0.0, "turn": 0.0})
  for _ in range(150):
    page.step()
  assert abs(page.walkers[0].speed) < 0.05
  assert page.walkers[0].falls == 0


def test_it_turns_while_it_walks_only(page):
  _ask(page, "command", {"speed": 0.0, "turn": 0.5})
  for _ in range(50):
    page.step()
  assert abs(page.walkers[0].heading) < 0.1
  _ask(page, "command", {"speed": 0.4, "turn": 0.5})
  for _ in range(150):
    page.step()
  assert page.walkers[0].heading > 0.7


def test_a_push_is_felt(page):
  before = page.walkers[0]._simulation.qvel.copy()
  _ask(page, "push", {})
  after = page.walkers[0]._simulation.qvel
  assert np.linalg.norm(after[0, :2] - before[0, :2]) == pytest.approx(0.3)


def test_the_page_is_served_with_the_ports_filled_in(page):
  text = _ask(page, "").decode()
  assert f'"port": {page.view.get_port()}' in text
  assert "/*CONFIG*/" not in text


def test_it_keeps_time(page):
  page.run(iter(range(10)))
  started = time.monotonic()
  page.run(iter(range(50)))
  assert time.monotonic() - started == pytest.approx(1.0, abs=0.5)
  assert page.rate > 25


def test_rough_ground_and_other_physics_can_be_chosen(page):
  page._terrain.value = "rough"
  page._physics.value = "4 ms, pyramidal cones"
  page._changed = True
  page.step()
  assert page.walkers[0].model.nhfield == 1
  assert page.walkers[0].model.opt.timestep == pytest.approx(0.004)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300, 1e300])
def test_a_panel_out_of_its_range_does_not_reach_the_robot(page, value):
  for slider in (page._speed, page._push_speed):
    slider.value = value
  page.push()
  for _ in range(5):
    page.step()
  speeds = page.walkers[0]._simulation.qvel
  assert np.isfinite(speeds).all()
  assert np.abs(speeds).max() < 50.0
  assert 0.0 <= page.walkers[0].command <= page._speed.max
  assert 0.0 <= json.loads(_ask(page, "state"))["command"] <= page._speed.max


def test_a_choice_that_is_none_changes_nothing(page):
  page._terrain.value = page._physics.value = "nothing of this kind"
  page._changed = True
  page.step()
  assert page.walkers[0].model.nhfield == 0


@pytest.mark.parametrize("command", [(float("nan"), 0.0), (0.2, float("inf"))])
def test_it_cannot_be_driven_by_what_is_no_number(page, command):
  with pytest.raises(ValueError, match="finite"):
    page.drive(*command)
  assert page._speed.value == 0.0


def test_closing_gives_the_ports_back_and_two_are_two(walk_folder):
  from wildrobot_playground.policy.sim import sim_to_sim

  pages = [
    app.App([app.Entrant("a", sim_to_sim.load(walk_folder))], *_listeners())
    for _ in range(2)
  ]
  pages[0].drive(0.3)
  assert json.loads(_ask(pages[0], "state"))["command"] == pytest.approx(0.3)
  assert json.loads(_ask(pages[1], "state"))["command"] == 0.0
  ports = [(page.joystick.port, page.view.get_port()) for page in pages]
  for page in pages:
    page.close()
  for port in itertools.chain(*ports):
    address.listen("127.0.0.1", port).close()


def test_two_policies_walk_side_by_side(walk_folder):
  from wildrobot_playground.policy.sim import sim_to_sim

  entrants = [
    app.Entrant(name, sim_to_sim.load(walk_folder)) for name in ("a", "b")
  ]
  page = app.App(entrants, *_listeners())
  page.drive(0.3)
  for _ in range(20):
    page.step()
  first, second = (drawn.place for drawn in page._drawings)
  page.close()
  assert first[1] - second[1] > 0.5
  assert page.walkers[0].pose == pytest.approx(page.walkers[1].pose, abs=1e-5)


def test_a_robot_that_falls_gets_up(walk, robot):
  robot_walker = walker.Walker("walk", walk, robot)
  robot_walker._simulation.qpos[0, 2] = 0.05
  robot_walker.step()
  assert robot_walker.falls == 1
  assert robot_walker.pose[2] > 0.4


def test_the_ghost_walks_as_fast_as_told_and_stands_otherwise():
  shade = ghost.Ghost(WILDROBOT)
  standing = shade.advance(0.02, 0.0)
  assert np.array_equal(shade.advance(0.02, 0.0), standing)
  walking = [shade.advance(0.02, 0.4) for _ in range(30)]
  assert np.ptp([pose[8] for pose in walking]) > 0.1
  assert all((pose[:2] == 0).all() for pose in walking)


def test_a_height_field_is_drawn_as_high_as_it_is():
  from wildrobot_playground.envs import terrain

  model = scene.compile_scene(WILDROBOT, "rough")
  terrain.fill(model)
  vertices, faces = ground.mesh(model)
  height = terrain.make_ground(model)(vertices[::97])
  np.testing.assert_allclose(height, vertices[::97, 2], atol=1e-5)
  a, b, c = vertices[faces[::97]].transpose(1, 0, 2)
  assert (np.cross(b - a, c - a)[:, 2] > 0).all()  # They face up.
  assert scene.compile_scene(WILDROBOT).nhfield == 0
