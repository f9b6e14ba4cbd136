import dataclasses

import numpy as np
import pytest

from wildrobot_playground.motion.show import plot, render


@pytest.fixture(scope="module")
def can_render(robot):
  try:
    with render._renderer(robot.model, (8, 8)):
      pass
  except render.RenderError as error:
    pytest.skip(str(error))


def test_a_contact_sheet_is_a_picture(
  can_render, tmp_path, human_clip, generated_clip, robot
):
  path = tmp_path / "new" / "sheet.png"
  render.contact_sheet([human_clip, generated_clip], path, robot, count=3)
  assert path.read_bytes().startswith(b"\x89PNG")


def test_the_robot_is_in_the_middle_of_every_camera(
  can_render, human_clip, robot
):
  qpos = human_clip.at(np.array([0.0, 30.0]))  # The second nine metres on.
  for camera in render.CAMERAS:
    with render._renderer(robot.model, (60, 60)) as renderer:
      pictures = list(render._pictures(qpos, renderer, robot, camera))
    orange = [
      (p[..., 0] > 150) & (p[..., 2] < 60) for p in map(np.asarray, pictures)
    ]
    for seen in orange:
      columns = np.flatnonzero(np.any(seen, axis=0))
      assert 15 < np.mean(columns) < 45


def test_a_film_is_a_film(can_render, tmp_path, human_clip, robot):
  path = tmp_path / "walk.mp4"
  render.film([human_clip] * 2, path, robot, seconds=0.1)
  assert b"ftyp" in path.read_bytes()[:32]


def test_where_nothing_renders_it_is_said(monkeypatch, robot):
  def fail(*args):
    raise RuntimeError("no display")

  monkeypatch.setattr(render.mujoco, "Renderer", fail)
  with pytest.raises(render.RenderError, match=r"no display.*MUJOCO_GL=egl"):
    render._renderer(robot.model, (8, 8))


def test_curves_are_a_picture(tmp_path, human_clip, recorded_clip, robot):
  path = tmp_path / "curves.png"
  plot.curves([human_clip, recorded_clip], path, robot)
  assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["wa\udcfflk", "$\\frac$", "a$b"])
def test_a_clip_may_be_called_whatever_a_file_may(
  tmp_path, human_clip, robot, name
):
  path = tmp_path / "curves.png"
  plot.curves([dataclasses.replace(human_clip, name=name)], path, robot)
  assert path.read_bytes().startswith(b"\x89PNG")
